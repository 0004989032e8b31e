"""The page of one customer, outlet, store, product or employee, for the terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from jobs.entities.one_entity import OneEntity
from quanyu.catalogue.entries import Entry, entries
from quanyu.grammar.tags import profile_column
from quanyu.plurals import number_of
from quanyu.printable import cell, grid, line

MOST_ROWS = 10
# Tables whose newest rows are shown, with their columns; others are counted.
SHOWN = {
    "orders": ("ordered_at", "kind", "status", "amount", "pieces", "channel", "store"),
    "consents": ("changed_at", "purpose", "channel", "state", "source"),
    "messages": ("at", "channel", "campaign", "status"),
}


def page(one: OneEntity, scene: str | None = None, everything: bool = False) -> Group:
    """What the entity's page shows and its facts; with `everything` the whole profile, or only that of a scene."""
    profile = one.profile or {}
    day = f" as of {profile['as_of']}" if profile else ""
    parts: list[RenderableType] = [line((one.key, "bold"), f": {one.entity.name}{day}")]
    listed = [entry for entry in entries(one.context.catalogue, (), one.entity.name) if scene in (None, entry.scene)]
    sections = _sections(one, listed, everything or scene is not None)
    parts += [_profile(profile, sections)] if profile else [_master(one.master)]
    if scene is not None:
        return Group(*parts)
    for table, columns in SHOWN.items():
        rows = one.rows_of(table, columns, columns[0], MOST_ROWS + 1) if table in one.context.catalogue.tables else []
        parts += _rows(one, f"Newest {table}", columns, rows)
    parts += _buying(one)
    parts += [_audiences(one.audiences())]
    deliveries = one.deliveries()
    parts += _rows(one, "Messages of journeys", tuple(deliveries[0]) if deliveries else (), deliveries)
    parts += _facts(one)
    if one.directory is not None:
        parts.append(line(f"quanyu who {one.key} shows records and identifiers"))
    return Group(*parts)


def _buying(one: OneEntity) -> list[RenderableType]:
    """What a customer may buy next, and sizes that fit him; of a product or style, what is bought with it."""
    tables = {"May buy next": one.next_items(), "Sizes that fit": one.size_fits(), "Bought with it": one.companions()}
    return [part for title, rows in tables.items() if rows for part in _rows(one, title, tuple(rows[0]), rows)]


def _heading(words: str) -> Text:
    return Text(f"\n{words}", "bold")


def _sections(one: OneEntity, listed: Sequence[Entry], everything: bool) -> Mapping[str, Sequence[Entry]]:
    """Entries of the profile: by section of the entity's page, or by scene without one or with `everything`."""
    shown = one.context.catalogue.shown_on_page(one.entity)
    if shown and not everything:
        by_name = {entry.name: entry for entry in listed}
        return {section: [by_name[name] for name in names] for section, names in shown.items()}
    by_scene: dict[str, list[Entry]] = defaultdict(list)
    for entry in listed:
        by_scene[entry.scene].append(entry)
    return by_scene


def _profile(profile: dict[str, Any], sections: Mapping[str, Sequence[Entry]]) -> Group:
    """The profile by section: name, value, Chinese name; what is not known is only listed."""
    table = Grid(header_style="bold", expand=True)
    table.add_column("tag or feature", no_wrap=True)
    table.add_column("value", overflow="fold", ratio=1)
    table.add_column("中文", overflow="fold", max_width=16)
    unknown: list[str] = []
    for section, entries_of_section in sections.items():
        some = [entry for entry in entries_of_section if profile.get(profile_column(entry.name)) is not None]
        unknown += [entry.name for entry in entries_of_section if entry not in some and entry.column.type]
        if some and section != some[0].scene:
            table.add_row(cell(section, "bold"))
        for entry in some:
            value = _value(profile[profile_column(entry.name)], entry.column.unit)
            table.add_row(cell(entry.name), cell(value), cell(entry.zh), end_section=entry is some[-1])
    return Group(table, line(("not known: " + ", ".join(unknown), "dim")) if unknown else Text())


def _value(value: Any, unit: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    text = f"{value:,.4g}" if isinstance(value, float) and abs(value) < 1000 else f"{value:,.2f}" if isinstance(
        value, float) else str(value)  # fmt: skip
    return f"{text} {unit}" if unit and unit not in ("currency", "share") else text


def _master(values: Mapping[str, Sequence[str]]) -> Grid:
    return grid(("column", "value"), ((name, ", ".join(texts)) for name, texts in values.items()))


def _rows(one: OneEntity, title: str, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> list[RenderableType]:
    if not rows:
        return []
    more = [line(("and more", "dim"))] if len(rows) > MOST_ROWS else []
    cells = ([_time(one, row.get(name)) for name in columns] for row in rows[:MOST_ROWS])
    return [_heading(title), grid(columns, cells), *more]


def _time(one: OneEntity, value: Any) -> Any:
    """A time in the retailer's zone, to the minute, and a fraction to the hundredth; other values as they are."""
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, datetime):
        return value.astimezone(one.context.settings.tzinfo).strftime("%Y-%m-%d %H:%M")
    return value


def _audiences(rows: Sequence[dict[str, Any]]) -> Group:
    if not rows:
        return Group(_heading("Audiences"), line("in none"))
    cells = (
        (row["audience"], row["entered_on"], row["left_on"] or "still in", "yes" if row["holdout"] else "no")
        for row in rows
    )
    return Group(_heading("Audiences"), grid(("audience", "since", "until", "holdout"), cells))


def _facts(one: OneEntity) -> list[RenderableType]:
    counts = list(one.facts())
    if not counts:
        return []
    cells = ((count.table, f"{count.rows:,}", _time(one, count.first), _time(one, count.last)) for count in counts)
    total = number_of(sum(count.rows for count in counts), "fact")
    return [_heading(f"{total} by table"), grid(("table", "rows", "first", "last"), cells)]
