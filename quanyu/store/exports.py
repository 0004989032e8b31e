"""Status of each export, by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from quanyu.store.base import Database, UtcDateTime, metadata, now
from quanyu.store.receipts import from_text, to_text

EXPORTS = sa.Table(
    "export_tasks",
    metadata,
    sa.Column("export", sa.String(200), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("location", sa.Text),
    sa.Column("receipt", sa.Text, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True)
class ExportTask:
    """One export of one day: its status, location of the files, and counts."""

    export: str
    day: date
    status: str
    location: str | None
    receipt: dict[str, Any]
    updated_at: datetime


class Exports:
    """Export tasks of all days, one per export and day."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, export: str, day: date, status: str, location: str | None, receipt: dict[str, Any]) -> None:
        """Record the status of an export on a day, and replace an earlier record."""
        row = {"export": export, "day": day, "status": status, "location": location}
        with self._database.write() as connection:
            full = row | {"receipt": to_text(receipt), "updated_at": now()}
            self._database.upsert(connection, EXPORTS, [full])

    def last(self, export: str) -> ExportTask | None:
        """Return the task of the latest day, not the one recorded last."""
        query = sa.select(EXPORTS).where(EXPORTS.c.export == export).order_by(EXPORTS.c.day.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return _task(row) if row is not None else None

    def all(self, day: date) -> list[ExportTask]:
        """Return the tasks of a day by name."""
        query = sa.select(EXPORTS).where(EXPORTS.c.day == day).order_by(EXPORTS.c.export)
        with self._database.read() as connection:
            return [_task(row) for row in connection.execute(query)]


def _task(row: sa.Row[Any]) -> ExportTask:
    return ExportTask(**(dict(row._mapping) | {"receipt": from_text(row.receipt)}))
