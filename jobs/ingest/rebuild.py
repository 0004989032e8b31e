"""Tables of a feed that were lost: made again out of bronze, or out of landing where bronze is lost too."""

from __future__ import annotations

from jobs.ingest.work import Work
from quanyu import agreement
from quanyu.errors import KeeperError
from quanyu.lake.receipt import Receipt
from quanyu.run import Context
from quanyu.source import Source


def lost_tables(context: Context, source: Source) -> frozenset[str]:
    """Lost tables of a feed that bronze can make again; without bronze none, and all files are new again.

    Raises KeeperError where landing does not have all files any more that bronze had.
    """
    lost, place = agreement.to_make(context, f"ingest.{source.name}"), f"bronze/{source.name}"
    if place not in lost:
        return lost if context.lake.exists(place) else frozenset()
    ledger = context.store.ledger
    taken = [path for path, file in ledger.files(source.name).items() if file.status == "taken"]
    there = {name for name, _ in source.files(context.settings.landing, context.settings.data)}
    if gone := sorted(set(taken) - there):
        raise KeeperError(
            f"{place} was lost, and {len(gone)} of the {len(taken)} files that it was made of do not lie in landing any"
            f" more, such as {gone[0]}: put them back, or take all of the home from its last backup (quanyu restore)"
        )
    ledger.forget(source.name, list(ledger.files(source.name)))
    return frozenset()


def work(context: Context, source: Source, receipt: Receipt, lost: frozenset[str]) -> Work:
    """Map all days of bronze again, into lost tables alone; each known since its last file was, else since itself."""
    days = frozenset(day for day in context.lake.values(f"bronze/{source.name}", "_day") if day)
    files = context.store.ledger.files(source.name).values()
    recorded = {day: max([day, *(file.recorded_on for file in files if file.feed_day == day)]) for day in days}
    made = Work(context, source, receipt, days=days, lost=lost, recorded=recorded)
    made.again = days & frozenset(made.volumes)
    return made
