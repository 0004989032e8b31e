"""Messages on their way out: planned under a key that no rerun changes, handed to a sender once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from quanyu.errors import QuanyuError
from quanyu.store.base import Database, now
from quanyu.store.message import (
    IN_ORDER,
    OUTBOX,
    PLANNED_AGAIN,
    REACHED_FROM,
    TRIED,
    UNSETTLED,
    Message,
    Status,
    blanked,
    message_of,
)  # fmt: skip


class Outbox:
    """From planned to announced (the lake has it) to sending to sent, rejected or unknown; what failed goes back.

    Held, expired, cancelled and closed messages do not go out. Every change raises a message's revision, by which the
    lake and a store that was put back tell who knows more.
    """

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
        """Drop messages that no server has, planned or ended since a moment, and return how many.

        Decisions plan them anew.
        """
        waiting = (OUTBOX.c.status.in_(("planned", "held", "expired", "cancelled")), OUTBOX.c.updated_at >= moment)
        with self._database.write() as connection:
            return connection.execute(sa.delete(OUTBOX).where(*waiting)).rowcount

    def due(self, limit: int, day: date, channel: str | None = None) -> list[Message]:
        """Return up to limit messages that claim would hand out, and leave them as they are.

        What failed a short while ago waits for its time.
        """
        return self._messages(*_due(day, channel), limit=limit)

    def announce(self, addresses: Mapping[str, tuple[str, str]]) -> None:
        """Say that planned messages go out next: by key, the kind and the keyed hash of the address."""
        rows = [{"of": key, "kind": kind, "hashed": hashed} for key, (kind, hashed) in addresses.items()]
        if not rows:
            return
        statement = sa.update(OUTBOX).where(OUTBOX.c.key == sa.bindparam("of"), OUTBOX.c.status == "planned")
        to: dict[str, Any] = {"address_kind": sa.bindparam("kind"), "address_hash": sa.bindparam("hashed")}
        with self._database.write() as connection:
            connection.execute(statement.values({**_changed("announced"), **to}), rows)

    def claim(
        self, limit: int, day: date, channel: str | None = None, keys: Sequence[str] | None = None
    ) -> list[Message]:
        """Move up to limit messages due by the day to sending and return them; no two callers get the same one.

        What is claimed and not yet marked when the sender dies becomes unknown, so claim no more than is being sent.
        """
        due = _due(day, channel, ("planned", "announced"))
        if keys is not None:
            # By the key alone: a search in order looks at everything that is due, for each message anew.
            statement = sa.update(OUTBOX).where(*due, OUTBOX.c.key.in_(keys[:limit]))
        else:
            statement = claim_statement(due, limit)
        statement = statement.values(_changed("sending"))
        with self._database.write() as connection:
            rows = connection.execute(statement.returning(OUTBOX)).all()
        return sorted(map(message_of, rows), key=lambda message: (message.planned_on, message.key))

    def mark(
        self, key: str, status: str, reason: str | None = None, not_before: datetime | None = None,
        note: str | None = None, expires_on: date | None = None,
    ) -> None:  # fmt: skip
        """Say what became of a message; failed means planned again with one attempt more, released without.

        With not_before it waits until then. A person's note stays whatever comes later. Addresses and numbers are
        blanked in both texts.
        """
        if status not in REACHED_FROM:
            raise QuanyuError(f"A message cannot be marked {status!r}; allowed: {', '.join(sorted(REACHED_FROM))}.")
        changes = _changed("planned" if status in PLANNED_AGAIN else status)
        changes |= {"reason": blanked(reason), "not_before": not_before}
        if status in TRIED:
            changes["attempts"] = OUTBOX.c.attempts + sa.case((OUTBOX.c.status == "sending", 1), else_=0)
        changes |= {name: value for name, value in (("note", blanked(note)), ("expires_on", expires_on)) if value}
        which = (OUTBOX.c.key == key, OUTBOX.c.status.in_(REACHED_FROM[status]))
        with self._database.write() as connection:
            if connection.execute(sa.update(OUTBOX).where(*which).values(changes)).rowcount != 1:
                raise QuanyuError(f"Message {key} is not on its way, so it cannot be marked {status}.")

    def recover(self, channel: str | None = None, repeatable: bool = False) -> int:
        """Turn what a dead sender left in sending into unknown; call it only while holding the home's lock.

        Such a message may have been delivered, so it is never sent again by itself, unless its channel may repeat it:
        then it is planned again, as is what was only announced. Returns how many became unknown.
        """
        whose = [OUTBOX.c.channel == channel] if channel is not None else []
        again = ("announced", "sending") if repeatable else ("announced",)
        back = sa.update(OUTBOX).where(OUTBOX.c.status.in_(again), *whose).values(_changed("planned"))
        left = sa.update(OUTBOX).where(OUTBOX.c.status == "sending", *whose)
        with self._database.write() as connection:
            connection.execute(back)
            return connection.execute(left.values({**_changed("unknown"), "reason": UNSETTLED})).rowcount

    def doubt(self, until: date, reason: str) -> int:
        """Turn messages that were due until a day and have not gone out from here into unknown, and return how many.

        What went out from elsewhere meanwhile is not sent again by itself.
        """
        due = sa.func.coalesce(OUTBOX.c.due_on, OUTBOX.c.planned_on) <= until
        waiting = OUTBOX.c.status.in_(("planned", "announced"))
        statement = sa.update(OUTBOX).where(waiting, due, OUTBOX.c.note.is_(None))
        with self._database.write() as connection:
            return connection.execute(statement.values({**_changed("unknown"), "reason": reason})).rowcount

    def counts(self, day: date | None = None) -> dict[str, int]:
        """Count messages by status, of those planned for one day or of all; absent statuses are left out."""
        query = (
            sa.select(OUTBOX.c.status, sa.func.count().label("number"))
            .group_by(OUTBOX.c.status)
            .order_by(OUTBOX.c.status)
        )
        if day is not None:
            query = query.where(OUTBOX.c.planned_on == day)
        with self._database.read() as connection:
            return {row.status: row.number for row in connection.execute(query)}

    def all(self, status: Status | None = None, day: date | None = None, journey: str | None = None) -> list[Message]:
        """Return messages by the day they were planned for and key, of one status, day or journey, or of all."""
        wanted = {OUTBOX.c.status: status, OUTBOX.c.planned_on: day, OUTBOX.c.journey: journey}
        chosen = [column == value for column, value in wanted.items() if value is not None]
        return sorted(self._messages(*chosen), key=lambda message: (message.planned_on, message.key))

    def find(self, key: str) -> Message | None:
        """Return one message, or None."""
        return next(iter(self._messages(OUTBOX.c.key == key)), None)

    def unrecorded(self) -> list[Message]:
        """Return the messages of which the lake does not know the last change."""
        return self._messages(OUTBOX.c.revision != OUTBOX.c.recorded)

    def record(self, messages: Sequence[Message]) -> None:
        """Note that the lake has these messages as they were given."""
        rows = [{"of": message.key, "at": message.revision} for message in messages]
        statement = sa.update(OUTBOX).where(OUTBOX.c.key == sa.bindparam("of")).values(recorded=sa.bindparam("at"))
        if rows:
            with self._database.write() as connection:
                connection.execute(statement, rows)

    def take(self, messages: Sequence[Message]) -> int:
        """Take what the lake knows and this store does not, and note what the lake lacks. Returns how many were taken.

        A message that the lake saw announced or sending, while this store knows nothing of it, may have gone out: it is
        unknown.
        """
        here = {message.key: message for message in self._messages()}
        newer = [m for m in messages if m.key not in here or here[m.key].revision < m.revision]
        there = {message.key: message.revision for message in messages}
        stale = [
            replace(message, revision=there.get(key, -1))
            for key, message in here.items()
            if there.get(key, -1) < message.recorded
        ]
        self.record(stale)
        if newer:
            with self._database.write() as connection:
                self._database.upsert(connection, OUTBOX, [_row(_settled(message), now()) for message in newer])
        return len(newer)

    def _messages(self, *where: sa.ColumnElement[bool], limit: int | None = None) -> list[Message]:
        query = sa.select(OUTBOX).where(*where).order_by(*IN_ORDER).limit(limit)
        with self._database.read() as connection:
            return [message_of(row) for row in connection.execute(query)]


def claim_statement(due: Sequence[sa.ColumnElement[bool]], limit: int) -> sa.Update:
    """Choose and move in one statement: SQLite has one writer, Postgres passes over rows another caller holds."""
    ordered = sa.select(OUTBOX.c.key).where(*due).order_by(*IN_ORDER).limit(limit)
    chosen = ordered.with_for_update(skip_locked=True).scalar_subquery()
    return sa.update(OUTBOX).where(OUTBOX.c.key.in_(chosen), OUTBOX.c.status.in_(("planned", "announced")))


def _due(day: date, channel: str | None, statuses: Sequence[str] = ("planned",)) -> list[sa.ColumnElement[bool]]:
    ready = sa.or_(OUTBOX.c.not_before.is_(None), OUTBOX.c.not_before <= now())
    due = [OUTBOX.c.status.in_(statuses), OUTBOX.c.planned_on <= day, ready]
    return due if channel is None else [*due, OUTBOX.c.channel == channel]


def _changed(status: str) -> dict[str, Any]:
    return {"status": status, "updated_at": now(), "revision": OUTBOX.c.revision + 1}


def _settled(message: Message) -> Message:
    if message.status not in ("announced", "sending"):
        return message
    return replace(message, status="unknown", reason=UNSETTLED, revision=message.revision + 1)


def _row(message: Message, at: datetime) -> dict[str, Any]:
    return asdict(message) | {"updated_at": at}
