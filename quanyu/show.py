"""Shows tables of the lake or writes them to a file, without Spark."""

from __future__ import annotations

import codecs
import contextlib
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import IO, Any

from rich.cells import cell_len
from rich.console import Console, Group, JustifyMethod, OverflowMethod
from rich.table import Table as Grid

from quanyu.config.settings import Settings
from quanyu.engine.session import Engine
from quanyu.errors import ConfigError, nearest
from quanyu.lake import Lake
from quanyu.plurals import number_of
from quanyu.printable import cell, printable, spreadsheet

# Longer values are cut on the screen, but not in a file.
MOST_CHARACTERS = 500
# A longer value is folded.
WIDEST = 120


def listing(settings: Settings) -> Grid | str:
    """List every table with rows, version, the day of its last change and the job that made it."""
    lake = Lake(settings, Engine(settings))
    places = lake.places()
    if not places:
        return f"{settings.lake} has no tables yet; run a day first: quanyu run --day DAY"
    grid = Grid(title=cell(settings.lake), title_justify="left")
    for column in ("table", "rows", "version", "day", "changed by"):
        # Names of tables are not cut on a narrow screen.
        foldable = column == "changed by"
        overflow: OverflowMethod = "fold" if foldable else "ellipsis"
        justify: JustifyMethod = "right" if column in ("rows", "version") else "left"
        grid.add_column(column, justify=justify, no_wrap=not foldable, overflow=overflow)
    for place in places:
        receipt = lake.receipt(place) or {}
        rows = f"{lake.arrow(place).count_rows():,}"
        row = (place, rows, lake.version(place), receipt.get("day", ""), receipt.get("job", ""))
        grid.add_row(*map(cell, row))
    return grid


def place(lake: Lake, name: str) -> str:
    """Find the place of a table by its name or place. Raises ConfigError with the nearest name."""
    places = lake.places()
    matches = [p for p in places if name in (p, p.split("/")[1])]
    ranked = sorted(matches, key=lambda p: ["gold", "silver", "bronze", "quarantine"].index(p.split("/")[0]))
    if not places:
        raise ConfigError(f"{lake.settings.lake} has no tables yet; run a day first: quanyu run --day DAY")
    if not ranked:
        names = places if "/" in name else {p.split("/")[1] for p in places}
        raise ConfigError(f"there is no table {name!r} in {lake.settings.lake}; {nearest(name, names)}")
    return ranked[0]


def rows(
    settings: Settings, name: str, version: int | None, day: date | None, limit: int, out: Path | None
) -> Group | str:
    """Show rows, or write them to a file. Raises ConfigError for a table, version or day that is not there."""
    lake = Lake(settings, Engine(settings))
    where = place(lake, name)
    if day is not None:
        version = lake.version_of_day(where, day)
        if version is None:
            raise ConfigError(f"{where} was not there yet on {day}")
    dataset = lake.arrow(where, version)
    table = dataset.head(limit) if limit else dataset.to_table()
    if out is not None:
        return written(table, out)
    title = f"{where}, {table.num_rows:,} of {number_of(dataset.count_rows(), 'row')}"
    return grid(_in_zone(table, settings.zone), title)


def written(table: Any, out: Path) -> str:
    """Write a pyarrow table to a .csv or .parquet file, which only its owner may read; returns a sentence about it."""
    import pyarrow.csv
    import pyarrow.parquet

    if out.suffix not in (".csv", ".parquet"):
        raise ConfigError(f"--out {out}: write to a file that ends in .csv or .parquet")
    with own_file(out) as file:
        if out.suffix == ".parquet":
            pyarrow.parquet.write_table(table, file)
        else:
            # Excel recognises UTF-8 only by the byte order mark.
            file.write(codecs.BOM_UTF8)
            pyarrow.csv.write_csv(_for_people(table), file)
    return f"{number_of(table.num_rows, 'row')} in {out}"


@contextlib.contextmanager
def own_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file for personal data, replacing an existing one. Only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 (a descriptor)
        yield file


def _for_people(table: Any) -> Any:
    """Convert lists to text, and escape texts that a spreadsheet would read as formulas."""
    import pyarrow

    columns = [_texts(column) if _is_text(column.type) else column for column in table.columns]
    return pyarrow.table(columns, names=[str(spreadsheet(name)) for name in table.schema.names])


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_nested(kind) or types.is_string(kind) or types.is_large_string(kind))


def _texts(column: Any) -> Any:
    import pyarrow

    texts = (None if value is None else spreadsheet(_joined(value)) for value in column.to_pylist())
    return pyarrow.array(texts, pyarrow.string())


def grid(table: Any, title: str, width: int | None = None) -> Group:
    """Show rows as rows, or as columns side by side if the screen is too narrow."""
    width = width or Console().width
    names = table.schema.names
    cells = [[_cell(value) for value in row.values()] for row in table.to_pylist()]
    widths = [max(cell_len(name), *(cell_len(row[n]) for row in cells)) if cells else 0 for n, name in enumerate(names)]
    if sum(widths) + 3 * len(widths) + 1 <= width:
        return Group(cell(title), _wide(table.schema, cells))
    at_once = max(1, (width - max(map(cell_len, names)) - 4) // (min(max(widths), WIDEST) + 3))
    blocks = [cells[start : start + at_once] for start in range(0, len(cells), at_once)]
    return Group(cell(title), *(_tall(names, block) for block in blocks))


def _in_zone(table: Any, zone: str) -> Any:
    """Convert instants to the retailer's zone."""
    import pyarrow
    from pyarrow import types

    fields = [
        field.with_type(pyarrow.timestamp(field.type.unit, zone))
        if types.is_timestamp(field.type) and field.type.tz
        else field
        for field in table.schema
    ]
    return table.cast(pyarrow.schema(fields))


def _wide(schema: Any, cells: list[list[str]]) -> Grid:
    grid = Grid(header_style="bold")
    for column in schema:
        grid.add_column(cell(column.name), justify="right" if _is_number(column.type) else "left")
    for row in cells:
        grid.add_row(*map(cell, row))
    return grid


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def _tall(names: list[str], cells: list[list[str]]) -> Grid:
    grid = Grid(show_header=False)
    grid.add_column(style="bold", no_wrap=True)
    for _ in cells:
        grid.add_column(overflow="fold")
    for line in zip(names, *cells, strict=True):
        grid.add_row(*map(cell, line))
    return grid


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1 else str(round(value, 4))
    text = printable(_joined(value))
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def _joined(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
