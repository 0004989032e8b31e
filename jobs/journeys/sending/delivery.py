"""The step that sends: puts decided messages into the outbox, sends those due, and records outcomes in the lake."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from jobs.consent.gate import READS as GATE
from jobs.consent.missing_answers import reasons_to_wait
from jobs.journeys.channel import Channel
from jobs.journeys.channels.eml import Eml
from jobs.journeys.channels.smtp import Smtp
from jobs.journeys.facts import SendFacts
from jobs.journeys.program import Decision, Program
from jobs.journeys.sending import addresses, deliveries, recheck, settlement
from jobs.journeys.sending import send as sending
from jobs.journeys.sending.send import Recipient, SendRun
from jobs.journeys.sending.template import Template
from quanyu import discover
from quanyu.config.settings import Settings, person_key_secret, secret
from quanyu.errors import RejectedError, RetryableError
from quanyu.grammar.declaration import digest
from quanyu.home import home_name
from quanyu.identifiers.normalise import address_hash
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.entities import Customer
from quanyu.model.outcomes import memberships_of
from quanyu.plurals import number_of
from quanyu.run.runner import Context, Outcome, Step
from quanyu.store import Message

BATCH = 1000
ENDINGS = ("sent", "held", "rejected", "failed", "expired", "cancelled")


def step(catalogue: discover.Catalogue, programs: Mapping[str, Program]) -> Step:
    """Describe the step that sends. Raises ConfigError for templates that cannot be parsed."""
    journeys = catalogue.journeys
    texts = addresses.templates(journeys.values(), programs)
    declared = [journey.digest() for journey in journeys.values()]
    return Step(
        "send", "journeys",
        ("gold/decisions", "gold/journey_instances", "gold/customers", place_of(memberships_of(Customer)), *GATE),
        (deliveries.PLACE,), digest([declared, catalogue.settings.mail.model_dump()]),
        partial(send, texts=texts, programs=programs), "Sends what is due, each message at most once.",
        forward=True, inputs=pending_inputs, reaches_people=True,
    )  # fmt: skip


def plan(context: Context, programs: Mapping[str, Program], decided: Iterable[Decision]) -> int:
    """Put every decided message into the outbox, which skips those it already has. Returns how many were added.

    Call `deliveries.restore_outbox` first, so that nothing is planned twice after the store was lost.
    """
    return context.store.outbox.plan(list(messages(context, programs, decided)))


def messages(context: Context, programs: Mapping[str, Program], decided: Iterable[Decision]) -> Iterable[Message]:
    """Every decided message, under a key that is the same on every run."""
    for d in decided:
        if d.decision == "message" and d.journey in programs:
            yield Message(
                f"{d.instance_id}-{d.step}", d.journey, d.instance_id, str(d.step), d.customer_id,
                context.settings.mail.channel, addresses.template_name(d.journey, d.step), context.day,
                due_on=d.decided_on, expires_on=recheck.last_day(context, programs[d.journey], d.step, d.decided_on),
            )  # fmt: skip


def pending_inputs(context: Context) -> Mapping[str, Any]:
    """Inputs of the step: counts of the outbox and, if anything is to be done, a unique mark, which makes it run."""
    outbox = context.store.outbox
    counts = outbox.counts()
    due = outbox.due(1, context.day, context.settings.mail.channel) or counts.keys() & {"announced", "sending"}
    open_ends = due or outbox.unrecorded() or not deliveries.is_in_step(context)
    return {"outbox": counts, **({"mark": uuid.uuid4().hex} if open_ends else {})}


def channel(settings: Settings) -> Channel:
    """Open the channel of the settings. Raises ConfigError for a missing secret."""
    mail = settings.mail
    if mail.channel == "eml":
        return Eml(settings.home / "outbox")
    return Smtp(
        mail.host, mail.port, mail.starttls, secret(mail.username) or None, secret(mail.password) or None,
        mail.timeout_seconds, mail.answer_seconds,
    )  # fmt: skip


def send(context: Context, receipt: Receipt, texts: Mapping[str, Template], programs: Mapping[str, Program]) -> Outcome:
    """Settle unknown messages by new facts, send what is due, and record every outcome in the lake.

    A copied home sends nothing. The channel is opened and addresses are read only if something is due.
    """
    outbox, mail = context.store.outbox, context.settings.mail
    record = partial(deliveries.record, context, receipt)
    deliveries.restore_outbox(context)
    settled = settlement.settle(context)
    # Before anything else: messages that a killed run announced but did not begin to send are due again.
    counts = Counter(recovered=sum(outbox.recover(kind.name, kind.repeatable) for kind in (Eml, Smtp)))
    counts["unknown"] += _doubt(context)
    record()
    barred = home_name.may_send(context.settings) or (
        None if context.sends else "this run was started to compute alone"
    )
    if barred is None:
        counts["expired"] += recheck.expire(context, programs)
    if barred is None and outbox.due(1, context.day, mail.channel):
        run = _run(context, texts, programs, record)
        try:
            counts += sending.send(run)
        except (RejectedError, RetryableError) as error:
            raise type(error)(f"{error} {_so_far(run.counts)}") from error
    record()
    return send_outcome(context, counts, settled, barred)


def _doubt(context: Context) -> int:
    """Mark messages as unknown that may have been sent before the home was restored from a backup."""
    until = home_name.doubted_until(context.settings)
    return (
        context.store.outbox.mark_unknown(until, f"due until {until}, may have gone out before a restore")
        if until
        else 0
    )


def _run(context: Context, texts: Mapping[str, Template], programs: Mapping[str, Program], record: Any) -> SendRun:
    by, key = channel(context.settings), person_key_secret(context.settings)
    value_names = frozenset(name for text in texts.values() for name in text.names())

    def hashed(to: Recipient) -> str:
        return address_hash(key, to.kind, to.to)

    return SendRun(
        context.store, by, addresses.addresses(context, by.reached_by, value_names), texts, context.day,
        context.settings.mail.sender, recheck.recheck(context, programs, texts), record, hashed, BATCH,
    )  # fmt: skip


def _so_far(counts: Mapping[str, int]) -> str:
    ended = ", ".join(f"{counts[name]} {name}" for name in ENDINGS if counts.get(name))
    return f"Before it: {ended or 'nothing was sent'}; messages not handed over wait."


def send_outcome(context: Context, counts: Mapping[str, int], settled: int = 0, barred: str | None = None) -> Outcome:
    """Outcome of the step: counts of messages by status, and notes."""
    left = context.store.outbox.all("planned")
    unknown = counts.get("unknown", 0) + counts.get("recovered", 0)
    facts = SendFacts(**{name: counts.get(name, 0) for name in ENDINGS}, unknown=unknown, planned=len(left))
    others = Counter(message.channel for message in left if message.channel != context.settings.mail.channel)
    words = (
        (facts.held, "held when it was time to send; `quanyu outbox --status held` has the reasons"),
        (settled, "unknown messages settled by reported events"),
        (counts.get("released", 0), "wait: consents are in doubt; `quanyu outbox --status planned` has the reasons"),
        (facts.rejected, "rejected for good; `quanyu outbox --status rejected` has the reasons"),
        (facts.failed, "failed, to be retried after 15 minutes or later"),
        (facts.unknown, "unknown: they may have arrived, and are never sent again automatically;"
                          " `quanyu outbox --status unknown` lists them"),
        (facts.expired, "expired: too late, the goal was reached, or the customer left the journey"),
        (facts.cancelled, "cancelled: their journey or step is no longer declared"),
        *((n, f"planned for the channel {name}, which mail.channel no longer names") for name, n in others.items()),
    )  # fmt: skip
    notes = (*((f"nothing is sent: {barred}",) if barred else ()), *(f"{n} {text}" for n, text in words if n))
    waits = [barred] if barred else reasons_to_wait(context, addresses.PURPOSE) if left else []
    alerts = {"held": f"{number_of(len(left), 'message')} on hold: {'; '.join(waits)}"} if waits else {}
    return Outcome(facts.handled(), facts.sent, notes=notes, facts=facts, alerts=alerts)
