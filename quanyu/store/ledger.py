"""Ledger of landed files: which were ingested or refused, and the number of rows per day of a feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Literal

import sqlalchemy as sa

from quanyu.store.base import Database, UtcDateTime, metadata, now

FILES = sa.Table(
    "landed_files",
    metadata,
    sa.Column("feed", sa.String(200), primary_key=True),
    sa.Column("path", sa.String(2000), primary_key=True),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("mtime_ns", sa.BigInteger, nullable=False),
    sa.Column("ctime_ns", sa.BigInteger),
    sa.Column("feed_day", sa.Date),
    sa.Column("first_seen_on", sa.Date, nullable=False),
    sa.Column("recorded_on", sa.Date, nullable=False),
    sa.Column("taken_through", sa.Date),
    sa.Column("status", sa.String(10), sa.CheckConstraint("status in ('taken', 'refused')"), nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("definition", sa.String(16)),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)
VOLUMES = sa.Table(
    "feed_volumes",
    metadata,
    sa.Column("feed", sa.String(200), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("run_day", sa.Date, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True)
class LandedFile:
    """A file of a feed as it was last checked: its hash, its feed day, and whether its rows were ingested.

    `definition` is the digest of the source that read it. Homes of older releases have neither it nor a ctime.
    """

    feed: str
    path: str
    sha256: str
    size: int
    mtime_ns: int
    feed_day: date | None
    first_seen_on: date
    recorded_on: date
    taken_through: date | None
    status: Literal["taken", "refused"]
    reason: str | None
    rows: int
    ctime_ns: int | None = None
    definition: str | None = None


class Ledger:
    """Decides which files are new: a path with a recorded sha256 was ingested."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def files(self, feed: str) -> dict[str, LandedFile]:
        """Return the latest record of every file of a feed, by path."""
        columns = [column for column in FILES.columns if column.name != "updated_at"]
        with self._database.read() as connection:
            rows = connection.execute(sa.select(*columns).where(FILES.c.feed == feed).order_by(FILES.c.path))
            return {row.path: LandedFile(**row._mapping) for row in rows}

    def checked_since(self, feed: str, moment: datetime) -> dict[str, LandedFile]:
        """Return the latest record of files of a feed that were recorded at or after a moment, by path."""
        query = sa.select(FILES.c.path).where(FILES.c.feed == feed, FILES.c.updated_at >= moment)
        with self._database.read() as connection:
            paths = set(connection.scalars(query))
        return {path: file for path, file in self.files(feed).items() if path in paths}

    def forget(self, feed: str, paths: Sequence[str]) -> None:
        """Delete the records of files, so that the next run treats them as new."""
        with self._database.write() as connection:
            for path in paths:
                connection.execute(sa.delete(FILES).where(FILES.c.feed == feed, FILES.c.path == path))

    def record(self, files: Sequence[LandedFile]) -> None:
        """Write all records in one transaction. An existing path is replaced."""
        at = now()
        with self._database.write() as connection:
            self._database.upsert(connection, FILES, [asdict(file) | {"updated_at": at} for file in files])

    def days(self, feed: str) -> list[date]:
        """Return the feed days with an ingested file, in order."""
        query = sa.select(FILES.c.feed_day).distinct().where(FILES.c.feed == feed, FILES.c.status == "taken")
        with self._database.read() as connection:
            return list(connection.scalars(query.where(FILES.c.feed_day.is_not(None)).order_by(FILES.c.feed_day)))

    def record_volumes(self, feed: str, rows: Mapping[date, int], run_day: date) -> None:
        """Record the number of rows per day of a feed, in one transaction. A later call replaces the number."""
        common = {"feed": feed, "run_day": run_day, "updated_at": now()}
        with self._database.write() as connection:
            self._database.upsert(connection, VOLUMES, [{**common, "day": day, "rows": n} for day, n in rows.items()])

    def volumes(self, feed: str) -> dict[date, int]:
        """Return the number of rows per day of a feed, in order."""
        query = sa.select(VOLUMES.c.day, VOLUMES.c.rows).where(VOLUMES.c.feed == feed).order_by(VOLUMES.c.day)
        with self._database.read() as connection:
            return {row.day: row.rows for row in connection.execute(query)}
