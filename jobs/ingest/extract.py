"""Rows of a database's table into the landing, once a day, before a source reads what has landed."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jobs.ingest import landing
from jobs.ingest.database import DATABASES, Taking, in_words
from quanyu.errors import ConfigError, nearest
from quanyu.extract import folder_of
from quanyu.run import Context
from quanyu.settings import secret
from quanyu.source import Source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FETCHED_ROWS = 10_000
# One file is one task of the reader.
ROWS_A_FILE = 1_000_000
UNFINISHED = ".extracting-"


def pending(context: Context, source: Source) -> bool:
    """Whether the context's day is later than every day of which there is an extract, in landing or in the ledger."""
    if source.extracts is None:
        return False
    days = [found for name, _ in _landed(context, source) if (found := source.day_of(name))]
    taken = landing.newest_taken(context.store.ledger.files(source.name))
    return all(day < context.day for day in [*days, *([taken] if taken else [])])


def extract(context: Context, source: Source) -> tuple[str, ...]:
    """Take the day's extract if it is pending; it lands whole or not at all. Returns notes for the summary.

    Raises ConfigError or RetryableError where the database cannot be reached or does not have what is declared.
    """
    if source.extracts is None or not pending(context, source):
        return ()
    taking = Taking(context, source, source.extracts)
    target = context.settings.landing / folder_of(source.reads.path, context.day)
    for litter in target.parent.glob(f".{source.name}{UNFINISHED}*"):
        shutil.rmtree(litter, ignore_errors=True)
    # A server whose client was killed may still write: to a folder of that attempt's own.
    fresh = target.with_name(f".{source.name}{UNFINISHED}{uuid.uuid4().hex}")
    rows = _written(taking, fresh)
    try:
        fresh.replace(target)
    except OSError as error:
        raise ConfigError(f"{source.name}: {target} is in the way of the extract ({error.strerror}); move it") from None
    return (f"{rows} rows were taken from {source.extracts.table}",)


def _landed(context: Context, source: Source) -> list[tuple[str, Path]]:
    return source.files(context.settings.landing, context.settings.data)


def _written(taking: Taking, folder: Path) -> int:
    """Read the rows and write them below a folder as parquet, each value with its type. Returns their number."""
    from pyarrow import dataset

    options = _options(taking)
    # Spark's own way to write instants, as 96 bits without a zone, would be read as naive.
    settings = {"spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS"}
    with taking.context.lake.session_settings(settings), in_words(taking):
        query = _query(taking, _types(taking, options))
        rows = _read(taking, {**options, "dbtable": query})
        rows.write.option("maxRecordsPerFile", ROWS_A_FILE).parquet(str(folder))
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise ConfigError(
            f"{taking.source.name}: Spark wrote the extract where it is not seen: {folder}; is it remote?"
        )
    return int(dataset.dataset(files, format="parquet").count_rows())


def _options(taking: Taking) -> dict[str, str]:
    """Options of Spark's JDBC reader. Holds secrets."""
    extracts = taking.extracts
    url, user, password = secret(extracts.url), secret(extracts.user), secret(extracts.password)
    kind = url.removeprefix("jdbc:").partition(":")[0] if url.startswith("jdbc:") else ""
    if kind not in DATABASES:
        allowed = ", ".join(f"jdbc:{name}:" for name in DATABASES)
        raise taking.wrong("url", f"what {extracts.url} stands for begins with no known kind; allowed: {allowed}")
    if "@" in url or "password=" in url.lower():
        raise taking.wrong("url", f"what {extracts.url} stands for holds a login: give it as `user` and `password`")
    login = {key: value for key, value in (("user", user), ("password", password)) if value}
    return {
        "url": url, "driver": DATABASES[kind].driver, "fetchsize": str(FETCHED_ROWS), "tcpKeepAlive": "true",
        "preferTimestampNTZ": "true", **login,
    }  # fmt: skip


def _read(taking: Taking, options: Mapping[str, str]) -> DataFrame:
    return taking.context.lake.spark.read.format("jdbc").options(**options).load()


def _types(taking: Taking, options: Mapping[str, str]) -> dict[str, str]:
    """Columns of the table with Spark's types. Raises ConfigError where one that is named is not among them."""
    extracts, reads = taking.extracts, taking.source.reads
    schema = _read(taking, {**options, "dbtable": _quoted(extracts.table)}).schema
    types = {field.name: field.dataType.simpleString() for field in schema.fields}
    if extracts.watermark and extracts.watermark not in types:
        near = nearest(extracts.watermark, types)
        raise taking.wrong("watermark", f"{extracts.table} has no column {extracts.watermark!r}; {near}")
    if extracts.watermark and types[extracts.watermark] not in _LITERALS:
        words = f"{extracts.watermark} is a {types[extracts.watermark]}; a time (timestamp or date) is wanted"
        raise taking.wrong("watermark", words)
    own = {reads.aliases.get(name, name) for name in types}
    for name in taking.source.named_columns():
        if name not in own and name not in reads.optional:
            raise taking.wrong("table", f"{extracts.table} has no column {name!r}; {nearest(name, own)}")
    return types


def _query(taking: Taking, types: Mapping[str, str]) -> str:
    """Write the query, of quoted names and our own times alone. A row without a watermark is taken every day."""
    extracts, reads = taking.extracts, taking.source.reads
    wanted = [n for n in types if not reads.columns or reads.aliases.get(n, n) in reads.columns]
    kept = dict.fromkeys([*wanted, *([extracts.watermark] if extracts.watermark else [])])
    names = ", ".join(map(_quoted_name, kept))
    selected = f"select {names} from {_quoted(extracts.table)}"  # noqa: S608 (quoted names only)
    if not extracts.watermark:
        return f"({selected}) extract"
    column, write = _quoted_name(extracts.watermark), _LITERALS[types[extracts.watermark]]
    told = [f"{column} < {write(_ends(taking.context.day, taking.zone), taking.zone)}"]
    last = _last_watermark(taking, extracts.watermark)
    if last is not None:
        told.append(f"{column} > {write(last - timedelta(days=extracts.overlap), taking.zone)}")
    return f"({selected} where ({' and '.join(told)}) or {column} is null) extract"


def _quoted(table: str) -> str:
    return ".".join(map(_quoted_name, table.split(".")))


def _quoted_name(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _instant(at: datetime, zone: ZoneInfo) -> str:
    return f"timestamp with time zone '{at.astimezone(UTC).isoformat(' ')}'"


def _naive(at: datetime, zone: ZoneInfo) -> str:
    return f"timestamp '{at.astimezone(zone).replace(tzinfo=None).isoformat(' ')}'"


def _date(at: datetime, zone: ZoneInfo) -> str:
    return f"date '{at.astimezone(zone).date()}'"


_LITERALS = {"timestamp": _instant, "timestamp_ntz": _naive, "date": _date}


def _ends(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), zone)


def _last_watermark(taking: Taking, column: str) -> datetime | None:
    """Highest watermark of the newest extract that has one, out of its files: nothing else needs to be kept."""
    found = _landed(taking.context, taking.source)
    dated = sorted(((taking.source.day_of(name) or date.min, path) for name, path in found), reverse=True)
    for _, files in groupby(dated, key=lambda item: item[0]):
        highest = _highest([path for _, path in files], column, taking.zone)
        if highest is not None:
            return highest
    return None


def _highest(files: Sequence[Path], column: str, zone: ZoneInfo) -> datetime | None:
    import pyarrow as pa
    from pyarrow import compute, dataset

    found: list[Any] = []
    # What cannot be read here costs an extract of more, which keys absorb.
    with contextlib.suppress(pa.ArrowException, OSError):
        batches = dataset.dataset(list(files), format="parquet").to_batches(columns=[column])
        found.extend(compute.max(batch.column(0)).as_py() for batch in batches)
    # Of the first year is what a database calls minus infinity.
    times = [_as_instant(value, zone) for value in found if isinstance(value, date) and value.year > 1]
    return max(times, default=None)


def _as_instant(value: date, zone: ZoneInfo) -> datetime:
    at = value if isinstance(value, datetime) else datetime.combine(value, time())
    return at if at.tzinfo else at.replace(tzinfo=zone)
