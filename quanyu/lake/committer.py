"""Who commits to a lake: deltalake in the embedded form, Delta's own writer in the cluster form; one for good."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, Protocol

from quanyu.errors import ConfigError, RetryableError
from quanyu.lake.layout import Layout, LayoutColumn

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from quanyu.lake.staging import Staged
    from quanyu.settings import Settings

CommitterName = Literal["deltalake", "spark"]


@dataclass(frozen=True)
class CommitInfo:
    """What a commit carries: the place, the receipt's text, and the application with the number that fences it.

    The number is the application's last one, as it was when its step began, plus 1: a commit whose number is there
    already comes from a run that another one has overtaken.
    """

    place: str
    receipt: str
    application: str
    number: int


@dataclass(frozen=True)
class Maintenance:
    """What the upkeep of a table did: small files that it put together, and files that no kept version needs."""

    compacted: int = 0
    removed: int = 0


class Committer(Protocol):
    """Commits to tables by their paths, each call one fenced commit.

    A commit fails with RetryableError where another one of the same application came in between, and with QuanyuError
    where rows break a constraint of the table.
    """

    def create(self, path: str, layout: Layout) -> None:
        """Create a table, unless it is there; what an interrupted creation left out is added."""

    def add_columns(self, path: str, columns: Mapping[str, LayoutColumn]) -> None:
        """Add columns behind those that are there."""

    def append(self, path: str, rows: Staged, commit: CommitInfo) -> None:
        """Append staged rows."""

    def replace(self, path: str, rows: Staged, where: str | None, commit: CommitInfo) -> None:
        """Put staged rows in place of those that a condition selects, or of all."""

    def merge(self, path: str, changes: Staged, on: Sequence[str], commit: CommitInfo) -> None:
        """Insert, update and delete whole rows by a key, as the column `_op` says; deletes name rows that are there."""

    def append_rows(self, path: str, rows: pa.Table, commit: CommitInfo) -> None:
        """Append rows of this process."""

    def replace_rows(self, path: str, rows: pa.Table, commit: CommitInfo) -> None:
        """Put rows of this process in place of all."""

    def upsert_rows(self, path: str, rows: pa.Table, on: Sequence[str], commit: CommitInfo) -> None:
        """Update rows by a key, and insert those that are new."""

    def maintain(self, path: str, retention: timedelta, with_log: bool) -> Maintenance:
        """Put small files together, and remove what is older than the retention; `with_log`: commits of the log too.

        No row changes. What it commits has no receipt.
        """


def overtaken(place: str) -> RetryableError:
    """Say that another run committed first."""
    return RetryableError(f"{place}: another run wrote at the same time; run it again")


def committer_name(settings: Settings) -> CommitterName:
    """Return the committer that is written down in a lake, or that its form asks for where nothing is yet."""
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


def write_down(settings: Settings, name: CommitterName) -> None:
    """Write a lake's committer down, once: two that differ do not exclude each other's commits."""
    file = settings.lake / "_committer"
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"_committer.{os.getpid()}")
    fresh.write_text(f"{name}\n", encoding="utf-8")
    with contextlib.suppress(FileExistsError):
        os.link(fresh, file)
    fresh.unlink()
