"""Data of a feed that is held back: a day, or one file of a day, that broke a limit of its contract."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date

import sqlalchemy as sa

from quanyu.store.base import Database, UtcDateTime, metadata, now

HELD_BACK = sa.Table(
    "held_back",
    metadata,
    sa.Column("feed", sa.String(200), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("path", sa.String(2000), primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("most_often", sa.Text, nullable=False),
    sa.Column("definition", sa.String(64), nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True)
class HeldBack:
    """A day of a feed, or the rows of one file (`path`) of that day, with the reason and the contract's digest.

    `most_often` is the most frequent fault of its bad rows; empty without bad rows.
    """

    feed: str
    day: date
    path: str
    reason: str
    most_often: str
    definition: str


class HeldBacks:
    """The held-back data of every feed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, feed: str) -> list[HeldBack]:
        """Return the held-back days and files of a feed, by day and path. An empty path means the whole day."""
        columns = [column for column in HELD_BACK.columns if column.name != "updated_at"]
        query = sa.select(*columns).where(HELD_BACK.c.feed == feed).order_by(HELD_BACK.c.day, HELD_BACK.c.path)
        with self._database.read() as connection:
            return [HeldBack(**row._mapping) for row in connection.execute(query)]

    def replace(self, feed: str, days: Collection[date], rows: Sequence[HeldBack]) -> None:
        """Replace the held-back records of these days in one transaction."""
        at = now()
        with self._database.write() as connection:
            connection.execute(sa.delete(HELD_BACK).where(HELD_BACK.c.feed == feed, HELD_BACK.c.day.in_(list(days))))
            self._database.upsert(connection, HELD_BACK, [asdict(item) | {"updated_at": at} for item in rows])
