"""Reads values of metrics from the lake, without the engine: by day, and by member of a dimension."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from jobs.metrics.changes import PLACE
from jobs.metrics.usual import usual
from quanyu.errors import ConfigError
from quanyu.lake import Lake
from quanyu.model.metrics import TOTAL

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
    """Values by metric and member."""
    from pyarrow import compute

    chosen = compute.field("dimension") == dimension
    if names is not None:
        chosen &= compute.field("metric").isin(list(names))
    table = lake.rows(PLACE, ["metric", "member", "day", "value", "reason"], chosen)
    rows: dict[str, dict[str, Past]] = {}
    for metric, member, day, value, reason in zip(*(column.to_pylist() for column in table.columns), strict=True):
        past = rows.setdefault(metric, {}).setdefault(member, Past())
        _add(past, day, value, reason)
    return rows


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
