"""The outbox of messages: planned under a stable key, sent at most once."""

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
    """From planned to announced (recorded in the lake) to sending to sent, rejected or unknown. Failures are replanned.

    Held, expired, cancelled and closed messages are not sent. Every change increments a message's revision, which
    decides whether the lake or a restored store is newer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def plan(self, messages: Sequence[Message]) -> int:
        """Add the messages with a new key and return their number. Messages with a known key stay unchanged."""
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
        """Delete messages that were not sent, planned or ended since a moment. Returns their number.

        Decisions plan them again.
        """
        waiting = (OUTBOX.c.status.in_(("planned", "held", "expired", "cancelled")), OUTBOX.c.updated_at >= moment)
        with self._database.write() as connection:
            return connection.execute(sa.delete(OUTBOX).where(*waiting)).rowcount

    def due(self, limit: int, day: date, channel: str | None = None) -> list[Message]:
        """Return up to `limit` messages that `claim` would return, without a change.

        Recently failed messages wait for their retry time.
        """
        return self._messages(*_due(day, channel), limit=limit)

    def announce(self, addresses: Mapping[str, tuple[str, str]]) -> None:
        """Mark planned messages as announced: by key, the kind and the keyed hash of the address."""
        rows = [{"of": key, "kind": kind, "hashed": hashed} for key, (kind, hashed) in addresses.items()]
        if not rows:
            return
        statement = sa.update(OUTBOX).where(OUTBOX.c.key == sa.bindparam("of"), OUTBOX.c.status == "planned")
        to: dict[str, Any] = {"address_kind": sa.bindparam("kind"), "address_hash": sa.bindparam("hashed")}
        with self._database.write() as connection:
            connection.execute(statement.values({**_changed("announced"), **to}), rows)

    def claim(self, key: str, day: date) -> bool:
        """Move a message to sending if it is due by the day. Returns whether it was: no two callers claim the same.

        If the sender dies, a claimed message without a mark becomes unknown, so claim one at a time.
        """
        due = sa.update(OUTBOX).where(OUTBOX.c.key == key, *_due(day, None, ("planned", "announced")))
        with self._database.write() as connection:
            return connection.execute(due.values(_changed("sending"))).rowcount == 1

    def set_status(
        self, key: str, status: str, reason: str | None = None, not_before: datetime | None = None,
        note: str | None = None, expires_on: date | None = None,
    ) -> None:  # fmt: skip
        """Set the status of a message. `failed` plans it again with one more attempt, `released` without.

        With `not_before` it waits until then. A person's note stays through later changes. Addresses and numbers are
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
        """Set messages that a dead sender left in `sending` to `unknown`. Call it only with the home's lock.

        Such a message may have been delivered, so it is not sent again automatically, unless `repeatable`: then it is
        planned again. Announced messages are planned again too. Returns how many became unknown.
        """
        whose = [OUTBOX.c.channel == channel] if channel is not None else []
        again = ("announced", "sending") if repeatable else ("announced",)
        back = sa.update(OUTBOX).where(OUTBOX.c.status.in_(again), *whose).values(_changed("planned"))
        left = sa.update(OUTBOX).where(OUTBOX.c.status == "sending", *whose)
        with self._database.write() as connection:
            connection.execute(back)
            return connection.execute(left.values({**_changed("unknown"), "reason": UNSETTLED})).rowcount

    def mark_unknown(self, until: date, reason: str) -> int:
        """Set messages that were due until a day and were not sent from here to `unknown`. Returns their number.

        They may have been sent by another home meanwhile, so they are not sent automatically.
        """
        due = sa.func.coalesce(OUTBOX.c.due_on, OUTBOX.c.planned_on) <= until
        waiting = OUTBOX.c.status.in_(("planned", "announced"))
        statement = sa.update(OUTBOX).where(waiting, due, OUTBOX.c.note.is_(None))
        with self._database.write() as connection:
            return connection.execute(statement.values({**_changed("unknown"), "reason": reason})).rowcount

    def counts(self) -> dict[str, int]:
        """Count messages by status. Statuses without messages are left out."""
        query = (
            sa.select(OUTBOX.c.status, sa.func.count().label("number"))
            .group_by(OUTBOX.c.status)
            .order_by(OUTBOX.c.status)
        )
        with self._database.read() as connection:
            return {row.status: row.number for row in connection.execute(query)}

    def all(self, status: Status | None = None, journey: str | None = None) -> list[Message]:
        """Return messages ordered by planned day and key, optionally of one status or journey."""
        wanted = {OUTBOX.c.status: status, OUTBOX.c.journey: journey}
        chosen = [column == value for column, value in wanted.items() if value is not None]
        return sorted(self._messages(*chosen), key=lambda message: (message.planned_on, message.key))

    def find(self, key: str) -> Message | None:
        """Return one message, or None."""
        return next(iter(self._messages(OUTBOX.c.key == key)), None)

    def unrecorded(self) -> list[Message]:
        """Return the messages whose last change is not in the lake."""
        return self._messages(OUTBOX.c.revision != OUTBOX.c.recorded)

    def record(self, messages: Sequence[Message]) -> None:
        """Mark these messages, in this revision, as recorded in the lake."""
        rows = [{"of": message.key, "at": message.revision} for message in messages]
        statement = sa.update(OUTBOX).where(OUTBOX.c.key == sa.bindparam("of")).values(recorded=sa.bindparam("at"))
        if rows:
            with self._database.write() as connection:
                connection.execute(statement, rows)

    def restore(self, messages: Sequence[Message]) -> int:
        """Copy messages that are newer in the lake, and mark those that the lake lacks. Returns the number copied.

        A message that is announced or sending in the lake and absent here may have been sent: it becomes unknown.
        """
        own = {message.key: message for message in self._messages()}
        newer = [m for m in messages if m.key not in own or own[m.key].revision < m.revision]
        lake_revisions = {message.key: message.revision for message in messages}
        stale = [
            replace(message, revision=lake_revisions.get(key, -1))
            for key, message in own.items()
            if lake_revisions.get(key, -1) < message.recorded
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
