"""The step that sends: what was decided is planned, what is due goes out, and what became of it is in the lake."""

from __future__ import annotations

import inspect
import sys
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from jobs.journeys import addresses
from jobs.journeys import send as sending
from jobs.journeys.channel import Channel
from jobs.journeys.channels.eml import Eml
from jobs.journeys.channels.smtp import Smtp
from jobs.journeys.program import Decision, Program
from jobs.journeys.template import Template
from quanyu import discover
from quanyu.declare import digest
from quanyu.lake.receipt import Receipt
from quanyu.run import Context, Outcome, Step
from quanyu.settings import Settings, secret
from quanyu.store import Message

BATCH = 5000


def step(catalogue: discover.Catalogue, programs: Mapping[str, Program]) -> Step:
    """Describe the step that sends. Raises ConfigError for texts that cannot be read."""
    journeys = catalogue.journeys
    texts = addresses.templates(journeys.values(), programs)
    declared = [journey.digest() for journey in journeys.values()]
    code = [inspect.getsource(module) for module in (sys.modules[__name__], addresses, sending)]
    return Step(
        "send", "journeys", ("gold/decisions", "gold/customers"), (),
        digest([declared, catalogue.settings.mail.model_dump(), code]),
        partial(send, texts=texts), "Sends what is due, each message at most once.",
        forward=True, inputs=waiting,
    )  # fmt: skip


def plan(context: Context, programs: Mapping[str, Program], decided: Iterable[Decision]) -> int:
    """Put every message that was ever decided into the outbox, which takes those it has not. Returns how many."""
    return context.store.outbox.plan(list(messages(context, programs, decided)))


def messages(context: Context, programs: Mapping[str, Program], decided: Iterable[Decision]) -> Iterable[Message]:
    """Every message that was ever decided, under a key that no rerun changes; the outbox takes those it has not."""
    for d in decided:
        if d.decision == "message" and d.journey in programs:
            late = f"was due on {d.decided_on}" if d.decided_on < context.day else None
            yield Message(
                f"{d.instance_id}-{d.step}", d.journey, d.instance_id, str(d.step), d.customer_id,
                context.settings.mail.channel, addresses.template_name(d.journey, d.step), context.day, reason=late,
            )  # fmt: skip


def waiting(context: Context) -> Mapping[str, Any]:
    """Tell the outbox's counts, with a mark never seen before while something is due: then `send` has to run."""
    outbox = context.store.outbox
    counts = outbox.counts()
    due = outbox.due(1, context.day, context.settings.mail.channel) or counts.get("sending")
    return {"outbox": counts, **({"mark": uuid.uuid4().hex} if due else {})}


def channel(settings: Settings) -> Channel:
    """Open the channel of the settings. Raises ConfigError for a secret that is not there."""
    mail = settings.mail
    if mail.channel == "eml":
        return Eml(settings.home / "outbox")
    username, password = secret(mail.username) or None, secret(mail.password) or None
    return Smtp(mail.host, mail.port, mail.starttls, username, password, mail.timeout_seconds)


def send(context: Context, receipt: Receipt, texts: Mapping[str, Template]) -> Outcome:
    """Send what is due; a channel is only opened, and addresses only fetched, when something is."""
    outbox, mail = context.store.outbox, context.settings.mail
    if outbox.due(1, context.day, mail.channel):
        wanted = frozenset(name for text in texts.values() for name in text.names())
        by = channel(context.settings)
        found = addresses.addresses(context, by.reached_by, wanted)
        counts = sending.send(context.store, by, found, texts, context.day, mail.sender, BATCH)
    else:
        counts = {"recovered": outbox.recover(channel=mail.channel)}
    return sent(context, counts)


def sent(context: Context, counts: Mapping[str, int]) -> Outcome:
    """Put in words and figures what became of the messages of one run."""
    told = {name: counts.get(name, 0) for name in ("sent", "held", "rejected", "failed")}
    told["unknown"] = counts.get("unknown", 0) + counts.get("recovered", 0)
    left = context.store.outbox.all("planned")
    told["planned"] = len(left)
    others = Counter(message.channel for message in left if message.channel != context.settings.mail.channel)
    words = (
        (told["held"], "held: no address or no consent at the moment of sending"),
        (told["rejected"], "rejected for good; the outbox has the reasons"),
        (told["failed"], "failed, to be tried again by the next run"),
        (told["unknown"], "unknown: they may have arrived, and are never sent again by themselves"),
        *((n, f"planned for the channel {name}, which mail.channel no longer names") for name, n in others.items()),
    )
    notes = tuple(f"{count} {text}" for count, text in words if count)
    return Outcome(sum(told.values()) - told["planned"], told["sent"], notes=notes, facts=told)
