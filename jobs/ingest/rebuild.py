"""Rebuilds lost tables of a feed from bronze, or from landing if bronze is lost too."""

from __future__ import annotations

from jobs.ingest.work import IngestRun
from quanyu.errors import KeeperError
from quanyu.feeds.source import Source
from quanyu.lake.receipt import Receipt
from quanyu.run import integrity
from quanyu.run.runner import Context


def lost_tables(context: Context, source: Source) -> frozenset[str]:
    """Lost tables of a feed that can be rebuilt from bronze. If bronze is lost too: none, and all files are new again.

    Raises KeeperError if files that were in bronze are no longer in landing.
    """
    lost, place = integrity.places_to_rebuild(context, f"ingest.{source.name}"), f"bronze/{source.name}"
    if place not in lost:
        return lost if context.lake.exists(place) else frozenset()
    ledger = context.store.ledger
    paths = [path for path, file in ledger.files(source.name).items() if file.status == "taken"]
    landed = {name for name, _ in source.files(context.settings.landing, context.settings.data)}
    if missing := sorted(set(paths) - landed):
        raise KeeperError(
            f"{place} was lost, and {len(missing)} of the {len(paths)} files that it was built from are no longer in"
            f" landing, such as {missing[0]}: put them back, or restore the home from its last backup (quanyu restore)"
        )
    ledger.forget(source.name, list(ledger.files(source.name)))
    return frozenset()


def work(context: Context, source: Source, receipt: Receipt, lost: frozenset[str]) -> IngestRun:
    """Work that maps all days of bronze again, into lost tables only.

    Each day is recorded on the latest `recorded_on` of its files, or on itself if it has none.
    """
    days = frozenset(day for day in context.lake.values(f"bronze/{source.name}", "_day") if day)
    files = context.store.ledger.files(source.name).values()
    recorded = {day: max([day, *(file.recorded_on for file in files if file.feed_day == day)]) for day in days}
    rebuild_work = IngestRun(context, source, receipt, days=days, lost=lost, recorded=recorded)
    rebuild_work.redelivered = days & frozenset(rebuild_work.volumes)
    return rebuild_work
