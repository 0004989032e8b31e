"""Extracts rows of a database table into landing, once a day, before the source ingests what has landed."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jobs.ingest.extracts.database import DatabaseColumn, DatabaseReader, ExtractError, database_of
from jobs.ingest.landing import landing
from quanyu.errors import ConfigError, Problem, RetryableError, nearest
from quanyu.feeds.extract import Extracts, folder_of
from quanyu.feeds.source import Source
from quanyu.plurals import number_of
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pyarrow as pa

# One file is one task of the reader.
ROWS_A_FILE = 1_000_000
# Days from 1970 to the first ones of these years.
_YEAR_1, _YEAR_10000 = -719_162, 2_932_897
UNFINISHED = ".extracting-"


@dataclass(frozen=True)
class ExtractRun:
    """One running extract: the context with its day, the source, and its `extracts` declaration."""

    context: Context
    source: Source
    extracts: Extracts

    @property
    def zone(self) -> ZoneInfo:
        """Time zone of the source's naive times and of its days."""
        return ZoneInfo(self.source.zone or self.context.settings.zone)

    def error(self, key: str, words: str) -> ConfigError:
        """An error at one key of the declaration."""
        return ConfigError(Problem(self.source.file, f"extracts.{key}", words))


def pending(context: Context, source: Source) -> bool:
    """Whether the context's day is later than the day of every extract in landing or in the ledger."""
    if source.extracts is None:
        return False
    days = [landed_day for name, _ in _landed(context, source) if (landed_day := source.day_of(name))]
    newest = landing.newest_ingested_day(context.store.ledger.files(source.name))
    return all(day < context.day for day in [*days, *([newest] if newest else [])])


def extract(context: Context, source: Source) -> tuple[str, ...]:
    """Extract the day if it is pending. It lands completely or not at all. Returns notes for the summary.

    Raises ConfigError or RetryableError where the database cannot be reached or does not have what is declared.
    """
    if source.extracts is None or not pending(context, source):
        return ()
    taking = ExtractRun(context, source, source.extracts)
    target = context.settings.landing / folder_of(source.reads.path, context.day)
    for litter in target.parent.glob(f".{source.name}{UNFINISHED}*"):
        shutil.rmtree(litter, ignore_errors=True)
    # An abandoned attempt may still be writing, so each attempt has a folder of its own.
    fresh = target.with_name(f".{source.name}{UNFINISHED}{uuid.uuid4().hex}")
    try:
        rows = _written(taking, fresh)
    except Exception:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    try:
        fresh.replace(target)
    except OSError as error:
        raise ConfigError(f"{source.name}: {target} is in the way of the extract ({error.strerror}); move it") from None
    return (f"{number_of(rows, 'row')} extracted from {source.extracts.table}",)


def _landed(context: Context, source: Source) -> list[tuple[str, Path]]:
    return source.files(context.settings.landing, context.settings.data)


def _written(taking: ExtractRun, folder: Path) -> int:
    """Read the rows and write them into a folder as parquet, with their types. Returns the number of rows."""
    try:
        database = database_of(taking.extracts, taking.context.settings.plain_hosts)
        columns = _selected(taking, database.columns())
        with database.read(_query(taking, database, columns), columns) as (schema, batches):
            return write(schema, (_landable(taking, batch) for batch in batches), folder)
    except ExtractError as error:
        raise taking.error(error.key, str(error)) from None
    except RetryableError as error:
        raise RetryableError(f"{taking.source.name}: {error}") from None


def write(schema: pa.Schema, batches: Iterable[pa.RecordBatch], folder: Path) -> int:
    """Write rows as one or more parquet files of at most ROWS_A_FILE rows. Returns the number of rows."""
    import pyarrow.parquet as pq

    folder.mkdir(parents=True)
    rows, writer = 0, pq.ParquetWriter(folder / "00000.parquet", schema)
    try:
        for batch in batches:
            while batch.num_rows:
                number, used = divmod(rows, ROWS_A_FILE)
                if rows and not used:
                    writer.close()
                    writer = pq.ParquetWriter(folder / f"{number:05}.parquet", schema)
                part = batch.slice(0, ROWS_A_FILE - used)
                writer.write_batch(part)
                rows, batch = rows + part.num_rows, batch.slice(part.num_rows)
    finally:
        writer.close()
    return rows


def _landable(taking: ExtractRun, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Refuse times that parquet cannot represent: a database's infinity would land as some distant day."""
    for field, values in zip(batch.schema, batch.columns, strict=True):
        if not _within_years(values):
            words = f"{taking.extracts.table} has a time in {field.name} that is infinite or not of the years 1 to 9999"
            raise taking.error("table", f"{words}: name a view without it, or with it as text")
    return batch


def _within_years(values: pa.Array) -> bool:
    import pyarrow as pa
    from pyarrow import compute

    if pa.types.is_date32(values.type):
        units, numbers = 1, values.view(pa.int32())
    elif pa.types.is_timestamp(values.type):
        units, numbers = 86_400_000_000, values.view(pa.int64())
    else:
        return True
    ends = compute.min_max(numbers).as_py()
    return ends["min"] is None or (_YEAR_1 * units <= ends["min"] and ends["max"] < _YEAR_10000 * units)


def _selected(taking: ExtractRun, columns: Mapping[str, DatabaseColumn]) -> list[DatabaseColumn]:
    """Columns to extract: those that the source reads, and the watermark. Raises ConfigError if one is missing."""
    extracts, reads = taking.extracts, taking.source.reads
    if extracts.watermark and extracts.watermark not in columns:
        near = nearest(extracts.watermark, columns)
        raise taking.error("watermark", f"{extracts.table} has no column {extracts.watermark!r}; {near}")
    if extracts.watermark and not columns[extracts.watermark].time:
        words = f"{extracts.watermark} is a {columns[extracts.watermark].type}; a time (timestamp or date) is required"
        raise taking.error("watermark", words)
    own = {reads.aliases.get(name, name) for name in columns}
    for name in taking.source.named_columns():
        if name not in own and name not in reads.optional:
            raise taking.error("table", f"{extracts.table} has no column {name!r}; {nearest(name, own)}")
    read_columns = [n for n in columns if not reads.columns or reads.aliases.get(n, n) in reads.columns]
    names = dict.fromkeys([*read_columns, *([extracts.watermark] if extracts.watermark else [])])
    return [columns[name] for name in names]


def _query(taking: ExtractRun, database: DatabaseReader, columns: Sequence[DatabaseColumn]) -> str:
    """Build the query from quoted names and our own time literals. A row without a watermark is extracted every day."""
    extracts = taking.extracts
    selected = ", ".join(f"{column.selected} as {database.quoted(column.name)}" for column in columns)
    query = f"select {selected} from {database.quoted(extracts.table)}"  # noqa: S608 (quoted names only)
    if not extracts.watermark:
        return query
    watermark = next(column for column in columns if column.name == extracts.watermark)
    name = database.quoted(watermark.name)
    bounds = [f"{name} < {database.literal(watermark, _ends(taking.context.day, taking.zone), taking.zone)}"]
    last = _last_watermark(taking, watermark.name)
    if last is not None:
        since = last - timedelta(days=extracts.overlap)
        bounds.append(f"{name} > {database.literal(watermark, since, taking.zone)}")
    return f"{query} where ({' and '.join(bounds)}) or {name} is null"


def _ends(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), zone)


def _last_watermark(taking: ExtractRun, column: str) -> datetime | None:
    """Highest watermark of the newest extract that has one, read from its files, so that no other state is stored."""
    landed_files = _landed(taking.context, taking.source)
    dated = sorted(((taking.source.day_of(name) or date.min, path) for name, path in landed_files), reverse=True)
    for _, files in groupby(dated, key=lambda item: item[0]):
        highest = _highest([path for _, path in files], column, taking.zone)
        if highest is not None:
            return highest
    return None


def _highest(files: Sequence[Path], column: str, zone: ZoneInfo) -> datetime | None:
    import pyarrow as pa
    from pyarrow import compute, dataset

    maxima: list[Any] = []
    # An unreadable file only makes the next extract larger: rows that repeat are dropped by their keys.
    with contextlib.suppress(pa.ArrowException, OSError):
        batches = dataset.dataset(list(files), format="parquet").to_batches(columns=[column])
        maxima.extend(compute.max(batch.column(0)).as_py() for batch in batches)
    # A time in the first year, such as 0001-01-01, is a default and not the time of a change.
    times = [_as_instant(value, zone) for value in maxima if isinstance(value, date) and value.year > 1]
    return max(times, default=None)


def _as_instant(value: date, zone: ZoneInfo) -> datetime:
    at = value if isinstance(value, datetime) else datetime.combine(value, time())
    return at if at.tzinfo else at.replace(tzinfo=zone)
