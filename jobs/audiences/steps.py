"""One step for all audiences: one pass over the customers, then who entered and who left."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from jobs.audiences import rules
from quanyu import asof
from quanyu.declare import digest
from quanyu.discover import Catalogue
from quanyu.literals import dates
from quanyu.receipt import Receipt
from quanyu.run import Context, Outcome, Step

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


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
    definition = digest([declared, inspect.getsource(rules)])
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
    now, sizes = lake.staging.counted(rules.inside(context, skipped).selectExpr("*", _sized(day)), by="_sized")
    written = lake.sync(table, stays(lake.table(table), now.drop("_sized"), [*skipped, day]), receipt)
    told = {name: sizes.get(name, 0) for name in context.catalogue.audiences}
    notes = [f"{len(skipped)} skipped days taken first"] if skipped else []
    notes += [f"{left_out} days before them were not looked at (catch_up_days)"] if left_out else []
    return Outcome(sum(told.values()), written.changed, 0, written.unchanged, tuple(notes), {"audiences": told})


def _sized(day: date) -> str:
    return f"if(as_of = date'{day}', audience, null) as _sized"


def skipped_days(context: Context) -> tuple[list[date], int]:
    """Days between the last one taken and this one, at most `catch_up_days` of them, and how many more there were."""
    known = context.store.memory.recall("memberships", "")
    told = [known["day"]] if known else []
    # A run that was killed behind its commit is remembered by the commit alone.
    receipt = context.lake.receipt("gold/memberships")
    told += [receipt["day"]] if receipt else []
    if not told:
        return [], 0
    between = (context.day - date.fromisoformat(max(told))).days - 1
    taken = max(min(between, context.settings.catch_up_days), 0)
    return [context.day - timedelta(days=n) for n in range(taken, 0, -1)], max(between - taken, 0)


def stays(before: DataFrame, inside: DataFrame, days: Sequence[date]) -> DataFrame:
    """Continue the stays that there were by who was inside on each of the following days.

    A stay is a run of days in a row; one that was open before goes on if its customer is inside on the first day.
    """
    nth = "case " + " ".join(f"when as_of = date'{on}' then {n}" for n, on in enumerate(days)) + " end as nth"
    seen = inside.selectExpr("audience", "customer_id", "cast(null as date) as entered_on", "holdout", nth)
    still = before.where("left_on is null").selectExpr("audience", "customer_id", "entered_on", "holdout", "-1 as nth")
    run = "nth - row_number() over (partition by audience, customer_id order by nth) as run"
    made = (
        seen.unionByName(still)
        .selectExpr("*", run)
        .groupBy("audience", "customer_id", "run")
        .agg(*_stay(f"array({dates(days)})"))
    )
    # Who came in on this very day and is out by a corrected view of it was never in.
    kept = made.where("left_on is null or entered_on < left_on").drop("run")
    return before.where("left_on is not null").unionByName(kept)


def _stay(days: str) -> list[Column]:
    from pyspark.sql import functions as F  # noqa: N812

    return [
        F.expr(f"coalesce(min(entered_on), get({days}, min(nth)))").alias("entered_on"),
        F.expr(f"get({days}, max(nth) + 1)").alias("left_on"),
        F.expr("min_by(holdout, nth)").alias("holdout"),
    ]
