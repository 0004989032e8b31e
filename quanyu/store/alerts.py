"""Alerts: what is out of order with a step, since which day, and whether somebody was told of it and of its end."""

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
    """One thing that is out of order, or was and is over: the step, a key that stays the same, and the words."""

    step: str
    key: str
    words: str
    since: date
    over: bool


class Alerts:
    """Open alerts, and those that are over of which that was not told yet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def observe(self, step: str, day: date, wrong: Mapping[str, str]) -> None:
        """Take what is out of order with a step by a run for a day: key to words; what is not in it is over.

        A run for an earlier day than an alert's last ends nothing.
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
            # What nobody was told of begins and ends in silence.
            connection.execute(sa.delete(ALERTS).where(which, ALERTS.c.told_at.is_(None)))
            connection.execute(sa.update(ALERTS).where(which).values(over=True))

    def untold(self) -> list[Alert]:
        """Return what somebody is to be told: what is open and was not told, then what was told and is over."""
        query = sa.select(ALERTS).where(sa.or_(ALERTS.c.over, ALERTS.c.told_at.is_(None)))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(ALERTS.c.over, ALERTS.c.step, ALERTS.c.key)).all()
        return [Alert(row.step, row.key, row.words, row.since, row.over) for row in rows]

    def told(self, alerts: Iterable[Alert]) -> None:
        """Note that these were told: open ones are not told again, and what is over is forgotten."""
        with self._database.write() as connection:
            for alert in alerts:
                which = sa.and_(ALERTS.c.step == alert.step, ALERTS.c.key == alert.key, ALERTS.c.over == alert.over)
                if alert.over:
                    connection.execute(sa.delete(ALERTS).where(which))
                else:
                    connection.execute(sa.update(ALERTS).where(which).values(told_at=now()))
