"""Values of metrics as people read them: numbers with units, changes, goals, and lines of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from jobs.metrics.history import Past, year_before
from quanyu.grammar.metrics.metric import SHARE, Metric

_BLOCKS = "▁▂▃▄▅▆▇█"
NOTHING = "·"


def number(value: float | None, unit: str) -> str:
    """A value in its unit: shares in per cent, large values without decimals."""
    if value is None:
        return NOTHING
    if unit == SHARE:
        return f"{value:.1%}"
    return f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:,.2f}"


def unit_name(unit: str, currency: str) -> str:
    """A unit with the retailer's currency in place of the word."""
    return " ".join(currency if word == "currency" else word for word in unit.split())


def change(past: Past, day: date, before: date, unit: str) -> str:
    """Change since an earlier day: in per cent, of shares in percentage points."""
    difference = past.change(day, before)
    if difference is None:
        return NOTHING
    if unit == SHARE:
        return f"{100 * difference:+.1f} pp"
    then = past.values[before]
    return f"{difference / abs(then):+.0%}" if then else (NOTHING if difference else "+0%")


def changes(past: Past, day: date, unit: str) -> tuple[str, str]:
    """Change against the same weekday last week, and against the same day last year."""
    return change(past, day, day - timedelta(days=7), unit), change(past, day, year_before(day), unit)


def sparkline(values: Sequence[float | None]) -> str:
    """A block for each value, by its height between the least and the greatest; a space for one that lacks."""
    present = [value for value in values if value is not None]
    if not present:
        return ""
    least, span = min(present), max(present) - min(present)
    heights = (None if v is None else round((v - least) / span * (len(_BLOCKS) - 1)) if span else 0 for v in values)
    return "".join(" " if height is None else _BLOCKS[height] for height in heights)


def goal(metric: Metric, value: float | None) -> str:
    """The goal, and whether it is met: its direction alone where it has no target."""
    if metric.goal is None:
        return ""
    arrow = "↑" if metric.goal.direction == "up" else "↓"
    if metric.goal.target is None:
        return arrow
    met = is_met(metric, value)
    return f"{arrow} {number(metric.goal.target, metric.unit)}{'' if met is None else ' ✓' if met else ' ✗'}"


def is_met(metric: Metric, value: float | None) -> bool | None:
    """Whether a target is met; None without a target or a value."""
    if metric.goal is None or metric.goal.target is None or value is None:
        return None
    return value >= metric.goal.target if metric.goal.direction == "up" else value <= metric.goal.target
