"""Tables of figures and words for the summary of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import RenderableType
from rich.table import Table as Grid
from rich.text import Text

from quanyu.printable import cell


def grid(title: str, *columns: str) -> Grid:
    """An empty table: the first column to the left, all others, which are numbers, to the right."""
    panel = Grid(title=title, title_justify="left", title_style="bold", header_style="bold", expand=False)
    for position, column in enumerate(columns):
        panel.add_column(column, justify="left" if position == 0 else "right", no_wrap=position == 0)
    return panel


def figures(title: str, columns: Sequence[str], rows: Iterable[Sequence[RenderableType]]) -> list[Grid]:
    """A table of these rows in a list, or an empty list if there are no rows."""
    panel = grid(title, *columns)
    for row in rows:
        panel.add_row(*row)
    return [panel] if panel.row_count else []


def lines(title: str, rows: Iterable[tuple[str, str]]) -> list[RenderableType]:
    """Names, each with words about it, in a list under a title, or an empty list if there are no rows."""
    panel = Grid.grid(padding=(0, 2))
    for name, words in rows:
        panel.add_row(cell(f"  {name}"), cell(words))
    return [Text(title, "bold"), panel] if panel.row_count else []
