"""Reads landed files into bronze: every row as received, all strings, with file, row number, day and person."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.ingest import reader
from jobs.ingest.landing import landing
from jobs.ingest.landing.landing import IncomingFile
from jobs.ingest.mapping.contract import day_sql, member, safe
from quanyu.errors import ConfigError, Problem
from quanyu.expressions.json_numbers import marked, unmarked
from quanyu.feeds.source import Source
from quanyu.lake import Lake
from quanyu.lake.receipt import Receipt
from quanyu.lake.staging import StagedRows
from quanyu.lake.union import union_all
from quanyu.literals import dates, quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Columns of bronze beside those of the feed.
_SYSTEM_TYPES = {
    "_rest": "string", "_file": "string", "_row": "bigint", "_raw": "string", "_broken": "string",
    "_refused": "string", "_day": "date",
}  # fmt: skip
SYSTEM = list(_SYSTEM_TYPES)
_TO_READ = "path string, name string, day string, after string, through string, size bigint, mtime_ns bigint"
_UNSTORABLE = re.compile(r"[\s,;{}()=.]")
# Only these columns have statistics in Delta's log, which is plain text: the others may contain personal data.
STATISTICS = ("_day", "_file", "_row")


def spec_of(source: Source) -> reader.ReadSpec:
    """Settings of the reader for this source's files."""
    reads = source.reads
    columns = source.named_columns()
    return reader.ReadSpec(
        reads.format, columns, frozenset(reads.optional) & set(columns), reads.encoding, reads.delimiter, reads.quote,
        tuple(reads.aliases.items()), reads.records or "", unpacked_bytes=reads.unpacked_mb << 20,
        unpacked_times=reads.unpacked_times,
    )  # fmt: skip


def columns_of(source: Source) -> dict[str, str]:
    """Columns of bronze with their types: the feed's columns as strings, the system columns, and the person's key."""
    named = {stored_name(column): "string" for column in source.named_columns()}
    return {**named, **_SYSTEM_TYPES, "_person": "string"}


def stored_name(column: str) -> str:
    """Name of a feed's column in bronze; characters that Delta does not allow are hex codes: `a.b` is a_2e_b."""
    return _UNSTORABLE.sub(lambda sign: f"_{ord(sign.group()):x}_", column)


@dataclass(frozen=True)
class Arrival:
    """Files that were read and are not in bronze yet: their rows, which have no person yet, and the number by day.

    `changing` are files that changed while they were read. Their rows are left out; the next run reads them.
    """

    files: list[IncomingFile]
    rows: StagedRows
    counts: dict[date, int]
    changing: list[IncomingFile]

    def replaced(self) -> str:
        """SQL condition of the rows in bronze that these files replace."""
        names: dict[date | None, list[str]] = {}
        for item in self.files:
            names.setdefault(item.after, []).append(item.name)
        later = {after: f" and _day > date'{after}'" if after else "" for after in names}
        return " or ".join(f"({of_files(some)}{later[after]})" for after, some in names.items())


def read(lake: Lake, source: Source, files: Sequence[IncomingFile], day: str) -> Arrival:
    """Read files once. A row whose day cannot be read is a broken row of the run's day.

    Raises ConfigError if two columns differ in case only, which no table can have.
    """
    _refuse_twins(lake, source)
    rows, counts = lake.staging.stage_and_count(
        rows_to_ingest(read_landed(lake, source, files), source, day), by="_day"
    )
    unchanged, changing = landing.split_unchanged(files)
    if changing:
        others = rows.rows.where(f"not {of_files([item.name for item in changing])}")
        rows, counts = lake.staging.stage_and_count(others, by="_day")
    return Arrival(unchanged, rows, counts, changing)


def _refuse_twins(lake: Lake, source: Source) -> None:
    """Raise ConfigError if a column differs only in case from another one, or from one in bronze."""
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


def read_landed(lake: Lake, source: Source, files: Sequence[IncomingFile]) -> DataFrame:
    """Read files on the workers, adding the day of each row; a file is read by one task."""
    _ship_by_value()
    rows = [
        (str(item.listed.path), item.name, str(item.day or ""), str(item.after or ""), str(item.through),
         item.listed.attributes.size, item.listed.attributes.mtime_ns)
        for item in files
    ]  # fmt: skip
    listed = lake.spark.createDataFrame(rows, _TO_READ)
    parts = min(len(rows), 4 * lake.settings.spark.shuffle_partitions)
    # The workers' columns are named by position: not every engine allows a dot in a name there.
    columns = [*source.named_columns(), *(name for name in SYSTEM if name != "_day"), "_of", "_after", "_through"]
    kinds = [_SYSTEM_TYPES.get(name, "string") for name in columns]
    schema = ", ".join(f"_c{place} {kind}" for place, kind in enumerate(kinds))
    read = listed.repartition(parts).mapInArrow(file_reader(spec_of(source)), schema)
    named = read.selectExpr(*(f"_c{place} as `{name}`" for place, name in enumerate(columns)))
    day = "to_date(nullif(_of, ''))" if not source.reads.day else day_sql(source.reads.day)
    return named.selectExpr("*", f"{day} as _day")


def _ship_by_value() -> None:
    """Send the reader's code with the plan, since workers may not have our packages."""
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(reader)  # type: ignore[no-untyped-call]


def file_reader(spec: reader.ReadSpec) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Build the function by which workers read listed files; a file that changes meanwhile ends without an error."""
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
                # A file that changes while it is read may fail anywhere; the caller checks files for changes later.
                if is_as_listed(row["path"], row["size"], row["mtime_ns"]):
                    raise

    return read


def rows_to_ingest(rows: DataFrame, source: Source, day: str) -> DataFrame:
    """Rows of days that are not ingested yet, in bronze's columns; a row without a readable day is of the run's day."""
    named = [f"`{column}` as `{stored_name(column)}`" for column in source.named_columns()]
    person = "cast(null as string) as _person"
    if not source.reads.day:
        return rows.selectExpr(*named, *SYSTEM, person)
    row_day = f"coalesce(_day, date'{day}')"
    unread = "if(_day is null and _refused is null, 'the day cannot be read', null)"
    replaced = {"_broken": f"coalesce(_broken, {unread}) as _broken", "_day": f"{row_day} as _day"}
    pending = rows.where(f"{row_day} <= to_date(_through) and (_after = '' or _day > to_date(nullif(_after, '')))")
    return pending.selectExpr(*named, *(replaced.get(column, column) for column in SYSTEM), person)


def write(lake: Lake, source: Source, arrival: Arrival | None, mapped: DataFrame, receipt: Receipt) -> None:
    """Replace the rows that bronze has of the files of an arrival, and say whom each row is about.

    `mapped` are the mapped rows of `received`. Where a row in bronze is about somebody else by now, since the contract
    or the crowded values have changed, its `_person` is corrected. A rerun after a kill replaces the files again.
    """
    place, counts = f"bronze/{source.name}", {"files": len(arrival.files) if arrival else 0}
    if arrival:
        lake.ensure_table(place, columns_of(source), STATISTICS)
        _replace(lake, place, _with_person(arrival.rows, source, mapped), arrival.replaced(), receipt, counts)
    corrected = mapped.where("_stored and not (_stored_person <=> _person.person_key)")
    if days := {row["_day"] for row in corrected.select("_day").distinct().collect()}:
        lake.ensure_table(place, columns_of(source), STATISTICS)
        these = of_days(days)
        lake.replace(place, _corrected(lake.read(place).where(these), corrected), these, receipt, counts)


def of_days(days: Collection[date]) -> str:
    """SQL condition of the rows of some days of the feed."""
    return f"_day in ({dates(sorted(days))})" if days else "false"


def of_files(names: Collection[str]) -> str:
    """SQL condition of the rows of some files, of which there is at least one."""
    return f"_file in ({', '.join(map(quoted, names))})"


def _replace(
    lake: Lake, place: str, rows: DataFrame | StagedRows, where: str, receipt: Receipt, counts: Mapping[str, int]
) -> None:
    """Replace the rows that a condition selects; if there are none, append, which is cheaper."""
    if lake.read(place).where(where).limit(1).count():
        lake.replace(place, rows, where, receipt, counts)
    else:
        lake.append(place, rows, receipt, counts)


def _with_person(rows: StagedRows, source: Source, mapped: DataFrame) -> DataFrame | StagedRows:
    """Rows of new files in bronze's columns, taken from their mapped rows, which have the person."""
    if not source.person:
        return rows
    named = (f"coalesce(_untrimmed.c{n}, `{c}`) as `{stored_name(c)}`" for n, c in enumerate(source.named_columns()))
    new_rows = mapped.where("not _stored").selectExpr(*named, *SYSTEM, "_person.person_key as _person")
    # The mapping has mixed the rows. In order, few parts have a day or file, and their statistics say so.
    return new_rows.sortWithinPartitions("_day", "_file", "_row")


def _corrected(rows: DataFrame, corrected: DataFrame) -> DataFrame:
    """Rows of bronze, with the persons of the corrected ones."""
    keys = corrected.selectExpr("_file", "_row", "true as _moved", "_person.person_key as _now")
    named = (f"`{c}`" if c != "_person" else "if(_moved, _now, _person) as _person" for c in rows.columns)
    return keys.join(rows, ["_file", "_row"], "right").selectExpr(*named)


def received(lake: Lake, source: Source, arrival: Arrival | None = None) -> DataFrame:
    """Rows of bronze and of an arrival in the columns of the current contract, and whether they are `_stored`.

    A column that was added to the contract later is read from `_rest`. `_stored_person` is `_person` in bronze.
    """
    parts = []
    if lake.exists(f"bronze/{source.name}"):
        rows = lake.read(f"bronze/{source.name}")
        person = "_person" if "_person" in rows.columns else "cast(null as string)"
        rows = rows.where(f"not ({arrival.replaced()})") if arrival else rows
        parts = [_by_contract(rows, source, "true as _stored", f"{person} as _stored_person")]
    if arrival:
        parts.append(_by_contract(arrival.rows.rows, source, "false as _stored", "_person as _stored_person"))
    return union_all(parts)


def _by_contract(rows: DataFrame, source: Source, *more: str) -> DataFrame:
    aliases: dict[str, list[str]] = {}
    for alias, name in source.reads.aliases.items():
        aliases.setdefault(name, []).append(alias)
    values = []
    for name in source.named_columns():
        # Homes of older releases have columns by their original names.
        columns = [f"`{n}`" for n in dict.fromkeys((stored_name(name), name)) if n in rows.columns]
        rest = [_of_rest(n) for n in (name, *aliases.get(name, ()))]
        values.append(f"coalesce({', '.join([*columns, *rest])}) as `{name}`")
    return rows.selectExpr(*values, *SYSTEM, *more)


def _of_rest(name: str) -> str:
    """SQL of a member of the rest of a row, also for names with characters that a JSON path does not allow."""
    if re.search(r"['?\\]", name):
        return unmarked(f"from_json({marked('_rest')}, 'map<string, string>')[{quoted(name)}]")
    return safe(member(["_rest", name]))
