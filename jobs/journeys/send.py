"""Sends what the outbox holds, each message at most once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from jobs.journeys.channel import Channel, Envelope, Outcome
from jobs.journeys.template import Template
from quanyu.errors import ConfigError, QuanyuError, RejectedError, nearest
from quanyu.store import Message, Store


@dataclass(frozen=True)
class Address:
    """Where a customer is reached now, by which kind of identifier, and what the template may say of them."""

    to: str
    kind: str = "email"
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Withheld:
    """Why a message goes to nobody now; `again` where that may pass before the message expires."""

    reason: str
    again: bool = False


# An answer for every message that is asked about, by its key.
Reach = Callable[[Sequence[Message]], Mapping[str, Address | Withheld]]


def send(
    store: Store,
    channel: Channel,
    reach: Reach,
    templates: Mapping[str, Template],
    day: date,
    sender: str,
    batch: int = 500,
    attempts: int = 5,
) -> dict[str, int]:
    """Send everything due by the day on this channel and count what became of it; call it with the home's lock.

    reach says at this moment where each message goes, or why it is withheld: then it is held. A message that fails is
    tried again by later calls, until its attempts are used up.
    """
    counts = Counter(recovered=store.outbox.recover(channel=channel.name))
    started = datetime.now(UTC)
    with channel:
        while due := store.outbox.due(batch, day, channel.name, untouched_since=started):
            _check_templates(due, templates)
            reached = reach(due)
            for message in due:
                # One by one, so that a kill leaves a single message of which nobody knows.
                if store.outbox.claim(1, day, keys=[message.key]):
                    address = reached[message.key]
                    counts[_send_one(store, channel, message, address, templates, sender, attempts)] += 1
    return dict(counts)


def _send_one(
    store: Store,
    channel: Channel,
    message: Message,
    address: Address | Withheld,
    templates: Mapping[str, Template],
    sender: str,
    attempts: int,
) -> str:
    if isinstance(address, Withheld):
        store.outbox.mark(message.key, "held", address.reason)
        return "held"
    try:
        envelope = _envelope(message, address, templates[message.template], sender)
    except RejectedError as error:
        outcome = Outcome("rejected", str(error))
    else:
        outcome = _deliver(store, channel, envelope)
    if outcome.status == "failed" and message.attempts + 1 >= attempts:
        outcome = Outcome("rejected", f"given up after {attempts} attempts: {outcome.reason}")
    store.outbox.mark(message.key, outcome.status, outcome.reason)
    return outcome.status


def _deliver(store: Store, channel: Channel, envelope: Envelope) -> Outcome:
    try:
        return channel.deliver(envelope)
    except QuanyuError:
        # The channel or the set-up is out of order; the message has not begun its way.
        store.outbox.mark(envelope.key, "released")
        raise


def _envelope(message: Message, address: Address, template: Template, sender: str) -> Envelope:
    text = template.fill(address.values)
    return Envelope(message.key, address.to, text.subject, text.body, sender, message.planned_on, text.html)


def _check_templates(due: Sequence[Message], templates: Mapping[str, Template]) -> None:
    if missing := sorted({message.template for message in due} - set(templates)):
        raise ConfigError(f"There is no template {missing[0]!r}: {nearest(missing[0], templates)}")
