"""The only reader and writer of Delta: as known on a day, fenced commits with receipts, none without a change."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quanyu import lake_rows
from quanyu.ddl import body, same_type
from quanyu.difference import difference
from quanyu.engine import Engine
from quanyu.errors import ConfigError, QuanyuError, RetryableError
from quanyu.guard import guard
from quanyu.literals import quoted
from quanyu.receipt import Receipt, receipt_in
from quanyu.settings import Settings
from quanyu.staging import Staging
from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

REWRITE_SHARE = 0.2
_APP, _TXN = "spark.databricks.delta.write.txnAppId", "spark.databricks.delta.write.txnVersion"
_META = "spark.databricks.delta.commitInfo.userMetadata"


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
        self._merging = threading.Lock()

    @property
    def spark(self) -> SparkSession:
        """The session, opened when it is first needed: what only looks at versions starts no server."""
        return self.engine.session()

    def path(self, place: str) -> str:
        """Where a table lies."""
        return str(self.settings.lake / place)

    def exists(self, place: str) -> bool:
        """Whether the table was ever created."""
        return self._delta(place) is not None

    def _delta(self, place: str) -> Any:
        """Open a table without Spark; None where there is none."""
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

    def receipt(self, place: str) -> dict[str, Any] | None:
        """Receipt of the last commit that changed data."""
        return next((item["receipt"] for item in self.history(place) if item["receipt"]), None)

    def version(self, place: str) -> int | None:
        """Number of the last commit that changed data; None before the first."""
        return next((item["version"] for item in self.history(place) if item["receipt"]), None)

    def rows_written(self, place: str) -> int:
        """Rows that the last commit wrote."""
        return int(self.history(place, 1)[0]["operationMetrics"]["numOutputRows"])

    def version_of_day(self, place: str, day: date) -> int | None:
        """Last version that a run for this day or an earlier one wrote."""
        return next(
            (i["version"] for i in self.history(place) if i["receipt"] and i["receipt"]["day"] <= day.isoformat()), None
        )

    def places(self) -> list[str]:
        """Every table that lies in the lake."""
        return sorted(
            str(log.parent.relative_to(self.settings.lake)) for log in self.settings.lake.glob("*/*/_delta_log")
        )

    def arrow(self, place: str, version: int | None = None) -> Any:
        """Open a table as a pyarrow dataset, without Spark. Raises ConfigError for a version that is not there."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        try:
            return DeltaTable(self.path(place), version=version).to_pyarrow_dataset()
        except (DeltaError, OSError):
            raise ConfigError(f"{place}: there is no version {version}; the last is {self.version(place)}") from None

    def values(self, place: str, column: str) -> set[Any]:
        """List the different values of a column, without Spark."""
        batches = self.arrow(place).to_batches(columns=[column])
        return {value for batch in batches for value in batch.column(0).unique().to_pylist()}

    def read(self, place: str) -> DataFrame:
        """Read a table as it stands."""
        return self.spark.read.format("delta").load(self.path(place))

    def table(self, table: type[Table]) -> DataFrame:
        """Read a declared table; one that nothing was written to yet is empty, with its schema."""
        place = place_of(table)
        if self.exists(place):
            rows = self.read(place)
            # One declared since is null until the next write adds it.
            added = {n: f"cast(null as {c.type}) as `{n}`" for n, c in table.schema().items() if n not in rows.columns}
            return rows.selectExpr(*(added.get(name, f"`{name}`") for name in table.schema()))
        return self.spark.createDataFrame([], ", ".join(f"`{n}` {c.type}" for n, c in table.schema().items()))

    @contextlib.contextmanager
    def session_settings(self, values: Mapping[str, str]) -> Iterator[None]:
        """Set session settings for a while."""
        conf = self.spark.conf
        before = {key: conf.get(key, None) for key in values}
        for key, value in values.items():
            conf.set(key, value)
        try:
            yield
        finally:
            for key, old in before.items():
                conf.unset(key) if old is None else conf.set(key, old)

    def holds(self, place: str, column: str, value: str) -> bool:
        """Whether any row of a table has this value, without Spark."""
        from pyarrow import compute

        return self.exists(place) and bool(self.arrow(place).head(1, filter=compute.field(column) == value).num_rows)

    def prepare(self, table: type[Table]) -> None:
        """Create a table, or add the columns declared since. Raises ConfigError for a changed type."""
        place = place_of(table)
        found = self._delta(place)
        if found is None:
            self._create(place, *body(table))
            return
        there = {column.name: str(column.type.to_json()).strip('"') for column in found.schema().fields}
        missing = {name: column for name, column in table.schema().items() if name not in there}
        for name, column in table.schema().items():
            if name in there and not same_type(column.type, there[name]):
                raise ConfigError(
                    f"{place}: column {name} is declared as {column.type} but lies there as {there[name]};"
                    f" declare a new column for the new type, or move {self.path(place)} away and run again"
                )
        if missing:
            added = ", ".join(f"`{name}` {c.type} comment {quoted(c.comment)}" for name, c in missing.items())
            with guard(place):
                self.spark.sql(f"alter table delta.`{self.path(place)}` add columns ({added})").collect()

    def begin(self, place: str, columns: str, properties: Mapping[str, str]) -> None:
        """Create a table that no class declares, such as a feed's in bronze, by the SQL of its columns."""
        told = ", ".join(f"{quoted(key)}={quoted(value)}" for key, value in properties.items())
        self._create(place, columns, f" tblproperties ({told})")

    def _create(self, place: str, columns: str, rest: str) -> None:
        with guard(place):
            self.spark.sql(
                f"create table if not exists delta.`{self.path(place)}` ({columns}) using delta{rest}"
            ).collect()

    def append(self, place: str, df: DataFrame, receipt: Receipt, counts: Mapping[str, int], **options: str) -> int:
        """Append rows, in one fenced commit. Returns the version."""
        return self._write(place, df, receipt, counts, "append", options)

    def note(self, table: type[Table], row: Mapping[str, Any], receipt: Receipt) -> None:
        """Append one row without Spark, for what a person decides. The caller holds the home."""
        lake_rows.note(self.path(place_of(table)), table, row, lake_rows.told(receipt.text({"out": 1})))

    def append_rows(self, place: str, rows: Any, receipt: Receipt, counts: Mapping[str, int]) -> int:
        """Append rows of this process, without Spark, in one fenced commit. Returns the version."""
        return self._direct(place, receipt, counts, partial(lake_rows.append, rows=rows))

    def replace_rows(self, place: str, rows: Any, receipt: Receipt, counts: Mapping[str, int]) -> int:
        """Put rows of this process in the place of all that are there, likewise."""
        return self._direct(place, receipt, counts, partial(lake_rows.replace, rows=rows))

    def upsert_rows(self, table: type[Table], rows: Any, receipt: Receipt, counts: Mapping[str, int]) -> int:
        """Update and insert rows of this process by the table's key, likewise."""
        return self._direct(place_of(table), receipt, counts, partial(lake_rows.upsert, rows=rows, on=table.keys))

    def _direct(self, place: str, receipt: Receipt, counts: Mapping[str, int], write: Callable[..., None]) -> int:
        write(self.path(place), told=lake_rows.told(receipt.text(counts), self._fence(place, receipt)))
        return self._landed(place, receipt)

    def replace(
        self, place: str, df: DataFrame, where: str | None, receipt: Receipt, counts: Mapping[str, int], **options: str
    ) -> int:
        """Replace the rows that a condition tells, or all, in one fenced commit. Returns the version."""
        chosen = {**options, **({"replaceWhere": where} if where else {})}
        return self._write(place, df, receipt, counts, "overwrite", chosen)

    def _write(
        self, place: str, df: DataFrame, receipt: Receipt, counts: Mapping[str, int], mode: str,
        options: Mapping[str, str],
    ) -> int:  # fmt: skip
        app, txn = self._fence(place, receipt)
        writer = df.write.format("delta").mode(mode).options(**options)
        writer = writer.option("txnAppId", app).option("txnVersion", txn).option("userMetadata", receipt.text(counts))
        with guard(place):
            writer.save(self.path(place))
        return self._landed(place, receipt)

    def merge(
        self, table: type[Table], changes: DataFrame, on: Sequence[str], receipt: Receipt, counts: Mapping[str, int]
    ) -> int:
        """Upsert rows by their key, deleting those whose `_op` is `delete`, in one commit. Returns the version."""
        place = place_of(table)
        app, txn = self._fence(place, receipt)
        view = f"quanyu_changes_{table.name}"
        changes.createOrReplaceTempView(view)
        same = " and ".join(f"t.`{name}` <=> s.`{name}`" for name in on)
        sets = ", ".join(f"t.`{name}` = s.`{name}`" for name in table.schema())
        names = ", ".join(f"`{name}`" for name in table.schema())
        values = ", ".join(f"s.`{name}`" for name in table.schema())
        settings = {_APP: app, _TXN: str(txn), _META: receipt.text(counts)}
        # A MERGE takes its receipt from the session, which has one at a time.
        with self._merging, self.session_settings(settings), guard(place):
            self.spark.sql(
                f"merge into delta.`{self.path(place)}` t using {view} s on {same} "  # noqa: S608 (declared names only)
                f"when matched and s._op = 'delete' then delete when matched then update set {sets} "
                f"when not matched and s._op <> 'delete' then insert ({names}) values ({values})"
            ).collect()
        return self._landed(place, receipt)

    def _fence(self, place: str, receipt: Receipt) -> tuple[str, int]:
        table = self._delta(place)
        app = f"{receipt.job}/{place}"
        last = table.transaction_version(app) if table else None
        return app, (last or 0) + 1

    def _landed(self, place: str, receipt: Receipt) -> int:
        """Look at what came back: a commit whose number was taken already is skipped by Delta without a word."""
        newest = self.history(place, 1)[0]
        if not newest["receipt"] or newest["receipt"]["run"] != receipt.run:
            raise RetryableError(f"{place}: another run wrote at the same time; run it again")
        return int(newest["version"])

    def sync(self, table: type[Table], df: DataFrame, receipt: Receipt, part: str | None = None) -> Written:
        """Make a gold table, or the part that a condition tells, hold just these rows; commits only a difference."""
        self.prepare(table)
        place = place_of(table)
        typed = df.selectExpr(*(f"cast(`{n}` as {c.type}) as `{n}`" for n, c in table.schema().items()))
        kept = self.staging.take(typed)
        rows, total = kept.rows, kept.count
        if self.version(place) is None:
            return Written(inserted=total, version=self.append(place, rows, receipt, {"in": total, "out": total}))
        current = self.read(place).where(part) if part else self.read(place)
        changes, found = self.staging.counted(difference(table, rows, current), by="_op")
        told = Written(found.get("insert", 0), found.get("update", 0), found.get("delete", 0))
        told = Written(told.inserted, told.updated, told.deleted, total - told.inserted - told.updated)
        if not told.changed:
            return told
        counts = {"in": total, "out": told.changed, "unchanged": told.unchanged}
        if part or told.changed > REWRITE_SHARE * max(total, 1):
            version = self.replace(place, rows, part, receipt, counts)
        else:
            version = self.merge(table, changes, table.keys, receipt, counts)
        return Written(told.inserted, told.updated, told.deleted, told.unchanged, version)


def place_of(table: type[Table]) -> str:
    """Place of a declared table in the lake."""
    return f"{table.layer}/{table.name}"
