"""What became of everybody in a journey: messages, messages held back, and customers in the holdout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from quanyu.lake import place_of
from quanyu.model.entities import Customer
from quanyu.model.outcomes import memberships_of
from quanyu.run.runner import Context
from quanyu.store import Message

HELD_OUT = "held out"
HELD_BACK = "held back"


@dataclass(frozen=True)
class MessageOutcome:
    """One message, or one customer who was to get none, with the reason. It contains no address."""

    key: str
    journey: str
    customer_id: str
    day: date
    status: str
    reason: str = ""


def message_outcomes(context: Context, journey: str | None = None) -> list[MessageOutcome]:
    """Outcomes of all messages, or those of a journey with its held-back messages and its holdout; by day and key."""
    listed = [_of_message(message) for message in context.store.outbox.all(journey=journey)]
    if journey is not None:
        listed += [*_held_back(context, journey), *_held_out(context, journey)]
    return sorted(listed, key=lambda fate: (fate.day, fate.key, fate.customer_id))


def _of_message(message: Message) -> MessageOutcome:
    reason = "; ".join(text for text in (message.reason, message.note) if text)
    day = message.due_on or message.planned_on
    return MessageOutcome(message.key, message.journey, message.customer_id, day, message.status, reason)


def _held_back(context: Context, journey: str) -> Iterator[MessageOutcome]:
    """Messages that the journey decided not to send."""
    for row in _rows(context, "gold/decisions", "journey", journey):
        if row["decision"] == "held":
            key = f"{row['instance_id']}-{row['step']}"
            yield MessageOutcome(key, journey, row["customer_id"], row["decided_on"], HELD_BACK, row["reason"] or "")


def _held_out(context: Context, journey: str) -> Iterator[MessageOutcome]:
    """Members of the journey's audience who are in the holdout, so that its effect can be measured."""
    declared = context.catalogue.journeys.get(journey)
    for row in _rows(context, place_of(memberships_of(Customer)), "audience", declared.enters) if declared else ():
        if row["holdout"]:
            reason = f"held out of the audience {row['audience']}, to measure it"
            yield MessageOutcome("", journey, row["customer_id"], row["entered_on"], HELD_OUT, reason)


def _rows(context: Context, place: str, column: str, value: str) -> list[dict[str, Any]]:
    from pyarrow import compute

    if not context.lake.exists(place):
        return []
    return list(context.lake.rows(place, where=compute.field(column) == value).to_pylist())
