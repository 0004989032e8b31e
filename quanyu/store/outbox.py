"""Messages on their way out: planned under a key that no rerun changes, handed to a sender once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal

import sqlalchemy as sa

from quanyu.errors import QuanyuError
from quanyu.store.base import Database, UtcDateTime, metadata, now

Status = Literal["planned", "sending", "sent", "rejected", "unknown", "held"]
STATUSES: tuple[Status, ...] = ("planned", "sending", "sent", "rejected", "unknown", "held")

# From where a status may be reached by mark(). What is unknown may have been delivered: a person, or the sender that
# was believed dead, may settle it, but nothing leads from it back to planned.
REACHED_FROM: dict[str, tuple[Status, ...]] = {
    "sent": ("sending", "unknown"),
    "rejected": ("sending", "unknown"),
    "unknown": ("sending",),
    "held": ("sending",),
    "failed": ("sending",),
    "released": ("sending",),
}

OUTBOX = sa.Table(
    "outbox",
    metadata,
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("journey", sa.String(200), nullable=False),
    sa.Column("instance_id", sa.String(200), nullable=False),
    sa.Column("step", sa.String(200), nullable=False),
    sa.Column("customer_id", sa.String(200), nullable=False),
    sa.Column("channel", sa.String(100), nullable=False),
    sa.Column("template", sa.String(200), nullable=False),
    sa.Column("planned_on", sa.Date, nullable=False),
    sa.Column("status", sa.String(10), sa.CheckConstraint(f"status in {STATUSES}"), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Index("outbox_by_status", "status", "planned_on", "key"),
)
IN_ORDER = (OUTBOX.c.planned_on, OUTBOX.c.key)
PERSONAL = re.compile(r"[^\s<>\"(),;:]+@[^\s<>\"(),;:]+|\+?\d(?:[\s()-]{0,2}\d){6,}")


@dataclass(frozen=True)
class Message:
    """One message to one customer, by ids only: addresses are fetched at the moment of sending."""

    key: str
    journey: str
    instance_id: str
    step: str
    customer_id: str
    channel: str
    template: str
    planned_on: date
    status: Status = "planned"
    attempts: int = 0
    reason: str | None = None
    updated_at: datetime | None = None


class Outbox:
    """From planned to sending to sent, rejected or unknown; what failed is planned again; held lacks consent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def plan(self, messages: Sequence[Message]) -> int:
        """Add the messages whose key is new and return how many were; others stay as they are, whatever they say."""
        wrong = {message.status for message in messages} - {"planned", "held"}
        if wrong:
            raise QuanyuError(f"A message is planned or held when it is added, not {', '.join(sorted(wrong))}.")
        if not messages:
            return 0
        insert = self._database.insert(OUTBOX).on_conflict_do_nothing(index_elements=["key"]).returning(OUTBOX.c.key)
        at = now()
        with self._database.write() as connection:
            return len(connection.execute(insert, [_row(message, at) for message in messages]).all())

    def forget_waiting(self, moment: datetime) -> int:
        """Drop messages planned or held at a moment or after it and return how many; decisions plan them anew."""
        waiting = (OUTBOX.c.status.in_(("planned", "held")), OUTBOX.c.updated_at >= moment)
        with self._database.write() as connection:
            return connection.execute(sa.delete(OUTBOX).where(*waiting)).rowcount

    def due(
        self, limit: int, day: date, channel: str | None = None, untouched_since: datetime | None = None
    ) -> list[Message]:
        """Return up to limit messages that claim would hand out, and leave them as they are.

        With untouched_since, a message that failed after that instant waits for a later sender.
        """
        query = sa.select(OUTBOX).where(*_due(day, channel, untouched_since)).order_by(*IN_ORDER).limit(limit)
        with self._database.read() as connection:
            return [_message(row) for row in connection.execute(query)]

    def claim(
        self, limit: int, day: date, channel: str | None = None, keys: Sequence[str] | None = None
    ) -> list[Message]:
        """Move up to limit messages due by the day to sending and return them; no two callers get the same one.

        What is claimed and not yet marked when the sender dies becomes unknown, so claim no more than is being sent.
        """
        due = _due(day, channel, None)
        if keys is not None:
            due.append(OUTBOX.c.key.in_(keys))
        statement = claim_statement(due, limit).values(status="sending", updated_at=now())
        with self._database.write() as connection:
            rows = connection.execute(statement.returning(OUTBOX)).all()
        return sorted((_message(row) for row in rows), key=lambda message: (message.planned_on, message.key))

    def mark(self, key: str, status: str, reason: str | None = None) -> None:
        """Say what became of a claimed message; failed means planned again with one attempt more, released without.

        Addresses and numbers in the reason are blanked, since servers like to repeat them.
        """
        if status not in REACHED_FROM:
            raise QuanyuError(f"A message cannot be marked {status!r}; allowed: {', '.join(sorted(REACHED_FROM))}.")
        changes: dict[str, Any] = {
            "status": "planned" if status in ("failed", "released") else status,
            "updated_at": now(),
        }
        changes["reason"] = PERSONAL.sub("[...]", reason)[:500] if reason else None
        changes["attempts"] = OUTBOX.c.attempts + (1 if status in ("sent", "rejected", "failed") else 0)
        which = (OUTBOX.c.key == key, OUTBOX.c.status.in_(REACHED_FROM[status]))
        with self._database.write() as connection:
            if connection.execute(sa.update(OUTBOX).where(*which).values(changes)).rowcount != 1:
                raise QuanyuError(f"Message {key} is not on its way, so it cannot be marked {status}.")

    def recover(self, older_than: datetime | None = None, channel: str | None = None) -> int:
        """Turn what a dead sender left in sending into unknown; call it only while holding the home's lock.

        Such a message may have been delivered, so it is never sent again by itself.
        """
        left = [OUTBOX.c.status == "sending"]
        if older_than is not None:
            left.append(OUTBOX.c.updated_at < older_than)
        if channel is not None:
            left.append(OUTBOX.c.channel == channel)
        reason = "the sender died before it could say what became of it"
        statement = sa.update(OUTBOX).where(*left).values(status="unknown", reason=reason, updated_at=now())
        with self._database.write() as connection:
            return connection.execute(statement).rowcount

    def counts(self, day: date | None = None) -> dict[str, int]:
        """Count messages by status, of those planned for one day or of all; absent statuses are left out."""
        query = (
            sa.select(OUTBOX.c.status, sa.func.count().label("messages"))
            .group_by(OUTBOX.c.status)
            .order_by(OUTBOX.c.status)
        )
        if day is not None:
            query = query.where(OUTBOX.c.planned_on == day)
        with self._database.read() as connection:
            return {row.status: row.messages for row in connection.execute(query)}

    def all(self, status: Status | None = None, day: date | None = None) -> list[Message]:
        """Return messages by the day they were planned for and key, of one status or day or of all."""
        query = sa.select(OUTBOX).order_by(*IN_ORDER)
        if status is not None:
            query = query.where(OUTBOX.c.status == status)
        if day is not None:
            query = query.where(OUTBOX.c.planned_on == day)
        with self._database.read() as connection:
            return [_message(row) for row in connection.execute(query)]


def claim_statement(due: Sequence[sa.ColumnElement[bool]], limit: int) -> sa.Update:
    """Choose and move in one statement: SQLite has one writer, Postgres passes over rows another caller holds."""
    ordered = sa.select(OUTBOX.c.key).where(*due).order_by(*IN_ORDER).limit(limit)
    chosen = ordered.with_for_update(skip_locked=True).scalar_subquery()
    return sa.update(OUTBOX).where(OUTBOX.c.key.in_(chosen), OUTBOX.c.status == "planned")


def _due(day: date, channel: str | None, untouched_since: datetime | None) -> list[sa.ColumnElement[bool]]:
    due = [OUTBOX.c.status == "planned", OUTBOX.c.planned_on <= day]
    if channel is not None:
        due.append(OUTBOX.c.channel == channel)
    if untouched_since is not None:
        due.append(OUTBOX.c.updated_at < untouched_since)
    return due


def _row(message: Message, at: datetime) -> dict[str, Any]:
    return asdict(message) | {"updated_at": at}


def _message(row: sa.Row[Any]) -> Message:
    return Message(**row._mapping)
