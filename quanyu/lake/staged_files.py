"""Staged parquet files as files of a Delta table: checked, linked into its folder, and described for its log."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quanyu.engine.guard import guard
from quanyu.errors import QuanyuError
from quanyu.lake.layout import STATISTICS

if TYPE_CHECKING:
    from quanyu.lake.staging import Staged

CONSTRAINT = "delta.constraints."


def check(table: Any, rows: Staged, place: str) -> None:
    """Check what deltalake does not check of files: required values by their statistics, constraints in one query.

    Raises QuanyuError that names what is broken.
    """
    for file in rows.files():
        for name, nulls in _null_counts(file).items():
            if nulls and name in _required(table):
                raise QuanyuError(f"{place}: {name} is required and missing in {nulls} rows; nothing was written")
    settings = table.metadata().configuration
    rules = {key.removeprefix(CONSTRAINT): rule for key, rule in settings.items() if key.startswith(CONSTRAINT)}
    if not rules or not rows.count:
        return
    counts = [f"count_if(not coalesce({rule}, false)) as `{name}`" for name, rule in rules.items()]
    with guard(place):
        broken = rows.rows.selectExpr(*counts).collect()[0].asDict()
    wrong = sorted(name for name, count in broken.items() if count)
    if wrong:
        raise QuanyuError(f"{place}: rows break a constraint of the table ({', '.join(wrong)}); nothing was written")


def _required(table: Any) -> set[str]:
    return {field.name for field in table.schema().fields if not field.nullable}


def add_actions(table: Any, rows: Staged) -> list[Any]:
    """Link the files into the table's folder, and describe each for the log. Files without a row are left out."""
    from deltalake.transaction import AddAction

    metadata = table.metadata()
    counted = metadata.configuration.get(STATISTICS, "").split(",")
    actions = []
    for number, file in enumerate(rows.files()):
        footer = _footer(file)
        if not footer.num_rows:
            continue
        partition = _partition(file, metadata.partition_columns)
        name = f"part-{number:05}-{uuid.uuid4()}.parquet"
        relative = "/".join([*(f"{key}={value}" for key, value in partition.items()), name])
        target = Path(table.table_uri.removeprefix("file://")) / relative
        size = _linked(file, target)
        statistics = json.dumps(_statistics(footer, counted))
        actions.append(
            AddAction(relative, size, partition, int(datetime.now(UTC).timestamp() * 1000), True, statistics)
        )
    return actions


def _linked(file: Path, target: Path) -> int:
    """Put a second name to the file, since staging goes on reading it; a copy where the system has no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)
    return target.stat().st_size


def _partition(file: Path, columns: list[str]) -> dict[str, str | None]:
    """Values of the partition columns, one in each file: a feed writes its own partition alone."""
    values: dict[str, str | None] = {}
    for column in columns:
        low, high = _bounds(_footer(file), column)
        if low is None or low != high:
            raise QuanyuError(f"{file.name}: rows of several partitions ({column}) lie in one file")
        values[column] = str(low)
    return values


def _footer(file: Path) -> Any:
    from pyarrow import parquet

    return parquet.read_metadata(file)


def _chunks(footer: Any, name: str) -> list[Any]:
    """Statistics of a flat column in every row group, or nothing where one lacks them."""
    place = next((n for n in range(footer.num_columns) if footer.schema.column(n).path == name), None)
    if place is None:
        return []
    chunks = [footer.row_group(group).column(place).statistics for group in range(footer.num_row_groups)]
    return chunks if all(chunks) else []


def _bounds(footer: Any, name: str) -> tuple[Any, Any]:
    chunks = [chunk for chunk in _chunks(footer, name) if chunk.has_min_max]
    if not chunks:
        return None, None
    return min(chunk.min for chunk in chunks), max(chunk.max for chunk in chunks)


def _null_counts(file: Path) -> Mapping[str, int]:
    footer = _footer(file)
    names = [footer.schema.column(place).path for place in range(footer.num_columns)]
    return {name: sum(chunk.null_count or 0 for chunk in _chunks(footer, name)) for name in names}


def _statistics(footer: Any, counted: list[str]) -> dict[str, Any]:
    """Delta's statistics of a file: rows, and bounds of the columns that are asked by."""
    bounds = {name: _bounds(footer, name) for name in counted if name}
    known = {name: pair for name, pair in bounds.items() if _has_bounds(pair)}
    return {
        "numRecords": footer.num_rows,
        "minValues": {name: _plain(low) for name, (low, _) in known.items()},
        "maxValues": {name: _plain(high, up=True) for name, (_, high) in known.items()},
        "nullCount": {name: sum(c.null_count or 0 for c in _chunks(footer, name)) for name in known},
    }


def _has_bounds(pair: tuple[Any, Any]) -> bool:
    return all(isinstance(value, str | int | date) and not isinstance(value, bool) for value in pair)


def _plain(value: Any, up: bool = False) -> Any:
    """Write a bound as Delta does; times in milliseconds, the upper one rounded up."""
    if isinstance(value, datetime):
        instant = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        spare = timedelta(milliseconds=1) if up and instant.microsecond % 1000 else timedelta()
        return (instant + spare).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
