"""Values of metrics over a range of days: exact sums of the rows that count on each day, and ratios of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from quanyu.grammar.metrics.metric import SHARE, Metric, terms
from quanyu.model.metrics import ALL, TOTAL

Array = np.ndarray[Any, Any]
# A dimension is left out on days on which it has more members: it is too fine to be looked at by day.
MOST_MEMBERS = 1000


@dataclass(frozen=True)
class DayRange:
    """Days from a first to a last one."""

    first: date
    last: date

    @property
    def days(self) -> list[date]:
        """Every day."""
        return [self.first + timedelta(days=n) for n in range(self.size)]

    @property
    def size(self) -> int:
        """Number of days."""
        return (self.last - self.first).days + 1

    def index(self, day: date) -> int:
        """Position of a day; negative before the first."""
        return (day - self.first).days


@dataclass
class MemberValues:
    """Values of the members of one dimension: arrays of shape (members, days).

    `values` are int64 times ten to the power of `scale`; `rows` is the number of rows (or distinct values) behind them.
    """

    members: list[str]
    values: Array
    rows: Array
    scale: int

    def numbers(self) -> Array:
        """Values in the metric's unit: float64 of shape (members, days)."""
        return np.asarray(self.values / 10**self.scale, np.float64)


@dataclass
class MetricSeries:
    """One metric over a range: a block per dimension, and for each day why there is no value.

    A reason is null where there is a value, and empty for a day before the first one with a value.
    """

    name: str
    blocks: dict[str, MemberValues]
    reasons: list[str | None] = field(default_factory=list)

    def block(self, reason: str, positions: Iterable[int]) -> None:
        """Say why some days have no value; days with another reason keep it."""
        for position in positions:
            if 0 <= position < len(self.reasons) and self.reasons[position] is None:
                self.reasons[position] = reason


def has_rows(series: MetricSeries, dimension: str, members: Array, positions: Array) -> Array:
    """Whether a metric has rows of a member on a day, for pairs of a member and the day's position: bool (pairs,)."""
    block = series.blocks.get(dimension)
    if block is None or not block.members:
        return np.zeros(len(members), bool)
    days = block.rows.shape[1]
    places = np.minimum(np.searchsorted(block.members, members), len(block.members) - 1)
    inside = (positions >= 0) & (positions < days) & (np.array(block.members, object)[places] == members)
    return np.asarray(inside & (block.rows[places, np.clip(positions, 0, days - 1)] > 0))


def daily(
    begin: Array, end: Array, members: Array, amounts: Array, shape: tuple[int, int]
) -> Array:  # fmt: skip
    """Sum amounts over the days on which they count: int64 of shape (members, days).

    `begin` and `end` are positions of the first and last day (inclusive); what lies outside of the range is cut off.
    Sums of 64 bits wrap around and back, so that differences of large sums are exact.
    """
    count, days = shape
    edges = np.zeros((count, days + 1), np.int64)
    begin, end = np.clip(begin, 0, None), np.clip(end, None, days - 1)
    inside = begin <= end
    np.add.at(edges, (members[inside], begin[inside]), amounts[inside])
    np.subtract.at(edges, (members[inside], end[inside] + 1), amounts[inside])
    return np.asarray(np.cumsum(edges, axis=1)[:, :days])


def ratio(
    name: str, metric: Metric, parts: Mapping[str, MetricSeries], dimensions: Iterable[str], size: int
) -> RatioSeries:
    """The ratio of sums of other metrics, in total and by the dimensions that all of them have."""
    series = RatioSeries(name, {}, [None] * size, is_share=metric.unit == SHARE)
    for part in metric.parts():
        for position, reason in enumerate(parts[part].reasons):
            if reason is not None:
                series.block(f"{part}: {reason}" if reason else "", [position])
    for dimension in (TOTAL, *dimensions):
        blocks = {part: parts[part].blocks.get(dimension) for part in metric.parts()}
        present = {part: block for part, block in blocks.items() if block is not None}
        if metric.ratio and len(present) == len(blocks):
            members = sorted({member for block in present.values() for member in block.members})
            above, below = (_sum(part, present, members, size) for part in metric.ratio)
            series.shares[dimension] = (members, above, below)
    return series


@dataclass
class RatioSeries(MetricSeries):
    """A ratio: for each dimension its members, and numerators and denominators of shape (members, days)."""

    shares: dict[str, tuple[list[str], Array, Array]] = field(default_factory=dict)
    is_share: bool = False
    """Whether the numerator is a part of the denominator, so that more than 1 is a mistake in the facts."""


def _sum(part: str, blocks: Mapping[str, MemberValues], members: Sequence[str], size: int) -> Array:
    total = np.zeros((len(members), size))
    for sign, name in terms(part):
        block = blocks[name]
        positions = np.searchsorted(members, block.members) if block.members else np.zeros(0, int)
        np.add.at(total, positions, sign * block.numbers())
    return total


Row = tuple[str, date, str, str, float | None, float | None, float | None, str | None]


def table_rows(series: MetricSeries, span: DayRange) -> Iterator[Row]:
    """Rows of the table of metrics: of days without a value the total only, with the reason."""
    days = span.days
    for position, reason in enumerate(series.reasons):
        if reason:
            yield (series.name, days[position], TOTAL, ALL, None, None, None, reason)
    valid = np.array([reason is None for reason in series.reasons])
    if isinstance(series, RatioSeries):
        yield from _ratio_rows(series, days, valid)
        return
    for dimension, block in series.blocks.items():
        numbers = block.numbers()
        shown = _shown(valid, (block.rows > 0) | (dimension == TOTAL))
        for member, position in zip(*np.nonzero(shown), strict=True):
            value = float(numbers[member, position])
            yield (series.name, days[position], dimension, block.members[member], value, None, None, None)


def too_fine(present: Array) -> Array:
    """On which days a dimension has too many members: bool of shape (days,)."""
    return np.asarray(present.sum(axis=0) > MOST_MEMBERS)


def _shown(valid: Array, present: Array) -> Array:
    """Which members have a row on which days: bool of shape (members, days)."""
    return np.asarray(present & (valid & ~too_fine(present))[None, :])


def _ratio_rows(series: RatioSeries, days: Sequence[date], valid: Array) -> Iterator[Row]:
    for dimension, (members, numerators, denominators) in series.shares.items():
        shown = _shown(valid, (numerators != 0) | (denominators != 0) | (dimension == TOTAL))
        for member, position in zip(*np.nonzero(shown), strict=True):
            above, below = float(numerators[member, position]), float(denominators[member, position])
            reason = _no_ratio(above, below, series.is_share)
            value = None if reason else above / below
            yield (series.name, days[position], dimension, members[member], value, above, below, reason)


def _no_ratio(above: float, below: float, is_share: bool) -> str | None:
    """Why two sums give no ratio; None if they do."""
    if not below:
        return "the denominator is 0"
    if is_share and above / below > 1:
        return "the numerator is more than the whole: the facts of the two are not of the same things"
    return None
