"""Adds staged parquet files to a Delta table: checks, links and describes them for its log."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from datetime import MAXYEAR, UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quanyu.engine.guard import guard
from quanyu.errors import QuanyuError
from quanyu.lake.layout import STATISTICS
from quanyu.lake.locations import folder_of
from quanyu.plurals import number_of

if TYPE_CHECKING:
    from quanyu.lake.staging import StagedRows

CONSTRAINT = "delta.constraints."


def check(table: Any, rows: StagedRows, place: str) -> None:
    """Check constraints that deltalake does not check for files: required values by statistics, others in one query.

    Raises QuanyuError with the name of the broken constraint.
    """
    if not rows.count:
        return
    settings = table.metadata().configuration
    rules = {key.removeprefix(CONSTRAINT): rule for key, rule in settings.items() if key.startswith(CONSTRAINT)}
    footers = [_footer(file) for file in rows.files()]
    for name in sorted(_required(table)):
        nulls = [_nulls(footer, name) for footer in footers if footer.num_rows]
        if None in nulls:
            rules[name] = f"`{name}` is not null"
        elif sum(filter(None, nulls)):
            raise missing(place, name, sum(filter(None, nulls)))
    if not rules:
        return
    counts = [f"count_if(not coalesce({rule}, false)) as `{name}`" for name, rule in rules.items()]
    with guard(place):
        broken = rows.rows.selectExpr(*counts).collect()[0].asDict()
    wrong = sorted(name for name, count in broken.items() if count)
    if wrong:
        raise QuanyuError(f"{place}: rows break a constraint of the table ({', '.join(wrong)}); nothing was written")


def missing(place: str, name: str, count: int) -> QuanyuError:
    """Error for a missing required value."""
    return QuanyuError(f"{place}: {name} is required and missing in {number_of(count, 'row')}; nothing was written")


def spans_partitions(rows: StagedRows, columns: list[str]) -> bool:
    """Whether a file contains rows of several partitions, so that it has to be rewritten."""
    footers = [footer for footer in map(_footer, rows.files()) if footer.num_rows]
    bounds = [_bounds(footer, column) for footer in footers for column in columns]
    return any(low is None or low != high for low, high in bounds)


def _required(table: Any) -> set[str]:
    return {field.name for field in table.schema().fields if not field.nullable}


def add_actions(table: Any, rows: StagedRows) -> list[Any]:
    """Link files of one partition each into the table's folder, and describe each for the log.

    Files without rows are left out.
    """
    from deltalake.transaction import AddAction

    metadata = table.metadata()
    counted = metadata.configuration.get(STATISTICS, "").split(",")
    actions = []
    for number, file in enumerate(rows.files()):
        footer = _footer(file)
        if not footer.num_rows:
            continue
        partition: dict[str, str | None] = {
            column: str(_bounds(footer, column)[0]) for column in metadata.partition_columns
        }
        name = f"part-{number:05}-{uuid.uuid4()}.parquet"
        relative = "/".join([*(f"{key}={value}" for key, value in partition.items()), name])
        target = folder_of(table) / relative
        size = _linked(file, target)
        statistics = json.dumps(_statistics(footer, counted))
        actions.append(
            AddAction(relative, size, partition, int(datetime.now(UTC).timestamp() * 1000), True, statistics)
        )
    return actions


def _linked(file: Path, target: Path) -> int:
    """Hard-link the file, since staging still reads it; copy it if the file system has no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)
    return target.stat().st_size


def _footer(file: Path) -> Any:
    from pyarrow import parquet

    return parquet.read_metadata(file)


def _chunks(footer: Any, name: str) -> list[Any]:
    """Statistics of a flat column in every row group; empty if one lacks them."""
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


def _nulls(footer: Any, name: str) -> int | None:
    """Number of nulls of a flat column; None if the file has no statistics."""
    counts = [chunk.null_count for chunk in _chunks(footer, name) if chunk.has_null_count]
    return sum(counts) if len(counts) == footer.num_row_groups else None


def _statistics(footer: Any, counted: list[str]) -> dict[str, Any]:
    """Delta's statistics of a file: number of rows, and bounds of the columns in `counted`."""
    bounds = {name: _bounds(footer, name) for name in counted if name}
    bounded = {name: pair for name, pair in bounds.items() if _has_bounds(pair)}
    return {
        "numRecords": footer.num_rows,
        "minValues": {name: _plain(low) for name, (low, _) in bounded.items()},
        "maxValues": {name: _plain(high, up=True) for name, (_, high) in bounded.items()},
        "nullCount": {name: nulls for name in bounded if (nulls := _nulls(footer, name)) is not None},
    }


def _has_bounds(pair: tuple[Any, Any]) -> bool:
    return all(
        isinstance(value, str | int | date)
        and not isinstance(value, bool)
        # The last representable time cannot be rounded up.
        and not (isinstance(value, datetime) and value.year == MAXYEAR)
        for value in pair
    )


def _plain(value: Any, up: bool = False) -> Any:
    """Write a bound in Delta's format: times in milliseconds, an upper bound rounded up."""
    if isinstance(value, datetime):
        instant = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        spare = timedelta(milliseconds=1) if up and instant.microsecond % 1000 else timedelta()
        return (instant + spare).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
