"""The committer of the cluster form: Delta's own writer, inside Apache Spark."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from quanyu.engine.guard import guard
from quanyu.lake.committer import CommitInfo, Maintenance
from quanyu.lake.layout import LayoutColumn, TableLayout
from quanyu.literals import quoted

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from quanyu.lake.staging import StagedRows

_APPLICATION, _NUMBER = "spark.databricks.delta.write.txnAppId", "spark.databricks.delta.write.txnVersion"
_METADATA = "spark.databricks.delta.commitInfo.userMetadata"


class SparkCommitter:
    """Commits through Apache Spark's session. Its Delta silently skips a commit with a used transaction number."""

    def __init__(self, session: Callable[[], SparkSession]) -> None:
        self._session = session
        self._merging = threading.Lock()

    def create(self, path: str, layout: TableLayout) -> None:
        """Create a table in one commit."""
        columns = ", ".join(_declared(name, column) for name, column in layout.columns.items())
        constraints = {f"delta.constraints.{name}": rule for name, rule in layout.constraints.items()}
        properties = ", ".join(
            f"{quoted(key)}={quoted(value)}" for key, value in {**layout.properties, **constraints}.items()
        )
        parted = f" partitioned by ({', '.join(layout.partitioned_by)})" if layout.partitioned_by else ""
        described = f" comment {quoted(layout.description)}" if layout.description else ""
        self._run(
            path, f"create table if not exists {_name(path)} ({columns}) using delta{parted}{described}"
            f" tblproperties ({properties})",
        )  # fmt: skip

    def add_columns(self, path: str, columns: Mapping[str, LayoutColumn]) -> None:
        """Add columns after the existing ones."""
        declared = ", ".join(_declared(name, column) for name, column in columns.items())
        self._run(path, f"alter table {_name(path)} add columns ({declared})")

    def replace_constraint(self, path: str, name: str, rule: str) -> None:
        """Replace a constraint by a new rule, which all rows meet."""
        self._run(path, f"alter table {_name(path)} drop constraint if exists `{name}`")
        self._run(path, f"alter table {_name(path)} add constraint `{name}` check ({rule})")

    def _run(self, path: str, statement: str) -> None:
        with guard(path):
            self._session().sql(statement).collect()

    def append(self, path: str, rows: StagedRows, commit: CommitInfo) -> None:
        """Append staged rows."""
        self._save(path, rows.rows, "append", {}, commit)

    def replace(self, path: str, rows: StagedRows, where: str | None, commit: CommitInfo) -> None:
        """Replace the rows that a condition selects, or all rows, by staged rows."""
        self._save(path, rows.rows, "overwrite", {"replaceWhere": where} if where else {}, commit)

    def _save(self, path: str, rows: DataFrame, mode: str, options: Mapping[str, str], commit: CommitInfo) -> None:
        writer = rows.write.format("delta").mode(mode).options(**options).option("userMetadata", commit.receipt)
        writer = writer.option("txnAppId", commit.application).option("txnVersion", commit.number)
        with guard(commit.place):
            writer.save(path)

    def merge(self, path: str, changes: StagedRows, on: Sequence[str], commit: CommitInfo) -> None:
        """Merge staged changes with one MERGE statement."""
        self._merge(path, changes.rows, on, commit)

    def _merge(self, path: str, changes: DataFrame, on: Sequence[str], commit: CommitInfo) -> None:
        session = self._session()
        columns = [name for name in changes.columns if name != "_op"]
        view = f"quanyu_changes_{abs(hash(path))}"
        changes.createOrReplaceTempView(view)
        same = " and ".join(f"t.`{name}` <=> s.`{name}`" for name in on)
        sets = ", ".join(f"t.`{name}` = s.`{name}`" for name in columns)
        names, values = (", ".join(f"{alias}`{name}`" for name in columns) for alias in ("", "s."))
        settings = {_APPLICATION: commit.application, _NUMBER: str(commit.number), _METADATA: commit.receipt}
        # A MERGE reads its receipt from a setting of the session.
        with self._merging, session_settings(session, settings):
            self._run(
                path, f"merge into {_name(path)} t using {view} s on {same} "  # noqa: S608 (declared names only)
                f"when matched and s._op = 'delete' then delete when matched then update set {sets} "
                f"when not matched and s._op <> 'delete' then insert ({names}) values ({values})",
            )  # fmt: skip

    def append_rows(self, path: str, rows: pa.Table, commit: CommitInfo) -> None:
        """Append a pyarrow table."""
        self._save(path, self._frame(path, rows), "append", {}, commit)

    def replace_rows(self, path: str, rows: pa.Table, commit: CommitInfo) -> None:
        """Replace all rows by a pyarrow table."""
        self._save(path, self._frame(path, rows), "overwrite", {}, commit)

    def upsert_rows(self, path: str, rows: pa.Table, on: Sequence[str], commit: CommitInfo) -> None:
        """Update rows by a key, and insert new ones."""
        self._merge(path, self._frame(path, rows).selectExpr("*", "'update' as _op"), on, commit)

    def maintain(self, path: str, retention: timedelta, with_log: bool) -> Maintenance:
        """Compact and vacuum. Spark writes checkpoints itself, and the log retains all commits with their receipts."""
        hours = int(retention.total_seconds() // 3600)
        settings = {"spark.databricks.delta.retentionDurationCheck.enabled": "false"}
        with guard(path), session_settings(self._session(), settings):
            metrics = self._session().sql(f"optimize {_name(path)}").collect()[0]["metrics"]
            expired = self._session().sql(f"vacuum {_name(path)} retain {hours} hours dry run").collect()
            self._session().sql(f"vacuum {_name(path)} retain {hours} hours").collect()
        # It also lists folders, each time again.
        removed = [row["path"] for row in expired if row["path"].endswith(".parquet")]
        return Maintenance(int(metrics["numFilesRemoved"]), len(removed))

    def _frame(self, path: str, rows: pa.Table) -> DataFrame:
        import pyarrow as pa

        session = self._session()
        # Delta itself refuses a missing required value when it commits.
        rows = rows.cast(pa.schema([field.with_nullable(True) for field in rows.schema]))
        with guard(path):
            schema = session.read.format("delta").load(path).schema
        typed = {field.name: field.dataType.simpleString() for field in schema.fields}
        return session.createDataFrame(rows).selectExpr(
            *(f"cast(`{n}` as {kind}) as `{n}`" for n, kind in typed.items())
        )


@contextlib.contextmanager
def session_settings(session: SparkSession, values: Mapping[str, str]) -> Iterator[None]:
    """Set a session's settings inside the block."""
    before = {key: session.conf.get(key, None) for key in values}
    for key, value in values.items():
        session.conf.set(key, value)
    try:
        yield
    finally:
        for key, old in before.items():
            session.conf.unset(key) if old is None else session.conf.set(key, old)


def _name(path: str) -> str:
    """Name a table by its path in a statement."""
    return f"delta.`{path.replace('`', '``')}`"


def _declared(name: str, column: LayoutColumn) -> str:
    required = " not null" if column.required else ""
    comment = f" comment {quoted(column.comment)}" if column.comment else ""
    return f"`{name}` {column.type}{required}{comment}"
