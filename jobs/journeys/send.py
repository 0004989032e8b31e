"""Sends what the outbox holds, each message at most once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from jobs.journeys.channel import Channel, Envelope
from jobs.journeys.faults import Faults
from jobs.journeys.template import Template
from quanyu.ending import uninterrupted
from quanyu.errors import QuanyuError, RejectedError
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


# Messages that are not to go out any more, by key: a status to end in, and why.
Recheck = Callable[[Sequence[Message]], Mapping[str, tuple[Literal["expired", "cancelled"], str]]]
RETRY = timedelta(minutes=15)


@dataclass(frozen=True)
class Run:
    """All that one run sends with.

    reach says at this moment where each message goes, recheck which are not to go out any more. record puts into the
    lake what changed in the outbox, and hashed is the keyed hash of an address.
    """

    store: Store
    channel: Channel
    reach: Reach
    templates: Mapping[str, Template]
    day: date
    sender: str
    recheck: Recheck = lambda messages: {}
    record: Callable[[], None] = lambda: None
    hashed: Callable[[Address], str] = lambda address: ""
    batch: int = 500
    faults: Faults = field(default_factory=Faults)
    counts: Counter[str] = field(default_factory=Counter)


def send(run: Run) -> Counter[str]:
    """Send everything due by the day on the channel and count what became of it; call it with the home's lock.

    Each batch is announced in the lake before any of it goes out. A message that fails is tried again a quarter of an
    hour later or after. Raises RetryableError and RejectedError where the channel is out of order: what was not handed
    over is then planned as before.
    """
    outbox, name = run.store.outbox, run.channel.name
    run.counts["recovered"] += outbox.recover(name, run.channel.repeatable)
    run.record()
    try:
        with run.channel:
            while due := outbox.due(run.batch, run.day, name):
                _send_batch(run, due)
    except Exception:
        # What was announced and not begun goes back; a process that is killed leaves that to the next run.
        outbox.recover(name)
        run.record()
        raise
    run.record()
    return run.counts


def _send_batch(run: Run, due: Sequence[Message]) -> None:
    addresses = _reached(run, _timely(run, due))
    run.store.outbox.announce({key: (to.kind, run.hashed(to)) for key, to in addresses.items()})
    run.record()
    for message in due:
        # One by one, so that a kill leaves a single message of which nobody knows.
        with uninterrupted():
            if message.key in addresses and run.store.outbox.claim(1, run.day, keys=[message.key]):
                _send_one(run, message, addresses[message.key])


def _timely(run: Run, due: Sequence[Message]) -> list[Message]:
    """End what is not to go out any more, and return the others."""
    late = run.recheck(due)
    for key, (status, reason) in late.items():
        _mark(run, key, status, reason)
    return [message for message in due if message.key not in late]


def _reached(run: Run, messages: Sequence[Message]) -> dict[str, Address]:
    """Hold what is withheld, or let it wait where that may pass, and return the addresses of the others."""
    answers = run.reach(messages) if messages else {}
    addresses: dict[str, Address] = {}
    for message in messages:
        answer = answers[message.key]
        if isinstance(answer, Address):
            addresses[message.key] = answer
        elif answer.again:
            _mark(run, message.key, "released", answer.reason, wait=True)
        else:
            _mark(run, message.key, "held", answer.reason)
    return addresses


def _send_one(run: Run, message: Message, address: Address) -> None:
    try:
        envelope = _envelope(message, address, run.templates[message.template], run.sender)
    except RejectedError as error:
        _mark(run, message.key, "rejected", str(error))
        return
    try:
        outcome = run.channel.deliver(envelope)
    except QuanyuError:
        # The channel or the set-up is out of order; the message has not begun its way.
        run.store.outbox.mark(message.key, "released")
        raise
    _mark(run, message.key, outcome.status, outcome.reason, wait=outcome.status == "failed")
    if fault := run.faults.look(message.key, outcome):
        _take_back(run)
        raise fault


def _take_back(run: Run) -> None:
    """Plan again what was refused for a fault of the channel."""
    for key in run.faults.refused:
        message = run.store.outbox.find(key)
        if message is not None and message.status == "rejected":
            run.counts["rejected"] -= 1
            _mark(run, key, "failed", message.reason, wait=True)


def _mark(run: Run, key: str, status: str, reason: str | None, wait: bool = False) -> None:
    run.store.outbox.mark(key, status, reason, datetime.now(UTC) + RETRY if wait else None)
    run.counts[status] += 1


def _envelope(message: Message, address: Address, template: Template, sender: str) -> Envelope:
    text = template.fill(address.values)
    return Envelope(message.key, address.to, text.subject, text.body, sender, message.planned_on, text.html)
