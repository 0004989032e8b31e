"""Sends due messages from the outbox, each at most once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from jobs.journeys.channel import Channel, Envelope
from jobs.journeys.sending.faults import Faults
from jobs.journeys.sending.template import Template
from quanyu.errors import QuanyuError, RejectedError
from quanyu.run.interrupts import uninterrupted
from quanyu.store import Message, Store


@dataclass(frozen=True)
class Recipient:
    """Address of a customer, its kind of identifier, and the values for the template."""

    to: str
    kind: str = "email"
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Withheld:
    """Why a message may not be sent now. `may_pass` is true if the reason may pass before the message expires."""

    reason: str
    may_pass: bool = False


# Returns an answer for each message, by key.
Reach = Callable[[Sequence[Message]], Mapping[str, Recipient | Withheld]]


# Returns messages that must not be sent any more, by key: the final status and the reason.
Recheck = Callable[[Sequence[Message]], Mapping[str, tuple[Literal["expired", "cancelled"], str]]]
RETRY = timedelta(minutes=15)


@dataclass(frozen=True)
class SendRun:
    """Everything that one run needs to send.

    `reach` gives the current address of each message, `recheck` those that must not be sent any more, `record` writes
    changes of the outbox to the lake, and `hashed` gives the keyed hash of an address.
    """

    store: Store
    channel: Channel
    reach: Reach
    templates: Mapping[str, Template]
    day: date
    sender: str
    recheck: Recheck = lambda messages: {}
    record: Callable[[], None] = lambda: None
    hashed: Callable[[Recipient], str] = lambda address: ""
    batch: int = 500
    faults: Faults = field(default_factory=Faults)
    counts: Counter[str] = field(default_factory=Counter)


def send(run: SendRun) -> Counter[str]:
    """Send everything due by the day on the channel and count the outcomes. The caller must lock the home.

    Each batch is announced in the lake before any of it is sent. A failed message is retried after 15 minutes or later.
    Raises RetryableError or RejectedError if the channel fails; messages not handed over are then planned again.
    """
    outbox, name = run.store.outbox, run.channel.name
    run.counts["recovered"] += outbox.recover(name, run.channel.repeatable)
    run.record()
    try:
        with run.channel:
            while due := outbox.due(run.batch, run.day, name):
                _send_batch(run, due)
    except Exception:
        # Plan announced messages again. If the process is killed, the next run does so.
        outbox.recover(name)
        run.record()
        raise
    run.record()
    return run.counts


def _send_batch(run: SendRun, due: Sequence[Message]) -> None:
    addresses = _reached(run, _timely(run, due))
    run.store.outbox.announce({key: (to.kind, run.hashed(to)) for key, to in addresses.items()})
    run.record()
    for message in due:
        # One by one, so that a kill leaves at most one message with an unknown outcome.
        with uninterrupted():
            if message.key in addresses and run.store.outbox.claim(message.key, run.day):
                _send_one(run, message, addresses[message.key])


def _timely(run: SendRun, due: Sequence[Message]) -> list[Message]:
    """Mark messages that must not be sent any more, and return the others."""
    late = run.recheck(due)
    for key, (status, reason) in late.items():
        _mark(run, key, status, reason)
    return [message for message in due if message.key not in late]


def _reached(run: SendRun, messages: Sequence[Message]) -> dict[str, Recipient]:
    """Hold withheld messages, or release them to wait if the reason may pass; return the addresses of the others."""
    answers = run.reach(messages) if messages else {}
    addresses: dict[str, Recipient] = {}
    for message in messages:
        answer = answers[message.key]
        if isinstance(answer, Recipient):
            addresses[message.key] = answer
        elif answer.may_pass:
            _mark(run, message.key, "released", answer.reason, wait=True)
        else:
            _mark(run, message.key, "held", answer.reason)
    return addresses


def _send_one(run: SendRun, message: Message, address: Recipient) -> None:
    try:
        envelope = _envelope(message, address, run.templates[message.template], run.sender)
    except RejectedError as error:
        _mark(run, message.key, "rejected", str(error))
        return
    try:
        outcome = run.channel.deliver(envelope)
    except QuanyuError:
        # The channel or its settings are at fault; the message was not sent.
        run.store.outbox.set_status(message.key, "released")
        raise
    _mark(run, message.key, outcome.status, outcome.reason, wait=outcome.status == "failed")
    if fault := run.faults.observe(message.key, outcome):
        _take_back(run)
        raise fault


def _take_back(run: SendRun) -> None:
    """Plan messages again that were refused because the channel failed."""
    for key in run.faults.refused:
        message = run.store.outbox.find(key)
        if message is not None and message.status == "rejected":
            run.counts["rejected"] -= 1
            _mark(run, key, "failed", message.reason, wait=True)


def _mark(run: SendRun, key: str, status: str, reason: str | None, wait: bool = False) -> None:
    run.store.outbox.set_status(key, status, reason, datetime.now(UTC) + RETRY if wait else None)
    run.counts[status] += 1


def _envelope(message: Message, address: Recipient, template: Template, sender: str) -> Envelope:
    text = template.fill(address.values)
    return Envelope(message.key, address.to, text.subject, text.body, sender, message.planned_on, text.html)
