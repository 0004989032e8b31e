"""The committer of a lake: deltalake in the embedded form, Delta's own writer in the cluster form. It never changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, Protocol

from quanyu.errors import ConfigError, RetryableError
from quanyu.lake.layout import LayoutColumn, TableLayout
from quanyu.private_files import read_or_create

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from quanyu.config.settings import Settings
    from quanyu.lake.staging import StagedRows

CommitterName = Literal["deltalake", "spark"]


@dataclass(frozen=True)
class CommitInfo:
    """Metadata of a commit: the place, the receipt's text, and Delta's application id and transaction number (fence).

    The number is the application's last one at the start of its step, plus 1. If that number exists already, another
    run has committed first.
    """

    place: str
    receipt: str
    application: str
    number: int


@dataclass(frozen=True)
class Maintenance:
    """Result of the maintenance of a table: compacted small files, and removed files that no retained version needs."""

    compacted: int = 0
    removed: int = 0


class Committer(Protocol):
    """Commits to tables by their paths. Each call is one fenced commit.

    A commit raises RetryableError if another run of the same application has committed first, and QuanyuError if rows
    break a constraint of the table.
    """

    def create(self, path: str, layout: TableLayout) -> None:
        """Create a table if it does not exist, and complete an interrupted creation."""

    def add_columns(self, path: str, columns: Mapping[str, LayoutColumn]) -> None:
        """Add columns after the existing ones."""

    def replace_constraint(self, path: str, name: str, rule: str) -> None:
        """Replace a constraint by a new rule, which all rows meet."""

    def append(self, path: str, rows: StagedRows, commit: CommitInfo) -> None:
        """Append staged rows."""

    def replace(self, path: str, rows: StagedRows, where: str | None, commit: CommitInfo) -> None:
        """Replace the rows that a condition selects, or all rows, by staged rows."""

    def merge(self, path: str, changes: StagedRows, on: Sequence[str], commit: CommitInfo) -> None:
        """Insert, update and delete rows by a key, according to the column `_op`. Deletes refer to existing rows."""

    def append_rows(self, path: str, rows: pa.Table, commit: CommitInfo) -> None:
        """Append a pyarrow table."""

    def replace_rows(self, path: str, rows: pa.Table, commit: CommitInfo) -> None:
        """Replace all rows by a pyarrow table."""

    def upsert_rows(self, path: str, rows: pa.Table, on: Sequence[str], commit: CommitInfo) -> None:
        """Update rows by a key, and insert new ones."""

    def maintain(self, path: str, retention: timedelta, with_log: bool) -> Maintenance:
        """Compact small files, and remove files older than the retention; with `with_log` also commits of the log.

        No row changes. Its commits have no receipt.
        """


def commit_conflict(place: str) -> RetryableError:
    """Error for a commit after which another run has committed first."""
    return RetryableError(f"{place}: another run wrote at the same time; run it again")


def committer_name(settings: Settings) -> CommitterName:
    """Return the committer that is recorded in a lake; for a new lake the one of the settings."""
    file = settings.lake / "_committer"
    if not file.is_file():
        return "spark" if settings.spark.remote else "deltalake"
    name = file.read_text(encoding="utf-8").strip()
    if name not in ("deltalake", "spark"):
        raise ConfigError(f"{file} says {name!r}; allowed: deltalake, spark")
    if name == "spark" and settings.engine != "spark" and not settings.spark.remote:
        raise ConfigError(
            f"Apache Spark commits to the lake in {settings.lake} ({file}): set `engine: spark` or `spark.remote`"
        )
    return "spark" if name == "spark" else "deltalake"


def record_committer(settings: Settings, name: CommitterName) -> None:
    """Record a lake's committer, once, since different committers do not exclude each other's commits."""
    settings.lake.mkdir(parents=True, exist_ok=True)
    read_or_create(settings.lake / "_committer", f"{name}\n", mode=0o666)
