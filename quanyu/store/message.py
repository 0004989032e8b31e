"""A message of the outbox: its table, its statuses, and how one leads to another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

import sqlalchemy as sa

from quanyu.store.base import UtcDateTime, metadata

Status = Literal[
    "planned", "announced", "sending", "sent", "rejected", "unknown", "held", "expired", "cancelled", "closed"
]
STATUSES: tuple[Status, ...] = get_args(Status)

# From where a status may be reached by mark(). What is unknown may have been delivered: facts that come back or a
# person settle it, and only a person leads it back to planned (`again`). A refusal that turns out to be the channel's
# fault was not the message's: it failed, and is tried again.
REACHED_FROM: dict[str, tuple[Status, ...]] = {
    "sent": ("sending", "unknown"),
    "rejected": ("sending", "unknown"),
    "unknown": ("sending",),
    "held": ("planned", "announced", "sending"),
    "expired": ("planned", "announced"),
    "cancelled": ("planned", "announced"),
    "failed": ("sending", "rejected"),
    "released": ("planned", "announced", "sending"),
    "closed": ("planned", "unknown", "held"),
    "again": ("unknown", "rejected", "held", "expired", "cancelled", "closed"),
}
PLANNED_AGAIN = ("failed", "released", "again")
TRIED = ("sent", "rejected", "failed")
UNSETTLED = "the sender died before it could say what became of it"

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
    sa.Column("due_on", sa.Date),
    sa.Column("expires_on", sa.Date),
    sa.Column("not_before", UtcDateTime),
    sa.Column("status", sa.String(10), sa.CheckConstraint(f"status in {STATUSES}"), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("note", sa.Text),
    sa.Column("address_kind", sa.String(50)),
    sa.Column("address_hash", sa.String(64)),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    # Changes since it was planned, and the one at which the lake stands: -1 where the lake has no row.
    sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
    sa.Column("recorded", sa.Integer, nullable=False, server_default="-1"),
    sa.Index("outbox_by_status", "status", "planned_on", "key"),
)
# Who was tried least comes first, so that what fails again and again holds up nobody.
IN_ORDER = (OUTBOX.c.attempts, OUTBOX.c.planned_on, OUTBOX.c.key)
_PERSONAL = re.compile(r"(\b\d{4}-\d\d-\d\d\b)|[^\s<>\"(),;:]+@[^\s<>\"(),;:]+|\+?\d(?:[\s()-]{0,2}\d){6,}")


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
    due_on: date | None = None
    expires_on: date | None = None
    not_before: datetime | None = None
    note: str | None = None
    address_kind: str | None = None
    address_hash: str | None = None
    revision: int = 0
    recorded: int = -1


def message_of(row: sa.Row[tuple[object, ...]]) -> Message:
    """Read a row of the outbox."""
    return Message(**row._mapping)


def blanked(text: str | None) -> str | None:
    """Blank addresses and numbers, which servers like to repeat; days stay."""
    return _PERSONAL.sub(lambda match: match[1] or "[...]", text)[:500] if text else None
