"""What a job looked at and found unchanged, which leaves no commit in the lake to read it from."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from quanyu.store.base import Database, UtcDateTime, metadata, now
from quanyu.store.receipts import from_text, to_text

MEMORY = sa.Table(
    "job_memory",
    metadata,
    sa.Column("job", sa.String(200), primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("receipt", sa.Text, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)


class Memory:
    """Receipts of runs without a commit; losing them costs work, never correctness."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remember(self, job: str, key: str, receipt: dict[str, Any]) -> None:
        """Keep the receipt under job and key (a day, or empty), in place of an earlier one."""
        row = {"job": job, "key": key, "receipt": to_text(receipt), "updated_at": now()}
        with self._database.write() as connection:
            self._database.upsert(connection, MEMORY, [row])

    def recall(self, job: str, key: str = "") -> dict[str, Any] | None:
        """Return the last receipt kept under job and key; times and days come back as text."""
        query = sa.select(MEMORY.c.receipt).where(MEMORY.c.job == job, MEMORY.c.key == key)
        with self._database.read() as connection:
            text = connection.scalar(query)
        return from_text(text) if text is not None else None

    def forget(self, job: str) -> None:
        """Drop all that is kept of a job, so that its next run looks again."""
        with self._database.write() as connection:
            connection.execute(sa.delete(MEMORY).where(MEMORY.c.job == job))
