"""Reads tables of a lake without an engine: versions, receipts, and rows as pyarrow."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quanyu.errors import ConfigError, KeeperError
from quanyu.lake.layout import SPARK_NAMES
from quanyu.lake.locations import data_files
from quanyu.lake.receipt import commit_info, receipt_in
from quanyu.run.faults import machine_fault

if TYPE_CHECKING:
    import pyarrow as pa

    from quanyu.config.settings import Settings

# Most queries need only the last commits.
RECENT_COMMITS = 5


class StoredTables:
    """Delta tables under one root, by place: `silver/orders`, `bronze/pos`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._opened: dict[str, tuple[object, Any]] = {}

    def path(self, place: str) -> str:
        """Path of a table."""
        return str(self.settings.lake / place)

    def exists(self, place: str) -> bool:
        """Whether the table exists."""
        return self.delta(place) is not None

    def delta(self, place: str) -> Any:
        """Open a table without the engine; None if there is none."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        log = Path(self.path(place), "_delta_log")
        if not log.is_dir():
            return None
        state, table = self._opened.get(place, (None, None))
        try:
            if state == (log_state := _state(log)):
                return table
            table = DeltaTable(self.path(place))
            # A commit in between is detected next time.
            self._opened[place] = (log_state, table)
            return table
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as error:
            if fault := machine_fault(error):
                raise type(fault)(f"{place}: {fault}") from None
            why = str(error).splitlines()[0][:200]
            raise KeeperError(f"{place}: the log of the table in {self.path(place)} cannot be read: {why}") from None

    def history(self, place: str, limit: int | None = None) -> list[dict[str, Any]]:
        """Commits, newest first, each with its receipt under `receipt` (None for one that changed no data)."""
        log = Path(self.path(place)) / "_delta_log"
        commits = sorted(log.glob(f"{'[0-9]' * 20}.json"), reverse=True)[:limit]
        infos = [(int(file.stem), commit_info(file.read_text(encoding="utf-8"))) for file in commits]
        return [{**info, "version": version, "receipt": receipt_in(info)} for version, info in infos]

    def receipts(self, place: str) -> Iterator[dict[str, Any]]:
        """Commits that changed data, newest first. The full history is read only if the last ones are not enough."""
        recent = self.history(place, RECENT_COMMITS)
        yield from (item for item in recent if item["receipt"])
        if len(recent) == RECENT_COMMITS:
            yield from (item for item in self.history(place)[RECENT_COMMITS:] if item["receipt"])

    def receipt(self, place: str) -> dict[str, Any] | None:
        """Receipt of the last commit that changed data."""
        return next((item["receipt"] for item in self.receipts(place)), None)

    def transaction(self, place: str, application: str) -> int:
        """Number of an application's last commit to a table; 0 before the first."""
        table = self.delta(place)
        return (table.transaction_version(application) or 0) if table else 0

    def version(self, place: str) -> int | None:
        """Number of the last commit that changed data; None before the first."""
        return next((item["version"] for item in self.receipts(place)), None)

    def version_of_day(self, place: str, day: date) -> int | None:
        """Last version that a run for this day or an earlier one wrote; None if the table did not exist yet.

        Raises ConfigError if the log no longer reaches back that far.
        """
        commits = self.receipts(place)
        version = next((item["version"] for item in commits if item["receipt"]["day"] <= day.isoformat()), None)
        if version is None and self.exists(place) and self.history(place)[-1]["version"] > 0:
            raise self._expired(place, f"what it was on {day}")
        return version

    def last_commit(self, place: str) -> int:
        """Number of the last commit of any kind; -1 without a table."""
        table = self.delta(place)
        return table.version() if table else -1

    def places(self) -> list[str]:
        """Places of all tables in the lake."""
        return sorted(
            str(log.parent.relative_to(self.settings.lake)) for log in self.settings.lake.glob("*/*/_delta_log")
        )

    def count_rows(self, place: str) -> int:
        """Rows of a table; 0 for one that is not there."""
        return 0 if self.version(place) is None else int(self.arrow(place).count_rows())

    def arrow(self, place: str, version: int | None = None) -> Any:
        """Open a table as a pyarrow dataset, without the engine.

        Raises ConfigError for a version that does not exist, or no longer.
        """
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        try:
            table = DeltaTable(self.path(place), version=version)
        except (DeltaError, OSError):
            if version is not None and 0 <= version <= self.last_commit(place):
                raise self._expired(place, f"version {version}") from None
            raise ConfigError(f"{place}: there is no version {version}; the last is {self.version(place)}") from None
        if version is not None and not all(file.exists() for file in data_files(table)):
            raise self._expired(place, f"version {version}")
        return table.to_pyarrow_dataset()

    def rows_written(self, place: str, after: int | None) -> int:
        """Number of rows that commits after a version have written, by their receipts."""
        receipts = (item for item in self.receipts(place) if after is None or item["version"] > after)
        return sum(item["receipt"]["counts"].get("out", 0) for item in receipts)

    def changes(self, place: str, after: int | None, columns: Sequence[str]) -> pa.Table | None:
        """Rows that were written or removed after a version, with `_change_type`: insert, delete, update_preimage or
        update_postimage. None if the log or a file of these changes has expired. `after` None: since the beginning.

        Columns that the table lacks are left out.
        """
        import pyarrow as pa
        from deltalake.exceptions import DeltaError

        table = self.delta(place)
        existing = delta_types(table) if table else {}
        wanted = [*(name for name in columns if name in existing), "_change_type"]
        if table is None or (self.version(place) or -1) <= (-1 if after is None else after):
            return pa.table({name: pa.array([], pa.string()) for name in wanted})
        try:
            feed = table.load_cdf(starting_version=0 if after is None else after + 1, columns=wanted)
            return pa.table(feed)
        except (DeltaError, OSError) as error:
            if machine_fault(error):
                raise
            return None

    def _expired(self, place: str, what: str) -> ConfigError:
        return ConfigError(
            f"{place}: {what} has expired: the upkeep removes what is older than retention_days"
            f" ({self.settings.retention_days}) in base.yml"
        )

    def move(self, place: str, to: str) -> None:
        """Rename the folder of a table, with its whole history; nothing is done if it was renamed already.

        Raises KeeperError if there is a table at both places.
        """
        old, new = Path(self.path(place)), Path(self.path(to))
        if not old.is_dir():
            return
        if new.is_dir():
            raise KeeperError(
                f"{place} and {to} are both in {self.settings.lake}: an older release has run on this home after it was"
                f" migrated. Restore the home from its last backup, or move the folder {old} away if it is not needed"
            )
        old.rename(new)

    def rows(self, place: str, columns: Sequence[str] | None = None, where: Any = None) -> pa.Table:
        """Read the rows that satisfy a pyarrow condition, or all rows, without the engine.

        Each batch is filtered separately: pyarrow cannot compare a condition with the file statistics of deltalake,
        whose string type differs.
        """
        import pyarrow as pa

        dataset = self.arrow(place)
        batches = (pa.Table.from_batches([batch]) for batch in dataset.to_batches())
        wanted = list(columns) if columns is not None else dataset.schema.names
        parts = [(part if where is None else part.filter(where)).select(wanted) for part in batches]
        return pa.concat_tables(parts) if parts else dataset.schema.empty_table().select(wanted)

    def values(self, place: str, column: str) -> set[Any]:
        """Distinct values of a column, without the engine."""
        batches = self.arrow(place).to_batches(columns=[column])
        return {value for batch in batches for value in batch.column(0).unique().to_pylist()}

    def holds(self, place: str, column: str, value: str) -> bool:
        """Whether at least one row has this value in a column, without the engine."""
        from pyarrow import compute

        if not self.exists(place):
            return False
        # With all columns, pyarrow would read on in the background when the first row is returned already.
        scan = self.arrow(place).scanner(columns=[column], filter=compute.field(column) == value, fragment_readahead=1)
        return bool(scan.head(1).num_rows)


def delta_types(table: Any) -> dict[str, str]:
    """Delta's type names of a table's columns; for arrays the full description."""
    return {column.name: str(column.type.to_json()).strip('"') for column in table.schema().fields}


def _state(log: Path) -> frozenset[tuple[str, int, int, int]]:
    """Fingerprint of a table's log folder: if it is unchanged, so is the table."""
    with os.scandir(log) as entries:
        looks = [(entry.name, entry.stat()) for entry in entries]
    return frozenset((name, look.st_ino, look.st_size, look.st_mtime_ns) for name, look in looks)


def spark_types(table: Any) -> dict[str, str]:
    """Spark's type names of a table's columns."""
    return {column.name: _spark_type(column.type) for column in table.schema().fields}


def _spark_type(kind: Any) -> str:
    element = getattr(kind, "element_type", None)
    if element is not None:
        return f"array<{_spark_type(element)}>"
    return SPARK_NAMES.get(kind.type, str(kind.type))
