"""Computes every metric over a range of days: sums on the engine by days and members, windows and ratios from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from jobs.metrics.changes import first_day
from jobs.metrics.gaps import gaps_of
from jobs.metrics.plans import Cut, MetricPlans, metrics_of
from jobs.metrics.rows import BEGIN, END, Sums, distinct_counts, rows_of, sums
from jobs.metrics.series import (
    MOST_MEMBERS,
    Array,
    DayRange,
    MemberValues,
    MetricSeries,
    daily,
    has_rows,
    ratio,
    too_fine,
)
from quanyu.grammar.metrics.checks import shared_dimensions
from quanyu.grammar.metrics.plan import MetricPlan
from quanyu.model.metrics import ALL, TOTAL
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pandas as pd

# A dimension with more members is left out, since they would not fit into memory for all days.
MOST_IN_MEMORY = 100_000


def series_of(context: Context, plans: MetricPlans, span: DayRange) -> dict[str, MetricSeries]:
    """Every metric over a range of days that ends with the run's day."""
    series: dict[str, MetricSeries] = {}
    for cut in sorted(plans.cuts, key=lambda cut: any(plan.metric.only_with for plan in cut.plans)):
        series |= {one.name: one for one in _of_cut(context, cut, span, series)}
    metrics = metrics_of(context.catalogue)
    for name, metric in plans.ratios.items():
        series[name] = ratio(name, metric, series, shared_dimensions(metric, metrics), span.size)
    return series


def _of_cut(
    context: Context, cut: Cut, span: DayRange, others: Mapping[str, MetricSeries]
) -> Iterator[MetricSeries]:  # fmt: skip
    begin, gaps = first_day(context, cut), gaps_of(context, cut)
    stale = cut.is_profile and gaps
    nothing = begin is None or stale
    series = [_empty(plan, span) for plan in cut.plans] if nothing else _computed(context, cut, span, others)
    for one, plan in zip(series, cut.plans, strict=True):
        width = plan.metric.within
        for gap in gaps:
            one.block(gap.reason, range(span.index(max(gap.first, span.first)), span.index(gap.last) + width))
        for other in plan.metric.only_with.values():
            for position, reason in enumerate(others[other].reasons):
                if reason is not None:
                    one.block(f"{other}: {reason}" if reason else "", [position])
        if begin is None:
            one.block(f"{cut.table.name} has no rows yet", [span.size - 1])
        _before_first(one, span, (begin or context.day) + timedelta(days=width - 1), width)
        yield one


def _empty(plan: MetricPlan, span: DayRange) -> MetricSeries:
    return MetricSeries(plan.name, {}, [None] * span.size)


def _before_first(series: MetricSeries, span: DayRange, first: date, width: int) -> None:
    """Leave out days before the first whole window; on the run's day, say so."""
    if first > span.last:
        series.block(f"facts do not reach back {width} days yet", [span.size - 1])
    series.block("", range(min(span.index(first), span.size)))


def _computed(context: Context, cut: Cut, span: DayRange, others: Mapping[str, MetricSeries]) -> list[MetricSeries]:
    rows = rows_of(context, cut, span.first)
    counted = {plan.name for plan in cut.plans if plan.counted}
    added = [plan for plan in cut.plans if plan.name not in counted]
    if counted and len(counted) + bool(added) > 1:
        rows = context.lake.staging.materialize(rows)
    series = {}
    if added:
        totals = sums(rows, added)
        frame = context.lake.staging.stage(totals.rows).arrow().to_pandas()
        series = {plan.name: _added(plan, n, totals, frame, span, others) for n, plan in enumerate(added)}
    for plan in cut.plans:
        if plan.name in counted:
            frame = context.lake.staging.stage(distinct_counts(rows, plan)).arrow().to_pandas()
            series[plan.name] = _counted(plan, frame, span)
    return [series[plan.name] for plan in cut.plans]


def _added(
    plan: MetricPlan, number: int, totals: Sums, frame: pd.DataFrame, span: DayRange,
    others: Mapping[str, MetricSeries],
) -> MetricSeries:  # fmt: skip
    """A sum or count from the rows of `sums`."""
    for dimension, other in plan.metric.only_with.items():
        names = frame[totals.dimensions[plan.dimensions()[dimension]]].to_numpy(object).astype(str)
        frame = frame[has_rows(others[other], dimension, names, _positions(frame, span, 0)[0])]
    begin, end = _positions(frame, span, plan.metric.within - 1)
    value, lost, count = (frame[f"_{sign}{number}"].to_numpy(np.int64) for sign in "vln")
    columns = {TOTAL: np.full(len(frame), ALL, object)}
    columns |= {name: frame[totals.dimensions[sql]].to_numpy(object) for name, sql in plan.dimensions().items()}
    series = _empty(plan, span)
    for dimension, values in columns.items():
        members, codes = _coded(values, dimension)
        if len(members) > MOST_IN_MEMORY:
            continue
        shape = (len(members), span.size)
        amounts, rows = (daily(begin, end, codes, one, shape) for one in (value, count))
        series.blocks[dimension] = MemberValues(members, amounts, rows, totals.scales[number])
        if dimension == TOTAL:
            losses = daily(begin, end, codes, lost, shape)[0]
            series.block(f"{plan.metric.value!r} cannot be computed of a row", np.flatnonzero(losses))
    return series


def _counted(plan: MetricPlan, frame: pd.DataFrame, span: DayRange) -> MetricSeries:
    """A count of distinct values from the rows of `distinct_counts`."""
    series = _empty(plan, span)
    for dimension in (TOTAL, *plan.metric.dimensions):
        part = frame[frame["dimension"] == dimension]
        members, codes = _coded(part["member"].to_numpy(object), dimension)
        if len(members) <= MOST_IN_MEMORY:
            begin, end = _positions(part, span, 0)
            counts = daily(begin, end, codes, part["n"].to_numpy(np.int64), (len(members), span.size))
            series.blocks[dimension] = MemberValues(members, counts, counts, 0)
    return series


def _coded(values: Array, dimension: str) -> tuple[list[str], Array]:
    """Sorted members, and the position of each value among them. A total always has its one member."""
    if dimension == TOTAL:
        return [ALL], np.zeros(len(values), np.int64)
    members, codes = np.unique(values.astype(str), return_inverse=True)
    return members.tolist(), codes


def _positions(frame: pd.DataFrame, span: DayRange, more: int) -> tuple[Array, Array]:
    """Positions of the first and last day of rows in a range; the last is `more` days later."""
    first = np.datetime64(span.first, "D")
    days = [frame[name].to_numpy("datetime64[D]") - first for name in (BEGIN, END)]
    begin, end = (one.astype(np.int64) for one in days)
    return begin, end + more


def broad(series: Mapping[str, MetricSeries], plans: Sequence[MetricPlan]) -> Iterable[str]:
    """Words about dimensions that were left out since they have too many members."""
    for plan in plans:
        blocks = series[plan.name].blocks
        for dimension in plan.metric.dimensions:
            fine = too_fine(blocks[dimension].rows > 0).any() if dimension in blocks else bool(blocks)
            if fine:
                yield f"{plan.name} by {dimension} has more than {MOST_MEMBERS:,} members a day and is left out then"
