"""One step for all audiences: one pass over the customers, then who entered and who left."""

from __future__ import annotations

import inspect
import sys
from datetime import date, timedelta

from jobs.audiences import rules
from jobs.audiences.stays import MOVES, stays
from quanyu import asof
from quanyu.declare import digest
from quanyu.discover import Catalogue
from quanyu.lake.receipt import Receipt
from quanyu.run import Context, Outcome, Step


def steps(catalogue: Catalogue) -> list[Step]:
    """List the step that keeps all memberships, if there is any audience."""
    if not catalogue.audiences:
        return []
    tables = catalogue.tables
    measured = {m.over for a in catalogue.audiences.values() for m in a.measures.values()}
    facts = {place for name in measured for place in asof.sources_of(tables[name])}
    named = {"scores" if room in catalogue.models else room for room in rules.named(catalogue)}
    reads = {f"gold/{view}" for view in named} | facts | {asof.IDENTITIES, "gold/customers"}
    declared = [audience.digest() for audience in catalogue.audiences.values()]
    definition = digest([declared, inspect.getsource(rules), inspect.getsource(sys.modules[stays.__module__])])
    return [
        Step(
            "memberships", "audiences", tuple(sorted(reads)), ("gold/memberships",), definition, keep,
            "Who is in each audience, since when, and who left.", as_of=True, forward=True,
        )
    ]  # fmt: skip


def keep(context: Context, receipt: Receipt) -> Outcome:
    """Bring the memberships forward to the day, the days that no run took one by one before it."""
    table, lake, day = context.catalogue.tables["memberships"], context.lake, context.day
    skipped, left_out = skipped_days(context)
    considered, sizes = lake.staging.counted(
        rules.considered(context, skipped).selectExpr("*", _sized(day)), by="_sized"
    )
    now = considered.rows.where("lost is null").drop("lost", "_sized")
    before, moved = lake.table(table), lake.spark.createDataFrame(moves(context), MOVES)
    written = lake.sync(table, stays(before, now, [*skipped, day], moved), receipt)
    told = {name: sizes.get(name, 0) for name in context.catalogue.audiences}
    notes = [f"{len(skipped)} skipped days taken first"] if skipped else []
    notes += [asof.lost_note(name, sizes[key]) for key in sizes if (name := _lost(key))]
    notes += [f"{left_out} days before them were not looked at (catch_up_days)"] if left_out else []
    return Outcome(sum(told.values()), written.changed, 0, written.unchanged, tuple(notes), {"audiences": told})


def _sized(day: date) -> str:
    """What a row of the day counts for: an audience, or `lost NAME` for a value that cannot be computed."""
    return f"if(as_of = date'{day}', coalesce(audience, concat('lost ', lost)), null) as _sized"


def _lost(sized: str | None) -> str:
    return sized.removeprefix("lost ").replace("__", ".") if sized and sized.startswith("lost ") else ""


def skipped_days(context: Context) -> tuple[list[date], int]:
    """Days between the last one taken and this one, at most `catch_up_days` of them, and how many more there were."""
    last = last_taken(context)
    if last is None:
        return [], 0
    between = (context.day - last).days - 1
    taken = max(min(between, context.settings.catch_up_days), 0)
    return [context.day - timedelta(days=n) for n in range(taken, 0, -1)], max(between - taken, 0)


def last_taken(context: Context) -> date | None:
    """The last day to which memberships were brought; None before the first."""
    known = context.store.memory.recall("memberships", "")
    told = [known["day"]] if known else []
    # A run that was killed behind its commit is remembered by the commit alone.
    receipt = context.lake.receipt("gold/memberships")
    told += [receipt["day"]] if receipt else []
    return date.fromisoformat(max(told)) if told else None


def moves(context: Context) -> list[tuple[str, str]]:
    """Ids from which records went to others since the last day taken: the id before, and the one that they hold now.

    An ended id leads on however long ago it ended, since its stays are closed when they have been moved.
    """
    since = last_taken(context)
    if since is None:
        return []
    return [*asof.redirects(context.lake).items(), *asof.parted(context.lake, since)]
