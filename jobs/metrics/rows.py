"""Rows of a cut with the days on which they count, and their sums and counts by these days and by members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from jobs.metrics.plans import Cut
from quanyu.engine.filtered import rows_where
from quanyu.expressions.datatypes import digits
from quanyu.grammar.metrics.metric import ValidTime
from quanyu.grammar.metrics.plan import MetricPlan
from quanyu.grammar.tags import profile_column
from quanyu.identifiers.valid import AS_KNOWN, PERSON, repeat_for_days
from quanyu.lake.union import union_all
from quanyu.literals import instant, quoted
from quanyu.model.metrics import ALL, TOTAL
from quanyu.point_in_time import as_of, masters
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Member of rows whose dimension is null.
UNKNOWN = "unknown"
# Decimals that are kept of doubles and of finer decimals.
MOST_DECIMALS = 6
BEGIN, END = "_from", "_to"


@dataclass(frozen=True)
class Sums:
    """Rows of a query: `_from`, `_to`, a column for each dimension, and of each metric `_v`, `_l`, `_n` with a number.

    `_v` is the value times ten to the power of `scales`, `_l` counts lost values, `_n` rows.
    """

    rows: DataFrame
    dimensions: Mapping[str, str]
    plans: Sequence[MetricPlan]
    scales: Sequence[int]


def rows_of(context: Context, cut: Cut, since: date) -> DataFrame:
    """Rows of a cut that count on some day from `since` to the run's day, with `_from` and `_to`, the days they count.

    Windows are not part of `_to`. An open end is the run's day.
    """
    rows = _dated(context, cut, since)
    if not cut.is_profile:
        texts = [text for plan in cut.plans for text in plan.texts()]
        rows = masters.with_referred(context, rows, cut.table, texts, context.day)
    if cut.by_customer:
        rows = rows.join(as_of.people_of(context), list(PERSON), "left")
    return rows.select(*(name for name in rows.columns if name in _named(cut)))


def _named(cut: Cut) -> set[str]:
    """Columns of the rows that metrics of a cut name, and those that say when a row counts and which one is first."""
    names = {name for plan in cut.plans for name in plan.columns()}
    names = {profile_column(name) if cut.is_profile else name.partition(".")[0] for name in names}
    return names | {BEGIN, END, "as_of"} | ({time_of(cut), *cut.table.identity()} if cut.first else set())


def _dated(context: Context, cut: Cut, since: date) -> DataFrame:
    day, table = context.day, context.catalogue.tables[cut.table.name]
    rows = context.lake.table(table)
    if cut.is_profile:
        return rows.selectExpr("*", f"date'{day}' as {BEGIN}", f"date'{day}' as {END}")
    rows = repeat_for_days(rows, (day,))
    if table.layer == "silver":
        rows = rows.where("recorded_on <= as_of" if cut.valid == "recorded" else AS_KNOWN)
    begin, end = days_of(cut)
    if cut.valid is None and not cut.first:
        rows = rows.where(_not_before(context, cut, since - timedelta(days=cut.widest - 1)))
    rows = rows.selectExpr("*", f"{begin} as {BEGIN}", f"least({end}, as_of) as {END}")
    return rows.where(f"{BEGIN} <= as_of" if cut.valid is None else f"{BEGIN} <= {END} and {END} >= date'{since}'")


def days_of(cut: Cut) -> tuple[str, str]:
    """SQL of the first and the last day on which a row counts; of a row without end, the run's day."""
    if cut.valid == "recorded":
        return "recorded_on", "coalesce(date_sub(replaced_on, 1), as_of)"
    if isinstance(cut.valid, ValidTime):
        since, until = cut.valid.since, cut.valid.until
        return f"to_date(`{since}`)", f"coalesce(date_sub(to_date(`{until}`), 1), as_of)"
    day = f"to_date(`{time_of(cut)}`)"
    return day, day


def time_of(cut: Cut) -> str:
    """Column with the time of a row."""
    return str(cut.at or cut.table.event_time)


def _not_before(context: Context, cut: Cut, day: date) -> str:
    """Condition of rows of a day or later, by which an engine can skip files."""
    name = time_of(cut)
    if cut.table.schema()[name].type == "date":
        return f"`{name}` >= date'{day}'"
    return f"`{name}` >= {instant(datetime.combine(day, time(), context.settings.tzinfo))}"


def sums(rows: DataFrame, plans: Sequence[MetricPlan]) -> Sums:
    """Sums and counts by days and all dimensions together, in one pass."""
    from pyspark.sql import functions as F  # noqa: N812

    dimensions = _numbered(plans)
    members = [f"coalesce({sql}, '{UNKNOWN}') as {name}" for sql, name in dimensions.items()]
    parts: dict[str, str] = {}
    for plan in plans:
        parts |= plan.aggregate.parts() | plan.aggregate.rows.parts()
    keyed = rows.selectExpr("*", *members)
    grouped = keyed.groupBy(BEGIN, END, *dimensions.values())
    totals = grouped.agg(*(F.expr(sql).alias(name) for name, sql in parts.items()))
    scales = [_scale(plan.aggregate.type) for plan in plans]
    values = [sql for n, plan in enumerate(plans) for sql in _values(n, plan, scales[n])]
    columns = [BEGIN, END, *dimensions.values()]
    return Sums(totals.selectExpr(*columns, *values), dimensions, plans, scales)


def _numbered(plans: Sequence[MetricPlan]) -> dict[str, str]:
    """A column name for each distinct SQL of a dimension."""
    return {sql: f"_d{n}" for n, sql in enumerate(dict.fromkeys(s for p in plans for s in p.dimensions().values()))}


def _values(number: int, plan: MetricPlan, scale: int) -> Iterator[str]:
    value = plan.aggregate.value()
    whole = f"try_cast({value} as decimal(18,{scale})) * cast({10**scale} as decimal({scale + 1},0))"
    whole = f"cast({whole} as bigint)" if plan.aggregate.type not in ("int", "bigint") else value
    lost = plan.aggregate.lost() or "false"
    yield f"coalesce({whole}, 0) as _v{number}"
    # Rows of which none has a value add nothing, and nothing is lost.
    yield f"if(coalesce({lost}, false) or (({value}) is not null and ({whole}) is null), 1, 0) as _l{number}"
    yield f"{plan.aggregate.rows.value()} as _n{number}"


def _scale(kind: str) -> int:
    if kind in ("int", "bigint"):
        return 0
    return min((digits(kind) or (0, MOST_DECIMALS))[1], MOST_DECIMALS)


def distinct_counts(rows: DataFrame, plan: MetricPlan) -> DataFrame:
    """Numbers of distinct values by dimension and member, from a first to a last day: dimension, member, _from, _to, n.

    The days of a value never overlap, so that the numbers of several rows add up.
    """
    chosen = rows_where(rows, plan.where()).where(f"({plan.counted}) is not null")
    members = {TOTAL: quoted(ALL), **{n: f"coalesce({sql}, '{UNKNOWN}')" for n, sql in plan.dimensions().items()}}
    columns = [f"{plan.counted} as _key", BEGIN, f"date_add({END}, {plan.metric.within - 1}) as {END}"]
    if plan.metric.first:
        chosen = _first_rows(chosen, plan)
    parts = [chosen.selectExpr(f"{quoted(n)} as dimension", f"{sql} as member", *columns) for n, sql in members.items()]
    days = union_all(parts).distinct()
    if plan.metric.within > 1 or plan.metric.valid is not None:
        before = f"partition by dimension, member, _key order by {BEGIN}, {END} rows between unbounded preceding and 1"
        days = days.selectExpr("*", f"max({END}) over ({before} preceding) as _before")
        begin = f"if(_before >= {BEGIN}, date_add(_before, 1), {BEGIN}) as {BEGIN}"
        days = days.selectExpr("dimension", "member", begin, END).where(f"{BEGIN} <= {END}")
    return days.groupBy("dimension", "member", BEGIN, END).count().withColumnRenamed("count", "n")


def _first_rows(rows: DataFrame, plan: MetricPlan) -> DataFrame:
    """The first row of each distinct value; of several at the same time, the smallest key."""
    table = plan.scope.table
    at = plan.metric.at or table.event_time
    order = ", ".join(f"`{name}`" for name in dict.fromkeys([str(at), *table.identity()]))
    numbered = rows.selectExpr("*", f"row_number() over (partition by {plan.counted} order by {order}) as _n")
    return numbered.where("_n = 1")
