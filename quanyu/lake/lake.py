"""The only reader and writer of Delta tables. Commits are fenced and have receipts; without a change there is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quanyu.config.settings import Settings
from quanyu.engine.session import Engine
from quanyu.errors import ConfigError, QuanyuError
from quanyu.grammar.table import Table
from quanyu.lake.committer import CommitInfo, Committer, Maintenance, commit_conflict, committer_name, record_committer
from quanyu.lake.delta_rs import DeltaRsCommitter
from quanyu.lake.delta_spark import SparkCommitter, session_settings
from quanyu.lake.difference import merge_changes
from quanyu.lake.layout import LayoutColumn, layout_column, layout_of, plain_layout, same_type, widened_constraints
from quanyu.lake.receipt import Receipt
from quanyu.lake.staging import StagedRows, Staging
from quanyu.lake.stored import StoredTables, delta_types, spark_types

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

REWRITE_SHARE = 0.2
# The same for a write of some keys, which are in all files of the table.
MERGE_SHARE = 0.005


@dataclass(frozen=True)
class WriteCounts:
    """Numbers of rows that a write changed; `version` is None if nothing was committed."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    version: int | None = None

    @property
    def changed(self) -> int:
        """Number of changed rows."""
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
        """The session, opened at first use: code that reads only versions starts no engine."""
        return self.engine.session()

    @cached_property
    def committer(self) -> Committer:
        """The committer that is recorded in this lake."""
        record_committer(self.settings, committer_name(self.settings))
        name = committer_name(self.settings)
        return DeltaRsCommitter() if name == "deltalake" else SparkCommitter(self.engine.session)

    def read(self, place: str) -> DataFrame:
        """Read the current rows of a table. Raises QuanyuError if there is none."""
        table = self.delta(place)
        if table is None:
            raise QuanyuError(f"{place}: there is no table in {self.path(place)}")
        reader = self.spark.read.format("delta")
        if self.engine.name == "sail":
            # Without a schema Sail computes days of times in UTC instead of the session's time zone.
            reader = reader.schema(", ".join(f"`{name}` {kind}" for name, kind in spark_types(table).items()))
        return reader.load(self.engine.path(Path(self.path(place))))

    def table(self, table: type[Table]) -> DataFrame:
        """Read a declared table. A table that was never written is empty, with its schema."""
        place = place_of(table)
        if self.exists(place):
            rows = self.read(place)
            # A newly declared column is null until the next write adds it.
            added = {n: f"cast(null as {c.type}) as `{n}`" for n, c in table.schema().items() if n not in rows.columns}
            return rows.selectExpr(*(added.get(name, f"`{name}`") for name in table.schema()))
        return self.spark.createDataFrame([], ", ".join(f"`{n}` {c.type}" for n, c in table.schema().items()))

    def session_settings(self, values: Mapping[str, str]) -> AbstractContextManager[None]:
        """Set session settings inside the block."""
        return session_settings(self.spark, values)

    def prepare(self, table: type[Table]) -> None:
        """Create a table, or add newly declared columns and values. Raises ConfigError for a changed type."""
        place = place_of(table)
        stored_table = self.delta(place)
        if stored_table is None or stored_table.version() == 0:
            self.committer.create(self.path(place), layout_of(table))
            return
        stored = delta_types(stored_table)
        for name, column in table.schema().items():
            if name in stored and not same_type(column.type, stored[name]):
                raise ConfigError(
                    f"{place}: column {name} is declared as {column.type} but stored as {stored[name]};"
                    f" declare a new column for the new type. If a table can be rebuilt (silver, features), move"
                    f" {self.path(place)} away instead, and the next run rebuilds it; for other tables the run stops"
                )
        missing = {name: layout_column(column) for name, column in table.schema().items() if name not in stored}
        if missing:
            self.committer.add_columns(self.path(place), missing)
        for name, rule in widened_constraints(stored_table, table).items():
            self.committer.replace_constraint(self.path(place), name, rule)

    def ensure_table(self, place: str, columns: Mapping[str, str], statistics: Sequence[str]) -> None:
        """Create a table that no class declares, such as a feed's bronze table, or add missing columns."""
        table = self.delta(place)
        if table is None:
            self.committer.create(self.path(place), plain_layout(columns, tuple(statistics)))
            return
        missing = {name: LayoutColumn(kind) for name, kind in columns.items() if name not in delta_types(table)}
        if missing:
            self.committer.add_columns(self.path(place), missing)

    def fence(self, job: str, places: Sequence[str]) -> None:
        """Fence a job's writes from now on: if another run of the job commits first, this run's are refused."""
        self._fences.update({f"{job}/{place}": self.transaction(place, f"{job}/{place}") for place in places})

    def append(self, place: str, rows: DataFrame | StagedRows, receipt: Receipt, counts: Mapping[str, int]) -> int:
        """Append rows in one fenced commit. Returns the version."""
        staged = self._conformed(place, rows)
        return self._commit(place, receipt, counts, self.committer.append, staged)

    def replace(
        self, place: str, rows: DataFrame | StagedRows, where: str | None, receipt: Receipt, counts: Mapping[str, int]
    ) -> int:
        """Replace the rows that a condition selects, or all rows, in one fenced commit. Returns the version."""
        staged = self._conformed(place, rows)
        return self._commit(place, receipt, counts, self.committer.replace, staged, where)

    def _conformed(self, place: str, rows: DataFrame | StagedRows, *more: str) -> StagedRows:
        """Stage rows in the columns and types of their table, plus text columns `more`, unless staged so already."""
        types = {**spark_types(self.delta(place)), **dict.fromkeys(more, "string")}
        frame = rows.rows if isinstance(rows, StagedRows) else rows
        if isinstance(rows, StagedRows) and dict(rows.rows.dtypes) == types:
            return rows
        values = {name: f"`{name}`" if name in frame.columns else "null" for name in types}
        return self.staging.stage(frame.selectExpr(*(f"cast({values[n]} as {types[n]}) as `{n}`" for n in types)))

    def merge(
        self, table: type[Table], changes: StagedRows, on: Sequence[str], receipt: Receipt, counts: Mapping[str, int]
    ) -> int:
        """Upsert rows by a key, and delete those whose `_op` is `delete`, in one fenced commit.

        Returns the version: the last one if there is no row to write.
        """
        place = place_of(table)
        if not changes.count:
            return self.last_commit(place)
        staged = self._conformed(place, changes, "_op")
        return self._commit(place, receipt, counts, self.committer.merge, staged, on)

    def append_row(self, table: type[Table], row: Mapping[str, Any], receipt: Receipt) -> None:
        """Append one row without the engine, for a person's decision. The caller holds the home's lock."""
        import pyarrow as pa

        self.prepare(table)
        columns = self.delta(place_of(table)).to_pyarrow_dataset().schema
        self.append_rows(place_of(table), pa.Table.from_pylist([dict(row)], columns), receipt, {"out": 1})

    def append_rows(self, place: str, rows: pa.Table, receipt: Receipt, counts: Mapping[str, int]) -> int:
        """Append a pyarrow table in one fenced commit. Returns the version."""
        return self._commit(place, receipt, counts, self.committer.append_rows, rows)

    def replace_rows(self, place: str, rows: pa.Table, receipt: Receipt, counts: Mapping[str, int]) -> int:
        """Replace all rows by a pyarrow table in one fenced commit. Returns the version."""
        return self._commit(place, receipt, counts, self.committer.replace_rows, rows)

    def upsert_rows(self, table: type[Table], rows: pa.Table, receipt: Receipt, counts: Mapping[str, int]) -> int:
        """Upsert a pyarrow table by the table's key in one fenced commit. Returns the version."""
        place = place_of(table)
        return self._commit(place, receipt, counts, self.committer.upsert_rows, rows, table.keys)

    def _commit(
        self, place: str, receipt: Receipt, counts: Mapping[str, int], write: Callable[..., None], *content: Any
    ) -> int:
        """Commit, and check the new version, since Spark silently skips a commit with a used transaction number."""
        application = f"{receipt.job}/{place}"
        last = self._fences.get(application, self.transaction(place, application))
        newest = self.last_commit(place)
        write(self.path(place), *content, CommitInfo(place, receipt.text(counts), application, last + 1))
        own = (item for item in self.receipts(place) if _of(item["receipt"], receipt))
        version = int(next(own, {"version": -1})["version"])
        now = self.transaction(place, application)
        if version <= newest:
            if now > last:
                raise commit_conflict(place)
            return newest
        if application in self._fences:
            self._fences[application] = now
        return version

    def maintain(self, place: str, retention: timedelta) -> Maintenance:
        """Compact a table, and remove files and commits that are older than the retention.

        If a table's last receipt is older, its log is not cleaned, since the receipt describes the table's content.
        """
        last = next(self.receipts(place), None)
        since = datetime.now(UTC) - retention
        with_log = last is None or datetime.fromtimestamp(last["timestamp"] / 1000, UTC) >= since
        return self.committer.maintain(self.path(place), retention, with_log)

    def drop(self, table: type[Table]) -> None:
        """Remove a table with its history. The caller can rebuild it and notes that it is gone on purpose."""
        shutil.rmtree(self.path(place_of(table)), ignore_errors=True)

    def sync(
        self, table: type[Table], df: DataFrame, receipt: Receipt, part: str | None = None,
        among: DataFrame | None = None,
    ) -> WriteCounts:  # fmt: skip
        """Set the rows of a gold table, of the part that a condition selects, or of the keys that are in `among`.

        Commits only differences.
        """
        self.prepare(table)
        place = place_of(table)
        rows = self.staging.stage(
            df.selectExpr(*(f"cast(`{n}` as {c.type}) as `{n}`" for n, c in table.schema().items()))
        )
        total = rows.count
        if self.version(place) is None:
            return WriteCounts(inserted=total, version=self.append(place, rows, receipt, {"in": total, "out": total}))
        current = self.read(place).where(part) if part else self.read(place)
        current = current if among is None else among.join(current, list(among.columns))
        changes, counts = self.staging.stage_and_count(merge_changes(table, rows.rows, current), by="_op")
        inserted, updated, deleted = (counts.get(op, 0) for op in ("insert", "update", "delete"))
        written = WriteCounts(inserted, updated, deleted, total - inserted - updated)
        if not written.changed:
            return written
        receipt_counts = {"in": total, "out": written.changed, "unchanged": written.unchanged}
        if inserted == written.changed:
            added = rows if inserted == total else changes.rows.drop("_op")
            version = self.append(place, added, receipt, receipt_counts)
        elif among is not None and written.changed > MERGE_SHARE * self.arrow(place).count_rows():
            # A merge rewrites all files that hold one of the keys, and does so slower than the engine.
            others = self.read(place).join(among, list(among.columns), "left_anti")
            whole = self.staging.stage(others.unionByName(rows.rows))
            version = self.replace(place, whole, None, receipt, receipt_counts)
        elif among is None and (part or written.changed > REWRITE_SHARE * max(total, 1)):
            version = self.replace(place, rows, part, receipt, receipt_counts)
        else:
            version = self.merge(table, changes, table.keys, receipt, receipt_counts)
        return WriteCounts(inserted, updated, deleted, written.unchanged, version)


def place_of(table: type[Table]) -> str:
    """Place of a declared table in the lake."""
    return f"{table.layer}/{table.name}"


def _of(stored: Mapping[str, Any], receipt: Receipt) -> bool:
    return (stored["job"], stored["run"]) == (receipt.job, receipt.run)
