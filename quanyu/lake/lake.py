"""The only reader and writer of Delta: as known on a day, fenced commits with receipts, none without a change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quanyu.engine.session import Engine
from quanyu.errors import ConfigError, QuanyuError
from quanyu.lake.committer import CommitInfo, Committer, Maintenance, committer_name, overtaken, write_down
from quanyu.lake.delta_rs import DeltaRsCommitter
from quanyu.lake.delta_spark import SparkCommitter, session_settings
from quanyu.lake.difference import difference
from quanyu.lake.layout import LayoutColumn, layout_column, layout_of, plain_layout, same_type
from quanyu.lake.receipt import Receipt
from quanyu.lake.staging import Staged, Staging
from quanyu.lake.stored import StoredTables, delta_types, spark_types
from quanyu.settings import Settings
from quanyu.table import Table

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

REWRITE_SHARE = 0.2


@dataclass(frozen=True)
class Written:
    """What a write did, in rows; `version` is None where nothing was committed."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    version: int | None = None

    @property
    def changed(self) -> int:
        """Rows that differ from before."""
        return self.inserted + self.updated + self.deleted


class Lake(StoredTables):
    """Delta tables under one root, read by the engine and written by the lake's committer."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        super().__init__(settings)
        self.engine = engine
        self.staging = Staging(settings.lake, engine.path)
        self._fences: dict[str, int] = {}

    @property
    def spark(self) -> SparkSession:
        """The session, opened when it is first needed: what only looks at versions starts no engine."""
        return self.engine.session()

    @cached_property
    def committer(self) -> Committer:
        """Who commits to this lake, by what is written down in it."""
        write_down(self.settings, committer_name(self.settings))
        name = committer_name(self.settings)
        return DeltaRsCommitter() if name == "deltalake" else SparkCommitter(self.engine.session)

    def read(self, place: str) -> DataFrame:
        """Read a table as it stands. Raises QuanyuError where there is none."""
        table = self.delta(place)
        if table is None:
            raise QuanyuError(f"{place}: there is no table in {self.path(place)}")
        reader = self.spark.read.format("delta")
        if self.engine.name == "sail":
            # Without a schema Sail cuts times into days at UTC instead of the session's zone.
            reader = reader.schema(", ".join(f"`{name}` {kind}" for name, kind in spark_types(table).items()))
        return reader.load(self.engine.path(Path(self.path(place))))

    def table(self, table: type[Table]) -> DataFrame:
        """Read a declared table; one that nothing was written to yet is empty, with its schema."""
        place = place_of(table)
        if self.exists(place):
            rows = self.read(place)
            # One declared since is null until the next write adds it.
            added = {n: f"cast(null as {c.type}) as `{n}`" for n, c in table.schema().items() if n not in rows.columns}
            return rows.selectExpr(*(added.get(name, f"`{name}`") for name in table.schema()))
        return self.spark.createDataFrame([], ", ".join(f"`{n}` {c.type}" for n, c in table.schema().items()))

    def session_settings(self, values: Mapping[str, str]) -> AbstractContextManager[None]:
        """Set session settings for a while."""
        return session_settings(self.spark, values)

    def prepare(self, table: type[Table]) -> None:
        """Create a table, or add the columns declared since. Raises ConfigError for a changed type."""
        place = place_of(table)
        stored_table = self.delta(place)
        if stored_table is None or stored_table.version() == 0:
            self.committer.create(self.path(place), layout_of(table))
            return
        stored = delta_types(stored_table)
        for name, column in table.schema().items():
            if name in stored and not same_type(column.type, stored[name]):
                raise ConfigError(
                    f"{place}: column {name} is declared as {column.type} but lies there as {stored[name]};"
                    f" declare a new column for the new type. Where a table can be made again (silver, features), move"
                    f" {self.path(place)} away instead, and the next run makes it anew; it stops where one cannot"
                )
        missing = {name: layout_column(column) for name, column in table.schema().items() if name not in stored}
        if missing:
            self.committer.add_columns(self.path(place), missing)

    def begin(self, place: str, columns: Mapping[str, str], statistics: Sequence[str]) -> None:
        """Create a table that no class declares, such as a feed's in bronze, or add the columns that it lacks."""
        table = self.delta(place)
        if table is None:
            self.committer.create(self.path(place), plain_layout(columns, tuple(statistics)))
            return
        missing = {name: LayoutColumn(kind) for name, kind in columns.items() if name not in delta_types(table)}
        if missing:
            self.committer.add_columns(self.path(place), missing)

    def fence(self, job: str, places: Sequence[str]) -> None:
        """Fence a job's writes from now on: where another run of it commits first, its own commits are refused."""
        self._fences.update({f"{job}/{place}": self.transaction(place, f"{job}/{place}") for place in places})

    def append(self, place: str, rows: DataFrame | Staged, receipt: Receipt, counts: Mapping[str, int]) -> int:
        """Append rows, in one fenced commit. Returns the version."""
        staged = self._conformed(place, rows)
        return self._commit(place, receipt, counts, self.committer.append, staged)

    def replace(
        self, place: str, rows: DataFrame | Staged, where: str | None, receipt: Receipt, counts: Mapping[str, int]
    ) -> int:
        """Replace the rows that a condition selects, or all, in one fenced commit. Returns the version."""
        staged = self._conformed(place, rows)
        return self._commit(place, receipt, counts, self.committer.replace, staged, where)

    def _conformed(self, place: str, rows: DataFrame | Staged, *more: str) -> Staged:
        """Stage rows in the columns and types of their table, and further texts, unless they lie there so."""
        types = {**spark_types(self.delta(place)), **dict.fromkeys(more, "string")}
        frame = rows.rows if isinstance(rows, Staged) else rows
        if isinstance(rows, Staged) and dict(rows.rows.dtypes) == types:
            return rows
        values = {name: f"`{name}`" if name in frame.columns else "null" for name in types}
        return self.staging.take(frame.selectExpr(*(f"cast({values[n]} as {types[n]}) as `{n}`" for n in types)))

    def merge(
        self, table: type[Table], changes: Staged, on: Sequence[str], receipt: Receipt, counts: Mapping[str, int]
    ) -> int:
        """Upsert whole rows by a key, deleting those whose `_op` is `delete`, in one fenced commit.

        Returns the version, which without any row to write is the last one.
        """
        place = place_of(table)
        if not changes.count:
            return self.last_commit(place)
        staged = self._conformed(place, changes, "_op")
        return self._commit(place, receipt, counts, self.committer.merge, staged, on)

    def note(self, table: type[Table], row: Mapping[str, Any], receipt: Receipt) -> None:
        """Append one row without the engine, for what a person decides. The caller holds the home."""
        import pyarrow as pa

        self.prepare(table)
        columns = self.delta(place_of(table)).to_pyarrow_dataset().schema
        self.append_rows(place_of(table), pa.Table.from_pylist([dict(row)], columns), receipt, {"out": 1})

    def append_rows(self, place: str, rows: pa.Table, receipt: Receipt, counts: Mapping[str, int]) -> int:
        """Append rows of this process, in one fenced commit. Returns the version."""
        return self._commit(place, receipt, counts, self.committer.append_rows, rows)

    def replace_rows(self, place: str, rows: pa.Table, receipt: Receipt, counts: Mapping[str, int]) -> int:
        """Put rows of this process in place of all, in one fenced commit. Returns the version."""
        return self._commit(place, receipt, counts, self.committer.replace_rows, rows)

    def upsert_rows(self, table: type[Table], rows: pa.Table, receipt: Receipt, counts: Mapping[str, int]) -> int:
        """Update and insert rows of this process by the table's key, in one fenced commit. Returns the version."""
        place = place_of(table)
        return self._commit(place, receipt, counts, self.committer.upsert_rows, rows, table.keys)

    def _commit(
        self, place: str, receipt: Receipt, counts: Mapping[str, int], write: Callable[..., None], *content: Any
    ) -> int:
        """Commit, and look at what came: Spark skips a commit whose number is there already, without a word."""
        application = f"{receipt.job}/{place}"
        last = self._fences.get(application, self.transaction(place, application))
        newest = self.last_commit(place)
        write(self.path(place), *content, CommitInfo(place, receipt.text(counts), application, last + 1))
        own = (item for item in self.receipts(place) if _of(item["receipt"], receipt))
        version = int(next(own, {"version": -1})["version"])
        now = self.transaction(place, application)
        if version <= newest:
            if now > last:
                raise overtaken(place)
            return newest
        if application in self._fences:
            self._fences[application] = now
        return version

    def maintain(self, place: str, retention: timedelta) -> Maintenance:
        """Compact a table, and remove files and commits that are older than the retention.

        The log of a table whose last receipt is older is left whole: the receipt says what the table holds.
        """
        last = next(self.receipts(place), None)
        since = datetime.now(UTC) - retention
        with_log = last is None or datetime.fromtimestamp(last["timestamp"] / 1000, UTC) >= since
        return self.committer.maintain(self.path(place), retention, with_log)

    def sync(self, table: type[Table], df: DataFrame, receipt: Receipt, part: str | None = None) -> Written:
        """Make a gold table, or the part that a condition selects, hold just these rows; commits only a difference."""
        self.prepare(table)
        place = place_of(table)
        rows = self.staging.take(
            df.selectExpr(*(f"cast(`{n}` as {c.type}) as `{n}`" for n, c in table.schema().items()))
        )
        total = rows.count
        if self.version(place) is None:
            return Written(inserted=total, version=self.append(place, rows, receipt, {"in": total, "out": total}))
        current = self.read(place).where(part) if part else self.read(place)
        changes, counts = self.staging.counted(difference(table, rows.rows, current), by="_op")
        inserted, updated, deleted = (counts.get(op, 0) for op in ("insert", "update", "delete"))
        written = Written(inserted, updated, deleted, total - inserted - updated)
        if not written.changed:
            return written
        receipt_counts = {"in": total, "out": written.changed, "unchanged": written.unchanged}
        if inserted == total and not deleted:
            version = self.append(place, rows, receipt, receipt_counts)
        elif part or written.changed > REWRITE_SHARE * max(total, 1):
            version = self.replace(place, rows, part, receipt, receipt_counts)
        else:
            version = self.merge(table, changes, table.keys, receipt, receipt_counts)
        return Written(inserted, updated, deleted, written.unchanged, version)


def place_of(table: type[Table]) -> str:
    """Place of a declared table in the lake."""
    return f"{table.layer}/{table.name}"


def _of(stored: Mapping[str, Any], receipt: Receipt) -> bool:
    return (stored["job"], stored["run"]) == (receipt.job, receipt.run)
