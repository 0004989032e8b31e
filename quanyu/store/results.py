"""Results of steps, by run and by day, for the summary of a day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from quanyu.store.base import Database, UtcDateTime, metadata, now, read_receipt, receipt_text

RESULTS = sa.Table(
    "step_results",
    metadata,
    sa.Column("run_id", sa.String(250), primary_key=True),
    sa.Column("step", sa.String(200), primary_key=True),
    sa.Column("day", sa.Date, nullable=False, index=True),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("ended_at", UtcDateTime, nullable=False, index=True),
)


class Results:
    """Results of steps, each as a mapping of plain values."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, run_id: str, day: date, step: str, result: dict[str, Any]) -> None:
        """Record the result of a step, and replace that of an earlier attempt of the same run."""
        row = {"run_id": run_id, "step": step, "day": day, "result": receipt_text(result), "ended_at": now()}
        with self._database.write() as connection:
            self._database.upsert(connection, RESULTS, [row])

    def of_run(self, run_id: str) -> dict[str, dict[str, Any]]:
        """Return the results of one run by step, in the order in which the steps ended."""
        return self._read(RESULTS.c.run_id == run_id)

    def of_day(self, day: date) -> dict[str, dict[str, Any]]:
        """Return the newest result of each step for a day, over all runs, in the order in which they ended."""
        return self._read(RESULTS.c.day == day)

    def newest_day(self) -> date | None:
        """Return the day for which a step ended last."""
        query = sa.select(RESULTS.c.day).order_by(RESULTS.c.ended_at.desc()).limit(1)
        with self._database.read() as connection:
            return connection.scalar(query)

    def last_day(self) -> date | None:
        """Return the last day of which a step has ended, whenever that was."""
        query = sa.select(RESULTS.c.day).order_by(RESULTS.c.day.desc()).limit(1)
        with self._database.read() as connection:
            return connection.scalar(query)

    def forget(self, ended_before: datetime) -> None:
        """Delete results that ended before an instant."""
        with self._database.write() as connection:
            connection.execute(sa.delete(RESULTS).where(RESULTS.c.ended_at < ended_before))

    def _read(self, which: sa.ColumnElement[bool]) -> dict[str, dict[str, Any]]:
        query = sa.select(RESULTS.c.step, RESULTS.c.result).where(which).order_by(RESULTS.c.ended_at)
        newest: dict[str, dict[str, Any]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query):
                newest.pop(row.step, None)
                newest[row.step] = read_receipt(row.result)
        return newest
