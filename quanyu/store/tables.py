"""The last recorded state of each table of the lake, by which a loss is detected."""

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
    """A table of the lake at its last commit. A table that is created again has another id."""

    place: str
    table_id: str
    version: int


class LakeTables:
    """Last recorded state of the tables, by place."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, LakeTable]:
        """Return the last recorded state of every table."""
        query = sa.select(LAKE_TABLES.c.place, LAKE_TABLES.c.table_id, LAKE_TABLES.c.version)
        with self._database.read() as connection:
            return {row.place: LakeTable(*row) for row in connection.execute(query)}

    def record(self, tables: Sequence[LakeTable]) -> None:
        """Record the state of tables, and replace an earlier one."""
        at = now()
        if tables:
            with self._database.write() as connection:
                self._database.upsert(connection, LAKE_TABLES, [asdict(table) | {"updated_at": at} for table in tables])

    def rename(self, old: str, new: str) -> None:
        """Record a table's state under another place, unless one is recorded there already."""
        with self._database.write() as connection:
            of_old, of_new = LAKE_TABLES.c.place == old, LAKE_TABLES.c.place == new
            if connection.scalar(sa.select(LAKE_TABLES.c.place).where(of_new)):
                connection.execute(sa.delete(LAKE_TABLES).where(of_old))
            else:
                connection.execute(sa.update(LAKE_TABLES).where(of_old).values(place=new))

    def forget(self, places: Collection[str]) -> None:
        """Delete the records of tables."""
        with self._database.write() as connection:
            connection.execute(sa.delete(LAKE_TABLES).where(LAKE_TABLES.c.place.in_(places)))
