"""A message of the outbox: its table, its statuses, and the allowed transitions."""

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

# Statuses from which mark() may reach a status. An unknown message may have been delivered: returned facts or a person
# settle it, and only a person returns it to planned (`again`). A refusal that was the channel's fault counts as failed,
# and the message is tried again.
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
    # Number of changes since it was planned, and the last one that the lake has: -1 without a row in the lake.
    sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
    sa.Column("recorded", sa.Integer, nullable=False, server_default="-1"),
    sa.Index("outbox_by_status", "status", "planned_on", "key"),
)
# Messages with the fewest attempts first, so that repeated failures do not delay others.
IN_ORDER = (OUTBOX.c.attempts, OUTBOX.c.planned_on, OUTBOX.c.key)
_PERSONAL = re.compile(r"(\b\d{4}-\d\d-\d\d\b)|[^\s<>\"(),;:]+@[^\s<>\"(),;:]+|\+?\d(?:[\s()-]{0,2}\d){6,}")


@dataclass(frozen=True)
class Message:
    """One message to one customer, with ids only: addresses are read when it is sent."""

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
    """Blank addresses and numbers, which servers repeat in replies. Days stay."""
    return _PERSONAL.sub(lambda match: match[1] or "[...]", text)[:500] if text else None
