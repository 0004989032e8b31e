"""Alerts: problems of a step, since when, and whether people were notified of start and end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from quanyu.store.base import Database, UtcDateTime, metadata, now

ALERTS = sa.Table(
    "alerts",
    metadata,
    sa.Column("step", sa.String(200), primary_key=True),
    sa.Column("key", sa.String(500), primary_key=True),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("last_day", sa.Date, nullable=False),
    sa.Column("told_at", UtcDateTime),
    sa.Column("over", sa.Boolean, nullable=False),
)


@dataclass(frozen=True)
class Alert:
    """One problem, open or over: the step, a stable key, and the message."""

    step: str
    key: str
    message: str
    since: date
    has_ended: bool


class Alerts:
    """Open alerts, and ended ones whose end was not notified yet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def observe(self, step: str, day: date, wrong: Mapping[str, str]) -> None:
        """Record the problems of a step in a run for a day: key to message. Alerts that are not in it are over.

        A run for an earlier day than an alert's last day ends nothing.
        """
        with self._database.write() as connection:
            rows = connection.execute(sa.select(ALERTS).where(ALERTS.c.step == step)).all()
            stored_alerts = {row.key: row for row in rows}
            for key, words in wrong.items():
                last = stored_alerts.get(key)
                row = {
                    "step": step, "key": key, "words": words, "since": last.since if last else day,
                    "last_day": max(day, last.last_day) if last else day, "told_at": last.told_at if last else None,
                    "over": False,
                }  # fmt: skip
                self._database.upsert(connection, ALERTS, [row])
            ended = [key for key, row in stored_alerts.items() if key not in wrong and row.last_day <= day]
            which = sa.and_(ALERTS.c.step == step, ALERTS.c.key.in_(ended))
            # An alert that ends before its notification is dropped.
            connection.execute(sa.delete(ALERTS).where(which, ALERTS.c.told_at.is_(None)))
            connection.execute(sa.update(ALERTS).where(which).values(over=True))

    def to_notify(self) -> list[Alert]:
        """Return alerts to notify: open ones without a notification, then notified ones that are over."""
        query = sa.select(ALERTS).where(sa.or_(ALERTS.c.over, ALERTS.c.told_at.is_(None)))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(ALERTS.c.over, ALERTS.c.step, ALERTS.c.key)).all()
        return [Alert(row.step, row.key, row.words, row.since, row.over) for row in rows]

    def mark_notified(self, alerts: Iterable[Alert]) -> None:
        """Mark these as notified: open ones are not notified again, and ended ones are deleted."""
        with self._database.write() as connection:
            for alert in alerts:
                which = sa.and_(
                    ALERTS.c.step == alert.step, ALERTS.c.key == alert.key, ALERTS.c.over == alert.has_ended
                )
                if alert.has_ended:
                    connection.execute(sa.delete(ALERTS).where(which))
                else:
                    connection.execute(sa.update(ALERTS).where(which).values(told_at=now()))
