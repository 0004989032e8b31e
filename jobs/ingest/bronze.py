"""Landed files to bronze: every row as received, all strings, with file, row and day."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.ingest import landing, reader
from jobs.ingest.contract import day_sql, member, safe
from jobs.ingest.landing import Found
from quanyu.errors import ConfigError, Problem
from quanyu.expressions.json_numbers import marked, unmarked
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
_TO_READ = "path string, name string, day string, after string, through string, size bigint, mtime_ns bigint"
_UNSTORABLE = re.compile(r"[\s,;{}()=.]")
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
    return {**{stored_name(column): "string" for column in source.named_columns()}, **_SYSTEM_TYPES}


def stored_name(column: str) -> str:
    """Name of a feed's column in bronze; signs that no table takes in a name are numbers there: `a.b` is a_2e_b."""
    return _UNSTORABLE.sub(lambda sign: f"_{ord(sign.group()):x}_", column)


@dataclass(frozen=True)
class Reading:
    """What was read: the files whose bytes are as they were hashed, their rows, and how many each day has.

    `changing` are files that changed while they were read. Nothing is believed of them; the next run reads them.
    """

    files: list[Found]
    rows: Staged
    counts: dict[date, int]
    changing: list[Found]


def read(lake: Lake, source: Source, files: Sequence[Found], day: str) -> Reading:
    """Read files once; a row whose day cannot be read is a broken one of the run's day.

    Raises ConfigError where two columns differ in case only, which no table can tell apart.
    """
    from pyspark.sql import functions as F  # noqa: N812

    _refuse_twins(lake, source)
    rows, counts = lake.staging.counted(not_taken(read_landed(lake, source, files), source, day), by="_day")
    unchanged, changing = landing.steady(files)
    if changing:
        others = rows.rows.where(~F.col("_file").isin([item.name for item in changing]))
        rows, counts = lake.staging.counted(others, by="_day")
    return Reading(unchanged, rows, counts, changing)


def _refuse_twins(lake: Lake, source: Source) -> None:
    """Raise ConfigError where a column differs only in case from another one, or from one that bronze has."""
    place, columns = f"bronze/{source.name}", source.named_columns()
    stored = {name.casefold(): name for name in lake.read(place).columns} if lake.exists(place) else {}
    for column in columns:
        other = stored.setdefault(stored_name(column).casefold(), stored_name(column))
        if other != stored_name(column):
            words = (
                f"the columns {other!r} and {column!r} differ in case only, and no table can hold both: give one a name"
                f" of its own, as in aliases: {{{column}: {column.lower()}_2}}, and write that in expressions"
            )
            raise ConfigError(Problem(source.file, "reads.aliases", words))


def read_landed(lake: Lake, source: Source, files: Sequence[Found]) -> DataFrame:
    """Read files on the workers, a file per task at most, each row with the day it is of."""
    _ship_by_value()
    rows = [
        (str(item.listed.path), item.name, str(item.day or ""), str(item.after or ""), str(item.through),
         item.listed.look.size, item.listed.look.mtime_ns)
        for item in files
    ]  # fmt: skip
    listed = lake.spark.createDataFrame(rows, _TO_READ)
    parts = min(len(rows), 4 * lake.settings.spark.shuffle_partitions)
    # What workers give is told by its place: not every engine can name a column with a dot there.
    columns = [*source.named_columns(), *(name for name in SYSTEM if name != "_day"), "_of", "_after", "_through"]
    kinds = [_SYSTEM_TYPES.get(name, "string") for name in columns]
    schema = ", ".join(f"_c{place} {kind}" for place, kind in enumerate(kinds))
    read = listed.repartition(parts).mapInArrow(reading(spec_of(source)), schema)
    named = read.selectExpr(*(f"_c{place} as `{name}`" for place, name in enumerate(columns)))
    day = "to_date(nullif(_of, ''))" if not source.reads.day else day_sql(source.reads.day)
    return named.selectExpr("*", f"{day} as _day")


def _ship_by_value() -> None:
    """Send the reader's code along with the plan, since workers need not have our packages."""
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(reader)  # type: ignore[no-untyped-call]


def reading(spec: reader.ReadSpec) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Make the function by which workers read listed files; one that changes meanwhile breaks off without an error."""
    read_file, is_as_listed = reader.read_file, reader.is_as_listed

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow

        for row in (row for batch in batches for row in batch.to_pylist()):
            try:
                for rows in read_file(row["path"], row["name"], spec):
                    file_columns = [
                        pyarrow.array([row[n]] * len(rows), pyarrow.string()) for n in ("day", "after", "through")
                    ]
                    columns = [*rows.columns, *file_columns]
                    yield pyarrow.RecordBatch.from_arrays(columns, [f"_c{place}" for place in range(len(columns))])
            except Exception:
                # A file that changes while it is read may break off anywhere; whoever asked for it looks again.
                if is_as_listed(row["path"], row["size"], row["mtime_ns"]):
                    raise

    return read


def not_taken(rows: DataFrame, source: Source, day: str) -> DataFrame:
    """Keep the rows of days not taken yet, as bronze has them; a row without a readable day is of the run's day."""
    named = [f"`{column}` as `{stored_name(column)}`" for column in source.named_columns()]
    if not source.reads.day:
        return rows.selectExpr(*named, *SYSTEM)
    row_day = f"coalesce(_day, date'{day}')"
    unread = "if(_day is null and _refused is null, 'the day cannot be read', null)"
    replaced = {"_broken": f"coalesce(_broken, {unread}) as _broken", "_day": f"{row_day} as _day"}
    pending = rows.where(f"{row_day} <= to_date(_through) and (_after = '' or _day > to_date(nullif(_after, '')))")
    return pending.selectExpr(*named, *(replaced.get(column, column) for column in SYSTEM))


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
    condition = " or ".join(_of_file(name, after[name]) for name in sorted(after))
    lake.replace(place, rows, condition, receipt, counts)


def _of_file(name: str, after: object) -> str:
    later = f" and _day > date'{after}'" if after else ""
    return f"(_file = {quoted(name)}{later})"


def as_received(lake: Lake, source: Source) -> DataFrame:
    """Read bronze with the columns of today's contract: one that is named since comes out of the rest of the row."""
    bronze = lake.read(f"bronze/{source.name}")
    aliases: dict[str, list[str]] = {}
    for alias, name in source.reads.aliases.items():
        aliases.setdefault(name, []).append(alias)
    values = []
    for name in source.named_columns():
        # Homes of older releases have a column by its own name.
        columns = [f"`{n}`" for n in dict.fromkeys((stored_name(name), name)) if n in bronze.columns]
        rest = [_of_rest(n) for n in (name, *aliases.get(name, ()))]
        values.append(f"coalesce({', '.join([*columns, *rest])}) as `{name}`")
    return bronze.selectExpr(*values, *SYSTEM)


def _of_rest(name: str) -> str:
    """SQL of what the rest of a row has under a name; a path cannot hold every sign that a name may."""
    if re.search(r"['?\\]", name):
        return unmarked(f"from_json({marked('_rest')}, 'map<string, string>')[{quoted(name)}]")
    return safe(member(["_rest", name]))
