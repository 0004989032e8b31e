"""Landed files to bronze: every row as received, all strings, with file, row and day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.ingest import reader
from jobs.ingest.contract import day_sql, member, safe
from jobs.ingest.landing import Found
from quanyu.lake import Lake
from quanyu.lake.receipt import Receipt
from quanyu.lake.staging import Staged
from quanyu.literals import quoted
from quanyu.source import Source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# What bronze has beside the columns of the feed.
_SYSTEM_TYPES = {
    "_rest": "string", "_file": "string", "_row": "bigint", "_raw": "string", "_broken": "string",
    "_refused": "string", "_day": "date",
}  # fmt: skip
SYSTEM = list(_SYSTEM_TYPES)
# What people typed stays out of Delta's statistics, which lie beside the data in plain text.
STATISTICS = ("_day", "_file", "_row")


def spec_of(source: Source) -> reader.ReadSpec:
    """How the reader reads this source's files."""
    reads = source.reads
    columns = source.named_columns()
    return reader.ReadSpec(
        reads.format, columns, frozenset(reads.optional) & set(columns), reads.encoding, reads.delimiter, reads.quote,
        tuple(reads.aliases.items()), reads.records or "", unpacked_bytes=reads.unpacked_mb << 20,
        unpacked_times=reads.unpacked_times,
    )  # fmt: skip


def columns_of(source: Source) -> dict[str, str]:
    """Columns of bronze with their types: the named ones as text, then the system's own."""
    return {**dict.fromkeys(source.named_columns(), "string"), **_SYSTEM_TYPES}


def read_landed(lake: Lake, source: Source, files: Sequence[Found]) -> DataFrame:
    """Read files on the workers, a file per task at most, each row with the day it is of."""
    _ship_by_value()
    rows = [
        (str(item.path), item.name, str(item.day or ""), str(item.after or ""), str(item.through)) for item in files
    ]
    listed = lake.spark.createDataFrame(rows, "path string, name string, day string, after string, through string")
    parts = min(len(rows), 4 * lake.settings.spark.shuffle_partitions)
    columns = {name: kind for name, kind in columns_of(source).items() if name != "_day"}
    columns |= dict.fromkeys(("_of", "_after", "_through"), "string")
    schema = ", ".join(f"`{name}` {kind}" for name, kind in columns.items())
    read = listed.repartition(parts).mapInArrow(_reading(spec_of(source)), schema)
    day = "to_date(nullif(_of, ''))" if not source.reads.day else day_sql(source.reads.day)
    return read.selectExpr("*", f"{day} as _day")


def _ship_by_value() -> None:
    """Send the reader's code along with the plan, since workers need not have our packages."""
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(reader)  # type: ignore[no-untyped-call]


def _reading(spec: reader.ReadSpec) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    read_file = reader.read_file

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow

        for batch in batches:
            for row in batch.to_pylist():
                for rows in read_file(row["path"], row["name"], spec):
                    size = len(rows)
                    told = [pyarrow.array([row[name]] * size, pyarrow.string()) for name in ("day", "after", "through")]
                    yield pyarrow.RecordBatch.from_arrays(
                        [*rows.columns, *told], [*rows.schema.names, "_of", "_after", "_through"]
                    )

    return read


def not_taken(rows: DataFrame, source: Source, day: str) -> DataFrame:
    """Keep the rows of days not taken yet; a row whose day cannot be read is a broken one of the run's day."""
    named = [f"`{column}`" for column in source.named_columns()]
    if not source.reads.day:
        return rows.selectExpr(*named, *SYSTEM)
    told = f"coalesce(_day, date'{day}')"
    unread = "if(_day is null and _refused is null, 'the day cannot be read', null)"
    replaced = {"_broken": f"coalesce(_broken, {unread}) as _broken", "_day": f"{told} as _day"}
    kept = rows.where(f"{told} <= to_date(_through) and (_after = '' or {told} > to_date(nullif(_after, '')))")
    return kept.selectExpr(*named, *(replaced.get(column, column) for column in SYSTEM))


def write(lake: Lake, source: Source, rows: Staged, files: Sequence[Found], receipt: Receipt) -> None:
    """Put the rows of these files in place of what bronze has of them.

    Files that bronze does not know are appended; a rerun after a kill finds them there and replaces them.
    """
    from pyspark.sql import functions as F  # noqa: N812

    place, counts = f"bronze/{source.name}", {"files": len(files)}
    lake.begin(place, columns_of(source), STATISTICS)
    after = {item.name: item.after for item in files}
    names = lake.spark.createDataFrame([(n, str(a or "")) for n, a in after.items()], "_file string, _after string")
    there = (
        lake.read(place).join(F.broadcast(names), "_file").where("_after = '' or _day > to_date(nullif(_after, ''))")
    )
    again = [row["_file"] for row in there.select("_file").distinct().collect()]
    if not again:
        lake.append(place, rows, receipt, counts)
        return
    told = " or ".join(_of_file(name, after[name]) for name in sorted(after))
    lake.replace(place, rows, told, receipt, counts)


def _of_file(name: str, after: object) -> str:
    later = f" and _day > date'{after}'" if after else ""
    return f"(_file = {quoted(name)}{later})"


def as_received(lake: Lake, source: Source) -> DataFrame:
    """Read bronze with the columns of today's contract: one that is named since comes out of the rest of the row."""
    bronze = lake.read(f"bronze/{source.name}")
    made = []
    for name in source.named_columns():
        rest = safe(member(["_rest", name]))
        made.append(f"coalesce(`{name}`, {rest}) as `{name}`" if name in bronze.columns else f"{rest} as `{name}`")
    return bronze.selectExpr(*made, *SYSTEM)
