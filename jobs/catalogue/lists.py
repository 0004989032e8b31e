"""Lists of the catalogue for the terminal: scenes, and tags with meaning, users and how many have them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from jobs.catalogue.drift import has_drifted
from quanyu.catalogue.entries import Entry
from quanyu.catalogue.recorded import RecordedStatistics, share
from quanyu.plurals import number_of
from quanyu.printable import cell, line, printable

HINT = "quanyu tags WORD searches, quanyu tags --scene SCENE lists one, quanyu tag NAME shows one."
NEXT = 'quanyu tag NAME shows one; quanyu audience members "RULE" shows who is in.'


def scenes(entries: Sequence[Entry]) -> Group:
    """A line for each scene, view, model and entity, with its names."""
    parts: list[RenderableType] = []
    for entity, of_entity in groupby(entries, key=lambda entry: entry.entity):
        listed = list(of_entity)
        parts.append(line("\n", (entity, "bold"), f": {number_of(len(listed), 'tag, feature or attribute')}"
                          if len(listed) == 1 else f": {len(listed)} tags, features and attributes"))  # fmt: skip
        grid = Grid(header_style="bold", expand=True)
        grid.add_column("scene", no_wrap=True)
        grid.add_column("what it is, and its names", ratio=1)
        for scene, rows in groupby(listed, key=lambda entry: entry.scene):
            some = list(rows)
            names = ", ".join(entry.name.partition(".")[2] for entry in some)
            grid.add_row(cell(scene), Text.assemble(cell(some[0].about_scene), "\n", cell(names, "cyan")))
        parts.append(grid)
    return Group(*parts, line(HINT))


def tags(entries: Sequence[Entry], statistics: RecordedStatistics) -> Group:
    """A row for each entry: name, meaning, who uses it, and how many have it."""
    grid = Grid(header_style="bold", expand=True)
    grid.add_column("tag or feature", overflow="fold", max_width=34)
    grid.add_column("what it means, and who uses it", ratio=1)
    grid.add_column("have it", justify="right", no_wrap=True)
    for entry in entries:
        name = Text.assemble(cell(entry.name, "bold"), line(f"\n{entry.zh}" if entry.zh else ""))
        grid.add_row(name, _meaning(entry), _share(entry, statistics), end_section=True)
    days = sorted({str(row["day"]) for row in statistics.newest.values()})
    when = f"have it: as of {days[-1]}" if days else "nobody was counted yet: run a day first, quanyu run --day DAY"
    return Group(grid, line(f"{number_of(len(entries), 'name')}; {when}. {NEXT}"))


def audiences(entries: Sequence[Entry]) -> Group:
    """A line for each audience: name and description."""
    rows = (line((entry.name, "bold"), f": {printable(entry.column.about)}") for entry in entries)
    return Group(line("Audiences whose description has them; quanyu audience members NAME shows who is in:"), *rows)


def _meaning(entry: Entry) -> Text:
    unit = f" [{entry.column.unit}]" if entry.column.unit else ""
    values = f"\n{', '.join(entry.column.values)}" if entry.column.values else ""
    state = f"\n{entry.lifecycle}" if entry.lifecycle != "live" else ""
    used = f"used by {entry.users()}" if entry.used_by else "used by nobody yet"
    of_entity = "" if entry.entity == "customer" else f"of {entry.entity}; "
    parts = (entry.column.about + unit, ""), (values, "cyan"), (state, "yellow"), (f"\n{of_entity}{used}", "dim")
    return Text.assemble(*(Text(printable(text, keep="\n"), style) for text, style in parts))


def _share(entry: Entry, statistics: RecordedStatistics) -> Text:
    row = statistics.newest.get((entry.entity, entry.name))
    part = share(row) if row else None
    text = Text("" if part is None else f"{part:.1%}")
    if row and has_drifted(row):
        text.append(f"\ndrift {row['drift']:.2f}", "yellow")
    return text
