"""The only reader and writer of Delta: as known on a day, fenced commits with receipts, none without a change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quanyu.engine.session import Engine
from quanyu.errors import ConfigError, QuanyuError, RetryableError
from quanyu.lake.committer import CommitInfo, Committer, committer_name, write_down
from quanyu.lake.delta_rs import DeltaRsCommitter
from quanyu.lake.delta_spark import SparkCommitter, session_settings
from quanyu.lake.difference import difference
from quanyu.lake.layout import SPARK_NAMES, LayoutColumn, layout_column, layout_of, plain_layout, same_type
from quanyu.lake.receipt import Receipt, receipt_in
from quanyu.lake.staging import Staged, Staging
from quanyu.settings import Settings
from quanyu.table import Table

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

REWRITE_SHARE = 0.2
# Most questions about history are answered by its last commits.
RECENT_COMMITS = 5


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


class Lake:
    """Delta tables under one root, by place: `silver/orders`, `bronze/pos`."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.settings, self.engine = settings, engine
        self.staging = Staging(settings.lake)

    @property
    def spark(self) -> SparkSession:
        """The session, opened when it is first needed: what only looks at versions starts no engine."""
        return self.engine.session()

    @cached_property
    def committer(self) -> Committer:
        """Who commits to this lake, by what is written down in it."""
        name = committer_name(self.settings)
        write_down(self.settings, name)
        return DeltaRsCommitter() if name == "deltalake" else SparkCommitter(self.engine.session)

    def path(self, place: str) -> str:
        """Where a table lies."""
        return str(self.settings.lake / place)

    def exists(self, place: str) -> bool:
        """Whether the table was ever created."""
        return self._delta(place) is not None

    def _delta(self, place: str) -> Any:
        """Open a table without the engine; None where there is none."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        if not (Path(self.path(place)) / "_delta_log").is_dir():
            return None
        try:
            return DeltaTable(self.path(place))
        except TableNotFoundError:
            return None
        except DeltaError as error:
            why = str(error).splitlines()[0][:200]
            raise QuanyuError(f"{place}: the log of the table in {self.path(place)} cannot be read: {why}") from None

    def history(self, place: str, limit: int | None = None) -> list[dict[str, Any]]:
        """Commits, newest first, each with its receipt under `receipt` (None for one that changed no data)."""
        table = self._delta(place)
        return [{**item, "receipt": receipt_in(item)} for item in table.history(limit)] if table else []

    def _receipts(self, place: str) -> Iterator[dict[str, Any]]:
        """Commits that changed data, newest first; the whole history is read only where the last ones do not do."""
        recent = self.history(place, RECENT_COMMITS)
        yield from (item for item in recent if item["receipt"])
        if len(recent) == RECENT_COMMITS:
            yield from (item for item in self.history(place)[RECENT_COMMITS:] if item["receipt"])

    def receipt(self, place: str) -> dict[str, Any] | None:
        """Receipt of the last commit that changed data."""
        return next((item["receipt"] for item in self._receipts(place)), None)

    def version(self, place: str) -> int | None:
        """Number of the last commit that changed data; None before the first."""
        return next((item["version"] for item in self._receipts(place)), None)

    def version_of_day(self, place: str, day: date) -> int | None:
        """Last version that a run for this day or an earlier one wrote."""
        commits = self._receipts(place)
        return next((item["version"] for item in commits if item["receipt"]["day"] <= day.isoformat()), None)

    def places(self) -> list[str]:
        """Every table that lies in the lake."""
        return sorted(
            str(log.parent.relative_to(self.settings.lake)) for log in self.settings.lake.glob("*/*/_delta_log")
        )

    def arrow(self, place: str, version: int | None = None) -> Any:
        """Open a table as a pyarrow dataset, without the engine. Raises ConfigError for a version that is not there."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        try:
            return DeltaTable(self.path(place), version=version).to_pyarrow_dataset()
        except (DeltaError, OSError):
            raise ConfigError(f"{place}: there is no version {version}; the last is {self.version(place)}") from None

    def rows(self, place: str, columns: Sequence[str] | None = None, where: Any = None) -> pa.Table:
        """Read rows under a pyarrow condition, without the engine. Rows: those of the whole table that satisfy it.

        Each batch is filtered by itself: pyarrow cannot compare a condition with the statistics of files that deltalake
        wrote, whose texts it takes for another type.
        """
        import pyarrow as pa

        dataset = self.arrow(place)
        batches = (pa.Table.from_batches([batch]) for batch in dataset.to_batches())
        wanted = list(columns) if columns is not None else dataset.schema.names
        parts = [(part if where is None else part.filter(where)).select(wanted) for part in batches]
        return pa.concat_tables(parts) if parts else dataset.schema.empty_table().select(wanted)

    def values(self, place: str, column: str) -> set[Any]:
        """List the different values of a column, without the engine."""
        batches = self.arrow(place).to_batches(columns=[column])
        return {value for batch in batches for value in batch.column(0).unique().to_pylist()}

    def read(self, place: str) -> DataFrame:
        """Read a table as it stands. Raises QuanyuError where there is none."""
        table = self._delta(place)
        if table is None:
            raise QuanyuError(f"{place}: there is no table in {self.path(place)}")
        reader = self.spark.read.format("delta")
        if self.engine.name == "sail":
            # Without a schema Sail cuts times into days at UTC instead of the session's zone.
            reader = reader.schema(", ".join(f"`{name}` {kind}" for name, kind in _types(table).items()))
        return reader.load(self.path(place))

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

    def holds(self, place: str, column: str, value: str) -> bool:
        """Whether any row of a table has this value, without the engine."""
        from pyarrow import compute

        return self.exists(place) and bool(self.arrow(place).head(1, filter=compute.field(column) == value).num_rows)

    def prepare(self, table: type[Table]) -> None:
        """Create a table, or add the columns declared since. Raises ConfigError for a changed type."""
        place = place_of(table)
        stored_table = self._delta(place)
        if stored_table is None or stored_table.version() == 0:
            self.committer.create(self.path(place), layout_of(table))
            return
        stored = _stored_types(stored_table)
        for name, column in table.schema().items():
            if name in stored and not same_type(column.type, stored[name]):
                raise ConfigError(
                    f"{place}: column {name} is declared as {column.type} but lies there as {stored[name]};"
                    f" declare a new column for the new type, or move {self.path(place)} away and run again"
                )
        missing = {name: layout_column(column) for name, column in table.schema().items() if name not in stored}
        if missing:
            self.committer.add_columns(self.path(place), missing)

    def begin(self, place: str, columns: Mapping[str, str], statistics: Sequence[str]) -> None:
        """Create a table that no class declares, such as a feed's in bronze, or add the columns that it lacks."""
        table = self._delta(place)
        if table is None:
            self.committer.create(self.path(place), plain_layout(columns, tuple(statistics)))
            return
        missing = {name: LayoutColumn(kind) for name, kind in columns.items() if name not in _stored_types(table)}
        if missing:
            self.committer.add_columns(self.path(place), missing)

    def append(self, place: str, rows: DataFrame | Staged, receipt: Receipt, counts: Mapping[str, int]) -> int:
        """Append rows, in one fenced commit. Returns the version."""
        staged = self._conformed(place, rows)
        self.committer.append(self.path(place), staged, _commit(place, receipt, counts))
        return self._landed(place, receipt)

    def replace(
        self, place: str, rows: DataFrame | Staged, where: str | None, receipt: Receipt, counts: Mapping[str, int]
    ) -> int:
        """Replace the rows that a condition selects, or all, in one fenced commit. Returns the version."""
        staged = self._conformed(place, rows)
        self.committer.replace(self.path(place), staged, where, _commit(place, receipt, counts))
        return self._landed(place, receipt)

    def _conformed(self, place: str, rows: DataFrame | Staged) -> Staged:
        """Stage rows in the columns and types of their table, unless they lie there so already."""
        types = _types(self._delta(place))
        frame = rows.rows if isinstance(rows, Staged) else rows
        if isinstance(rows, Staged) and dict(rows.rows.dtypes).items() <= types.items():
            return rows
        present = [name for name in types if name in frame.columns]
        return self.staging.take(
            frame.selectExpr(*(f"cast(`{name}` as {types[name]}) as `{name}`" for name in present))
        )

    def merge(
        self, table: type[Table], changes: Staged, on: Sequence[str], receipt: Receipt, counts: Mapping[str, int]
    ) -> int:
        """Upsert rows by their key, deleting those whose `_op` is `delete`, in one commit. Returns the version."""
        place = place_of(table)
        self.committer.merge(self.path(place), changes, on, _commit(place, receipt, counts))
        return self._landed(place, receipt)

    def note(self, table: type[Table], row: Mapping[str, Any], receipt: Receipt) -> None:
        """Append one row without the engine, for what a person decides. The caller holds the home."""
        import pyarrow as pa

        self.prepare(table)
        columns = self._delta(place_of(table)).to_pyarrow_dataset().schema
        self.append_rows(place_of(table), pa.Table.from_pylist([dict(row)], columns), receipt, {"out": 1})

    def append_rows(self, place: str, rows: pa.Table, receipt: Receipt, counts: Mapping[str, int]) -> int:
        """Append rows of this process, in one fenced commit. Returns the version."""
        self.committer.append_rows(self.path(place), rows, _commit(place, receipt, counts))
        return self._landed(place, receipt)

    def replace_rows(self, place: str, rows: pa.Table, receipt: Receipt, counts: Mapping[str, int]) -> int:
        """Put rows of this process in place of all, in one fenced commit. Returns the version."""
        self.committer.replace_rows(self.path(place), rows, _commit(place, receipt, counts))
        return self._landed(place, receipt)

    def upsert_rows(self, table: type[Table], rows: pa.Table, receipt: Receipt, counts: Mapping[str, int]) -> int:
        """Update and insert rows of this process by the table's key, in one fenced commit. Returns the version."""
        place = place_of(table)
        self.committer.upsert_rows(self.path(place), rows, table.keys, _commit(place, receipt, counts))
        return self._landed(place, receipt)

    def _landed(self, place: str, receipt: Receipt) -> int:
        """Look at what came back: a commit whose number was taken already is skipped by Spark without a word."""
        newest = self.history(place, 1)[0]
        if not newest["receipt"] or newest["receipt"]["run"] != receipt.run:
            raise RetryableError(f"{place}: another run wrote at the same time; run it again")
        return int(newest["version"])

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


def _commit(place: str, receipt: Receipt, counts: Mapping[str, int]) -> CommitInfo:
    return CommitInfo(place, receipt.text(counts), f"{receipt.job}/{place}")


def _stored_types(table: Any) -> dict[str, str]:
    """Types of a table's columns by Delta's names; of arrays the whole description."""
    return {column.name: str(column.type.to_json()).strip('"') for column in table.schema().fields}


def _types(table: Any) -> dict[str, str]:
    """Types of a table's columns by Spark's names."""
    return {column.name: _spark_type(column.type) for column in table.schema().fields}


def _spark_type(kind: Any) -> str:
    element = getattr(kind, "element_type", None)
    if element is not None:
        return f"array<{_spark_type(element)}>"
    return SPARK_NAMES.get(kind.type, str(kind.type))
