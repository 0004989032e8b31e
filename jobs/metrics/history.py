"""Reads values of metrics from the lake, without the engine: by day, and by member of a dimension."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from jobs.metrics.changes import PLACE
from jobs.metrics.usual import WEEKS, usual
from quanyu.errors import ConfigError
from quanyu.lake import Lake
from quanyu.model.metrics import ALL, TOTAL

SHOWN_DAYS = 28


@dataclass
class Past:
    """Values of one member by day, and the reasons for those that lack."""

    values: dict[date, float] = field(default_factory=dict)
    reasons: dict[date, str] = field(default_factory=dict)

    def last(self, day: date, days: int) -> list[float | None]:
        """Values of the days that end with a day, null where there is none."""
        return [self.values.get(day - timedelta(days=n)) for n in reversed(range(days))]

    def change(self, day: date, before: date) -> float | None:
        """Difference between the values of two days; None if one lacks."""
        then, now = self.values.get(before), self.values.get(day)
        return None if then is None or now is None else now - then

    def mark(self, day: date) -> str:
        """`high` or `low` if the value of a day is unusual for its weekday; else empty."""
        interval, value = usual(self.values, day), self.values.get(day)
        return interval.mark(value) if interval and value is not None else ""


def last_day(lake: Lake) -> date:
    """The last day with values. Raises ConfigError before the first run."""
    if lake.version(PLACE) is None:
        raise ConfigError("no metric was computed in this home yet: quanyu run --day DAY does it")
    from pyarrow import compute

    day: date = compute.max(lake.arrow(PLACE).to_table(columns=["day"])["day"]).as_py()
    return day


def read(lake: Lake, names: Collection[str] | None = None, dimension: str = TOTAL) -> dict[str, dict[str, Past]]:
    """Values by metric and member. A sum or count is 0 on a day without rows of a member that had some lately."""
    from pyarrow import compute

    chosen = compute.field("dimension").isin(list({dimension, TOTAL}))
    if names is not None:
        chosen &= compute.field("metric").isin(list(names))
    columns = ["metric", "dimension", "member", "day", "value", "reason", "numerator"]
    table = lake.rows(PLACE, columns, chosen)
    rows: dict[tuple[str, str], dict[str, Past]] = {}
    ratios = set()
    for metric, by, member, day, value, reason, numerator in zip(*(c.to_pylist() for c in table.columns), strict=True):
        _add(rows.setdefault((metric, by), {}).setdefault(member, Past()), day, value, reason)
        if numerator is not None:
            ratios.add(metric)
    members = {metric: pasts for (metric, by), pasts in rows.items() if by == dimension}
    if dimension != TOTAL:
        for metric in members.keys() - ratios:
            add_zeros(members[metric], rows[metric, TOTAL][ALL])
    return members


def add_zeros(members: Mapping[str, Past], total: Past) -> None:
    """Add 0 on days with a total of members without rows, for as long after their rows as a day is compared with them.

    On a day on which the dimension had too many members nothing is known of any.
    """
    listed = {day for past in members.values() for day in past.values}
    known = sorted(day for day, value in total.values.items() if day in listed or not value)
    for past in members.values():
        seen: date | None = None
        for day in known:
            if day in past.values:
                seen = day
            elif seen is not None and (day - seen).days <= 7 * WEEKS:
                past.values[day] = 0.0


def _add(past: Past, day: date, value: float | None, reason: Any) -> None:
    if value is None:
        past.reasons[day] = str(reason)
    else:
        past.values[day] = value


def year_before(day: date) -> date:
    """The same day last year; 28 February for a leap day."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)
