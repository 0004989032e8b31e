"""Receipts of runs that changed nothing, so that the lake has no commit with a receipt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from quanyu.store.base import Database, UtcDateTime, metadata, now, read_receipt, receipt_text

UNCHANGED_RUNS = sa.Table(
    "job_memory",
    metadata,
    sa.Column("job", sa.String(200), primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("receipt", sa.Text, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)


class UnchangedRuns:
    """Receipts of runs without a commit. If they are lost, steps run again; results stay correct."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, job: str, key: str, receipt: dict[str, Any]) -> None:
        """Store the receipt under job and key (a day, or empty), and replace an earlier one."""
        self.save_all(job, {key: receipt})

    def save_all(self, job: str, receipts: Mapping[str, dict[str, Any]]) -> None:
        """Store receipts under job and key in one transaction."""
        at = now()
        rows = [{"job": job, "key": k, "receipt": receipt_text(one), "updated_at": at} for k, one in receipts.items()]
        with self._database.write() as connection:
            self._database.upsert(connection, UNCHANGED_RUNS, rows)

    def load(self, job: str, key: str = "") -> dict[str, Any] | None:
        """Return the last receipt under job and key, or None. Times and days are returned as text."""
        query = sa.select(UNCHANGED_RUNS.c.receipt).where(UNCHANGED_RUNS.c.job == job, UNCHANGED_RUNS.c.key == key)
        with self._database.read() as connection:
            text = connection.scalar(query)
        return read_receipt(text) if text is not None else None

    def delete(self, job: str) -> None:
        """Delete all receipts of a job, so that it runs again."""
        with self._database.write() as connection:
            connection.execute(sa.delete(UNCHANGED_RUNS).where(UNCHANGED_RUNS.c.job == job))
