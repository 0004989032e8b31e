"""The state in which each table of the lake was seen last, by which a loss is known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from quanyu.store.base import Database, UtcDateTime, metadata, now

LAKE_TABLES = sa.Table(
    "lake_tables",
    metadata,
    sa.Column("place", sa.String(400), primary_key=True),
    sa.Column("table_id", sa.String(100), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True)
class LakeTable:
    """A table of the lake at its last commit; a table that is made anew has another id."""

    place: str
    table_id: str
    version: int


class LakeTables:
    """Last known state of the tables, by place."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, LakeTable]:
        """Return the last known state of every table."""
        query = sa.select(LAKE_TABLES.c.place, LAKE_TABLES.c.table_id, LAKE_TABLES.c.version)
        with self._database.read() as connection:
            return {row.place: LakeTable(*row) for row in connection.execute(query)}

    def note(self, tables: Sequence[LakeTable]) -> None:
        """Keep the state of tables in place of an earlier one."""
        at = now()
        if tables:
            with self._database.write() as connection:
                self._database.upsert(connection, LAKE_TABLES, [asdict(table) | {"updated_at": at} for table in tables])

    def forget(self, places: Collection[str]) -> None:
        """Drop what is kept of tables."""
        with self._database.write() as connection:
            connection.execute(sa.delete(LAKE_TABLES).where(LAKE_TABLES.c.place.in_(places)))
