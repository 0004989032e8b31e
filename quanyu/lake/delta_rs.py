"""The committer of the embedded form: deltalake commits files that the engine has written."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import sqlglot
from sqlglot.dialects.postgres import Postgres

from quanyu.errors import QuanyuError
from quanyu.lake import staged_files
from quanyu.lake.committer import CommitInfo, Maintenance, commit_conflict
from quanyu.lake.layout import (
    DELTA_NAMES,
    LOG_CLEANUP,
    LOG_RETENTION,
    LayoutColumn,
    TableLayout,
    log_interval,
)
from quanyu.run.faults import machine_fault

if TYPE_CHECKING:
    import pyarrow as pa

    from quanyu.lake.staging import StagedRows

BATCH_ROWS = 100_000
# A condition on more partitions is not faster.
MOST_PARTITIONS = 20
# With fewer files, or fewer commits since the last checkpoint, maintenance costs more than it saves.
MANY_FILES, MANY_COMMITS = 8, 10
# Parts of messages of deltalake and pyarrow for a broken constraint. The messages also contain values of rows.
_BROKEN = ("failed validation check", "constraint", "Constraint", "non-null")


class DeltaRsCommitter:
    """Reads the fence and commits with one open table, so that deltalake detects every commit in between."""

    def create(self, path: str, layout: TableLayout) -> None:
        """Create a table, and complete an interrupted creation."""
        from deltalake import DeltaTable, Schema

        delta_properties = {key: value for key, value in layout.properties.items() if key.startswith("delta.")}
        schema = Schema([_field(name, column) for name, column in layout.columns.items()])
        table = DeltaTable.create(
            path, schema, mode="ignore", partition_by=list(layout.partitioned_by) or None,
            description=layout.description or None, configuration=delta_properties,
        )  # fmt: skip
        existing = table.metadata().configuration
        for name, rule in layout.constraints.items():
            if f"delta.constraints.{name}" not in existing:
                table.alter.add_constraint({name: rule})
        own = {
            key: value
            for key, value in layout.properties.items()
            if existing.get(key) != value and key not in delta_properties
        }
        if own:
            table.alter.set_table_properties(own, raise_if_not_exists=False)

    def add_columns(self, path: str, columns: Mapping[str, LayoutColumn]) -> None:
        """Add columns after the existing ones."""
        from deltalake import DeltaTable

        DeltaTable(path).alter.add_columns([_field(name, column) for name, column in columns.items()])

    def replace_constraint(self, path: str, name: str, rule: str) -> None:
        """Replace a constraint by a new rule, which all rows meet."""
        from deltalake import DeltaTable

        table = DeltaTable(path)
        table.alter.drop_constraint(name, raise_if_not_exists=False)
        table.alter.add_constraint({name: rule})

    def append(self, path: str, rows: StagedRows, commit: CommitInfo) -> None:
        """Check the staged rows, link their files into the table's folder, and commit them."""
        self._add(path, rows, "append", commit)

    def replace(self, path: str, rows: StagedRows, where: str | None, commit: CommitInfo) -> None:
        """Replace all rows by the staged files, or the rows of a condition in batches of bounded memory."""
        from deltalake import write_deltalake

        if where is None:
            self._add(path, rows, "overwrite", commit)
            return
        with _open(path, commit) as (table, properties):
            write_deltalake(
                table, _batches(table, rows), mode="overwrite", predicate=_predicate(where),
                commit_properties=properties,
            )  # fmt: skip

    def _add(self, path: str, rows: StagedRows, mode: Any, commit: CommitInfo) -> None:
        from deltalake import write_deltalake

        with _open(path, commit) as (table, properties):
            staged_files.check(table, rows, commit.place)
            partitioned_by = list(table.metadata().partition_columns)
            if staged_files.spans_partitions(rows, partitioned_by):
                write_deltalake(table, _batches(table, rows), mode=mode, commit_properties=properties)
                return
            table.create_write_transaction(
                staged_files.add_actions(table, rows),
                mode,
                table.schema(),
                partitioned_by,
                commit_properties=properties,
            )

    def merge(self, path: str, changes: StagedRows, on: Sequence[str], commit: CommitInfo) -> None:
        """Merge staged changes, in batches of bounded memory."""
        from deltalake import WriterProperties

        with _open(path, commit) as (table, properties):
            nullable = {field.name: field.nullable for field in table.schema().fields}
            same = [_same(name, nullable[name]) for name in on]
            parts = [_within(changes, name) for name in table.metadata().partition_columns if name in on]
            merging = table.merge(
                _batches(table, changes, more=["_op"]), " and ".join([*same, *filter(None, parts)]),
                source_alias="s", target_alias="t", commit_properties=properties,
                writer_properties=WriterProperties(max_row_group_size=BATCH_ROWS),
            )  # fmt: skip
            values = {f"`{name}`": f"s.`{name}`" for name in nullable}
            merging = merging.when_matched_delete("s.`_op` = 'delete'").when_matched_update(values)
            merging.when_not_matched_insert(values, "s.`_op` <> 'delete'").execute()

    def append_rows(self, path: str, rows: pa.Table, commit: CommitInfo) -> None:
        """Append a pyarrow table."""
        self._write_rows(path, rows, "append", commit)

    def replace_rows(self, path: str, rows: pa.Table, commit: CommitInfo) -> None:
        """Replace all rows by a pyarrow table."""
        self._write_rows(path, rows, "overwrite", commit)

    def _write_rows(self, path: str, rows: pa.Table, mode: Any, commit: CommitInfo) -> None:
        from deltalake import write_deltalake

        with _open(path, commit) as (table, properties):
            write_deltalake(table, _typed(table, rows, commit.place), mode=mode, commit_properties=properties)

    def upsert_rows(self, path: str, rows: pa.Table, on: Sequence[str], commit: CommitInfo) -> None:
        """Update rows by a key, and insert new ones."""
        with _open(path, commit) as (table, properties):
            same = " and ".join(f"t.`{name}` = s.`{name}`" for name in on)
            merging = table.merge(
                _typed(table, rows, commit.place),
                same,
                source_alias="s",
                target_alias="t",
                commit_properties=properties,
            )
            merging.when_matched_update_all().when_not_matched_insert_all().execute()

    def maintain(self, path: str, retention: timedelta, with_log: bool) -> Maintenance:
        """Compact, vacuum, and write a checkpoint. Old commits before it are removed."""
        from deltalake import DeltaTable

        table, compacted = DeltaTable(path), 0
        if len(table.file_uris()) >= MANY_FILES:
            compacted = table.optimize.compact(max_concurrent_tasks=1)["numFilesRemoved"]
        removed = _vacuum(table, path, retention)
        if table.version() - _last_checkpoint(path) >= MANY_COMMITS:
            table.create_checkpoint()
        if with_log and _oldest_commit(path) < datetime.now(UTC) - retention:
            keep = {LOG_RETENTION: log_interval(retention), LOG_CLEANUP: "false"}
            if not keep.items() <= table.metadata().configuration.items():
                table.alter.set_table_properties(keep, raise_if_not_exists=False)
            table.cleanup_metadata()
        return Maintenance(compacted, removed)


def _vacuum(table: Any, path: str, retention: timedelta) -> int:
    hours = int(retention.total_seconds() // 3600)
    expired = table.vacuum(hours, dry_run=True, enforce_retention_duration=False, full=True)
    # It also lists files that an earlier call removed, and commits each time.
    removed = [file for file in expired if (Path(path) / file).exists()]
    if removed:
        table.vacuum(hours, dry_run=False, enforce_retention_duration=False, full=True)
    return len(removed)


def _last_checkpoint(path: str) -> int:
    file = Path(path) / "_delta_log" / "_last_checkpoint"
    return int(json.loads(file.read_text(encoding="utf-8"))["version"]) if file.is_file() else -1


def _oldest_commit(path: str) -> datetime:
    """When the first commit in the log was written, by the clock that decides about its removal."""
    file = min((Path(path) / "_delta_log").glob("*.json"))
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)


def _within(changes: StagedRows, name: str) -> str:
    """Condition on the partitions of the changes, so that other partitions are not read and do not conflict."""
    values = {
        value for batch in changes.dataset().to_batches(columns=[name]) for value in batch[name].unique().to_pylist()
    }
    listed = ", ".join("'" + str(value).replace("'", "''") + "'" for value in values)
    texts = 0 < len(values) <= MOST_PARTITIONS and all(isinstance(value, str) for value in values)
    return f"t.`{name}` in ({listed})" if texts else ""


def _same(name: str, nullable: bool) -> str:
    # deltalake reads `a is not distinct from b and …` as `a is not distinct from (b and …)`.
    return f"(t.`{name}` is not distinct from s.`{name}`)" if nullable else f"t.`{name}` = s.`{name}`"


@contextlib.contextmanager
def _open(path: str, commit: CommitInfo) -> Iterator[tuple[Any, Any]]:
    """Open a table once, for the fence and the commit. Its errors contain values of rows and are not shown."""
    from deltalake import CommitProperties, DeltaTable, Transaction
    from deltalake.exceptions import CommitFailedError, DeltaError

    table = DeltaTable(path)
    if (table.transaction_version(commit.application) or 0) >= commit.number:
        raise commit_conflict(commit.place)
    properties = CommitProperties(
        custom_metadata={"userMetadata": commit.receipt},
        app_transactions=[Transaction(commit.application, commit.number)],
    )
    try:
        yield table, properties
    except CommitFailedError:
        raise commit_conflict(commit.place) from None
    except (DeltaError, OSError) as error:
        if fault := machine_fault(error):
            raise type(fault)(f"{commit.place}: {fault}") from None
        if any(sign in str(error) for sign in _BROKEN):
            raise QuanyuError(f"{commit.place}: rows break a constraint of the table; nothing was written") from None
        raise QuanyuError(f"{commit.place}: deltalake refused the commit ({type(error).__name__})") from None


def _typed(table: Any, rows: pa.Table, place: str) -> pa.Table:
    schema = _arrow_schema(table)
    for field in schema:
        if not field.nullable and rows.column(field.name).null_count:
            raise staged_files.missing(place, field.name, rows.column(field.name).null_count)
    return rows.select(schema.names).cast(schema)


def _arrow_schema(table: Any) -> pa.Schema:
    return table.to_pyarrow_dataset().schema.remove_metadata()


def _batches(table: Any, rows: StagedRows, more: Sequence[str] = ()) -> Any:
    """Stream staged rows as batches in the table's columns and types, plus the columns in `more`."""
    import pyarrow as pa

    schema = _arrow_schema(table)
    for name in more:
        schema = schema.append(pa.field(name, pa.string()))

    def stream() -> Iterator[pa.RecordBatch]:
        for batch in rows.dataset().to_batches(columns=schema.names, batch_size=BATCH_ROWS):
            yield from pa.Table.from_batches([batch]).cast(schema).to_batches()

    return pa.RecordBatchReader.from_batches(schema, stream() if rows.count else iter(()))


def _field(name: str, column: LayoutColumn) -> Any:
    from deltalake import Field
    from deltalake.schema import ArrayType, PrimitiveType

    kind = column.type.replace(", ", ",")
    if kind.startswith("array<"):
        element = kind.removeprefix("array<").removesuffix(">")
        delta_type: Any = ArrayType(PrimitiveType(DELTA_NAMES.get(element, element)), contains_null=True)
    else:
        delta_type = PrimitiveType(DELTA_NAMES.get(kind, kind))
    return Field(name, delta_type, not column.required, {"comment": column.comment} if column.comment else None)


class DataFusion(Postgres):
    """DataFusion's SQL: quotes in texts are doubled, dates are casts, names are in backticks."""

    class Tokenizer(Postgres.Tokenizer):
        """How names are quoted."""

        IDENTIFIERS: ClassVar[list[str | tuple[str, str]]] = ["`"]


def _predicate(condition: str) -> str:
    """Translate a Spark SQL condition for deltalake."""
    return sqlglot.parse_one(condition, dialect="spark").sql(dialect=DataFusion)
