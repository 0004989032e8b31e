"""Shows metrics in the terminal: all of them on a day, and one by day or by member of a dimension."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from jobs.metrics import tree
from jobs.metrics.history import SHOWN_DAYS, Past, last_day, read, year_before
from jobs.metrics.page import definition
from jobs.metrics.plans import metrics_of, parts_only, plans_of
from jobs.metrics.usual import usual
from jobs.metrics.words import changes, goal, is_met, number, sparkline, unit_name
from quanyu.discover import Catalogue
from quanyu.errors import ConfigError, nearest
from quanyu.grammar.metrics.checks import shared_dimensions
from quanyu.grammar.metrics.metric import SHARE, Metric
from quanyu.lake import Lake
from quanyu.model.metrics import ALL, TOTAL
from quanyu.printable import cell

COLUMNS = ("metric", "名称", "value", "", f"{SHOWN_DAYS} days", "last week", "last year", "goal")
_MARKS = {"high": Text("▲", "bold yellow"), "low": Text("▼", "bold yellow"), "": Text("")}
LEGEND = "▲ ▼ unusual for the weekday (median and MAD of eight weeks)"


def overview(catalogue: Catalogue, lake: Lake, day: date | None, parts: bool) -> Group:
    """Every metric by group, with its value of a day, what it was before, and its goal; `parts` of ratios too."""
    day = day or last_day(lake)
    past, unfilled = read(lake), plans_of(catalogue).unfilled
    of_ratios = parts_only(metrics_of(catalogue)) - set(unfilled)
    hidden = set() if parts else {*of_ratios, *unfilled}
    grid = Grid(title=f"Metrics of {day}", title_justify="left", title_style="bold", header_style="bold")
    for name in COLUMNS:
        left = name in ("metric", "名称", "goal", "", f"{SHOWN_DAYS} days")
        grid.add_column(name, justify="left" if left else "right", no_wrap=name not in ("goal",))
    reasons: dict[str, list[str]] = {}
    for group in dict.fromkeys(file.group for file in _files(catalogue)):
        grid.add_section()
        grid.add_row(Text(group.replace("_", " "), "bold cyan"))
        for name, metric in _of_group(catalogue, group):
            if name in hidden:
                continue
            own = past.get(name, {}).get(ALL, Past())
            grid.add_row(*_line(name, metric, own, day, catalogue.settings.currency))
            reason = unfilled.get(name) or own.reasons.get(day) or ("" if day in own.values else "not computed")
            if reason:
                reasons.setdefault(reason, []).append(name)
    lacking = (cell(f"no value: {', '.join(names)}: {reason}") for reason, names in reasons.items())
    words = {"that ratios are made of": of_ratios, "that need what no source fills": unfilled}
    counts = [f"{len(names)} {text}" for text, names in words.items() if names and hidden]
    more = [cell(f"More: {', '.join(counts)}: quanyu metrics --all")] if counts else []
    return Group(grid, cell(LEGEND), *lacking, *more)


def _files(catalogue: Catalogue) -> list[Any]:
    return sorted(catalogue.metrics.values(), key=lambda file: (file.group, file.name))


def _of_group(catalogue: Catalogue, group: str) -> Iterable[tuple[str, Metric]]:
    return (pair for file in _files(catalogue) if file.group == group for pair in file.named())


def _line(name: str, metric: Metric, past: Past, day: date, currency: str) -> list[Text]:
    value = past.values.get(day)
    week, year = changes(past, day, metric.unit)
    style = {True: "green", False: "red", None: ""}[is_met(metric, value)]
    unit = "" if metric.unit == SHARE else f" {unit_name(metric.unit, currency)}"
    shown = cell(number(value, metric.unit) + (unit if value is not None else ""))
    line = sparkline(past.last(day, SHOWN_DAYS))
    return [cell(name), cell(metric.zh), shown, _MARKS[past.mark(day)], cell(line), cell(week), cell(year),
            cell(goal(metric, value), style)]  # fmt: skip


def metric_of(catalogue: Catalogue, name: str) -> Metric:
    """A metric by its full name, or by its own if no other subject has it. Raises ConfigError."""
    return metrics_of(catalogue)[full_name(catalogue, name)]


def full_name(catalogue: Catalogue, name: str) -> str:
    """The full name of a metric. Raises ConfigError with the nearest name."""
    metrics = metrics_of(catalogue)
    matches = [other for other in metrics if name in (other, other.partition(".")[2])]
    if len(matches) != 1:
        raise ConfigError(f"unknown metric {name!r}; {nearest(name, matches or metrics)}")
    return matches[0]


def one(catalogue: Catalogue, lake: Lake, name: str, by: str | None, day: date | None, days: int) -> RenderableType:
    """One metric: what it means, and its last days in total or by member of a dimension."""
    name, day = full_name(catalogue, name), day or last_day(lake)
    metric = metrics_of(catalogue)[name]
    dimensions = shared_dimensions(metric, metrics_of(catalogue))
    if by is not None and by not in dimensions:
        raise ConfigError(f"{name} has no dimension {by!r}; {nearest(by, dimensions)}")
    past = read(lake, [name], by or TOTAL).get(name, {})
    head = [
        f"{name} {metric.zh}".rstrip(),
        metric.means,
        f"{definition(metric)}, in {unit_name(metric.unit, catalogue.settings.currency)}",
    ]
    head += [f"Source: {metric.standard}"] if metric.standard else []
    head += [f"By: {', '.join(dimensions)}"] if dimensions else []
    body = _members(metric, past, day, days) if by else _days(metric, past.get(ALL, Past()), day, days)
    return Group(*(cell(words, "bold" if n == 0 else "") for n, words in enumerate(head)), body)


def _days(metric: Metric, past: Past, day: date, days: int) -> Grid:
    grid = Grid(header_style="bold")
    for title in ("day", "value", "", "usual", "last week", "last year", "goal"):
        grid.add_column(title, justify="left" if title in ("day", "", "goal") else "right")
    for on in (day - timedelta(days=n) for n in reversed(range(days))):
        value, interval = past.values.get(on), usual(past.values, on)
        span = f"{number(interval.low, metric.unit)} to {number(interval.high, metric.unit)}" if interval else ""
        words = past.reasons.get(on, "") if value is None else goal(metric, value)
        cells = (f"{on:%Y-%m-%d %a}", number(value, metric.unit), span, *changes(past, on, metric.unit), words)
        texts = [cell(text) for text in cells]
        grid.add_row(*texts[:2], _MARKS[past.mark(on)], *texts[2:])
    return grid


def _members(metric: Metric, past: Mapping[str, Past], day: date, days: int) -> Grid:
    grid = Grid(header_style="bold")
    for title in ("member", "value", "", f"{days} days", "last week", "last year"):
        grid.add_column(title, justify="right" if title in ("value", "last week", "last year") else "left")
    ranked = sorted(past, key=lambda member: (-past[member].values.get(day, float("-inf")), member))
    for member in ranked:
        one_of = past[member]
        if any(value is not None for value in one_of.last(day, days)):
            texts = [cell(text) for text in (member, number(one_of.values.get(day), metric.unit))]
            line = [cell(text) for text in (sparkline(one_of.last(day, days)), *changes(one_of, day, metric.unit))]
            grid.add_row(*texts, _MARKS[one_of.mark(day)], *line)
    return grid


def drawn_tree(catalogue: Catalogue, lake: Lake, day: date | None) -> RenderableType:
    """The tree from business goals to metrics, with values if any were computed."""
    past: dict[str, dict[str, Past]] = {}
    try:
        day = day or last_day(lake)
        past = read(lake)
    except ConfigError:
        day = day or date.min
    metrics, on = metrics_of(catalogue), day

    def value_of(name: str) -> str:
        own = past.get(name, {}).get(ALL, Past())
        value = own.values.get(on)
        week = changes(own, on, metrics[name].unit)[0] if value is not None else ""
        return f"{number(value, metrics[name].unit)} {goal(metrics[name], value)} {week}".rstrip()

    return tree.drawn(catalogue, value_of)


def records(catalogue: Catalogue, lake: Lake, name: str | None, by: str | None, day: date | None, days: int) -> list[
    dict[str, Any]
]:  # fmt: skip
    """Values of the last days for programs: metric, dimension, member, day, value, reason, and what is unusual."""
    day = day or last_day(lake)
    names = [full_name(catalogue, name)] if name else list(metrics_of(catalogue))
    rows: list[dict[str, Any]] = []
    for metric, members in sorted(read(lake, names, by or TOTAL).items()):
        for member, past in sorted(members.items()):
            shown = (day - timedelta(days=n) for n in reversed(range(days)))
            present = (on for on in shown if on in past.values or on in past.reasons)
            rows += [_record(metric, by or TOTAL, member, on, past) for on in present]
    return rows


def _record(metric: str, dimension: str, member: str, day: date, past: Past) -> dict[str, Any]:
    return {
        "metric": metric, "dimension": dimension, "member": member, "day": day.isoformat(),
        "value": past.values.get(day), "reason": past.reasons.get(day), "unusual": past.mark(day) or None,
        "last_week": past.values.get(day - timedelta(days=7)), "last_year": past.values.get(year_before(day)),
    }  # fmt: skip
