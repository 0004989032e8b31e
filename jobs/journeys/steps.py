"""Steps of journeys: who goes on by a day and what is decided, then what is due goes out, each message at most once."""

from __future__ import annotations

import inspect
import sys
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any

from jobs.journeys import addresses, entry, frequency, program, walks
from jobs.journeys import send as sending
from jobs.journeys.channel import Channel
from jobs.journeys.channels.eml import Eml
from jobs.journeys.channels.smtp import Smtp
from jobs.journeys.program import Decision, Known, Program, Walk, advance
from jobs.journeys.template import Template
from quanyu import asof, audience_days, discover
from quanyu.declare import Problems, digest
from quanyu.lake.receipt import Receipt
from quanyu.run import Context, Outcome, Step
from quanyu.settings import Settings, secret
from quanyu.store import Message

SHAPES = "journeys.shape"
BATCH = 5000


@dataclass(frozen=True)
class Moved:
    """All walks and decisions after a day, those of the run itself apart."""

    walks: list[Walk]
    decisions: list[Decision]
    made: list[Decision]
    entered: int
    barred: Mapping[str, str] = field(default_factory=dict)

    def counted(self) -> Counter[str]:
        """Count what this run decided."""
        return Counter(decision.decision for decision in self.made)


def steps(catalogue: discover.Catalogue) -> list[Step]:
    """List the steps; none where no journey is declared. Raises ConfigError for texts that cannot be read."""
    journeys = catalogue.journeys
    if not journeys:
        return []
    programs = {name: program.program(journey) for name, journey in journeys.items()}
    texts = addresses.templates(journeys.values(), programs)
    declared = [journey.digest() for journey in journeys.values()]
    named = [catalogue.tables[table] for table in sorted({t for p in programs.values() for t in p.tables})]
    reads = dict.fromkeys(place for table in named for place in asof.sources_of(table))
    go = Step(
        "journeys", "journeys", ("gold/memberships", "gold/customers", "gold/identities", *reads),
        ("gold/journey_instances", "gold/decisions"), digest([declared, _code(entry, frequency, program, walks)]),
        partial(walk, programs=programs), "Who goes on in which journey, and what is decided.",
        as_of=True, forward=True, inputs=audience_days.stale,
    )  # fmt: skip
    out = Step(
        "send", "journeys", ("gold/decisions", "gold/customers"), (),
        digest([declared, catalogue.settings.mail.model_dump(), _code(addresses, sending)]),
        partial(send, texts=texts), "Sends what is due, each message at most once.",
        forward=True, inputs=waiting,
    )  # fmt: skip
    return [go, out]


def _code(*modules: Any) -> list[str]:
    return [inspect.getsource(module) for module in (sys.modules[__name__], *modules)]


def walk(context: Context, receipt: Receipt, programs: Mapping[str, Program]) -> Outcome:
    """Let every walk take the steps due by the day, keep the decisions, then the walks, then plan the messages.

    The decisions are the truth: killed after them, the next run walks the same way by them and plans their messages.
    """
    known = walks.walks(context)
    check_shapes(context, programs, known)
    moved = move(context, programs, known, walks.decisions(context))
    written = walks.keep(context, "decisions", moved.decisions, receipt)
    stands = walks.keep(context, "journey_instances", moved.walks, receipt)
    going_out, deferred = frequency.in_time(context, moved.decisions, moved.walks, _last_day)
    planned = context.store.outbox.plan(list(messages(context, programs, going_out)))
    entry.take(context, moved.barred)
    counted, going = moved.counted(), sum(one.status == "active" for one in moved.walks)
    told = {"entered": moved.entered, "going": going, "messages": counted["message"], "planned": planned,
            "held": counted["held"], "ended": counted["end"]}  # fmt: skip
    notes = [f"{counted['held']} messages held back: no consent to messages"] if counted["held"] else []
    notes += [f"{deferred} messages wait: another one goes to the person within quiet_days"] if deferred else []
    notes += [f"nobody enters {name}: {words}" for name, words in moved.barred.items()]
    changed, unchanged = written.changed + stands.changed, written.unchanged + stands.unchanged
    return Outcome(len(moved.walks), changed, unchanged=unchanged, notes=tuple(notes), facts=told)


def _last_day(decision: Decision) -> date:
    return decision.decided_on + timedelta(days=2)


def check_shapes(context: Context, programs: Mapping[str, Program], known: Iterable[Walk]) -> None:
    """Refuse a journey whose steps were moved about under customers who stand at a position of it."""
    going = Counter(one.journey for one in known if one.status == "active")
    problems, memory = Problems(), context.store.memory
    for name, told in programs.items():
        journey = context.catalogue.journeys[name]
        last = next((shape for old in (name, *(journey.was or ())) if (shape := memory.recall(SHAPES, old))), None)
        if last and last["shape"] != told.shape() and going[name]:
            words = f"added, removed or moved while {going[name]} customers stand at a position in them"
            mend = "put them back, or give the changed journey a file of its own (texts and waits may change)"
            problems.add(journey.file, "steps", f"{words}; {mend}")
    problems.check()
    for name, told in programs.items():
        memory.remember(SHAPES, name, {"shape": told.shape()})


def move(
    context: Context, programs: Mapping[str, Program], known: Sequence[Walk], decided: Sequence[Decision]
) -> Moved:
    """Add who entered, and advance whoever has a step due."""
    new, barred = entry.newcomers(context, known)
    everyone = {one.instance_id: one for one in (*known, *new)}
    due = [w for w in everyone.values() if w.status == "active" and w.due_on <= context.day and w.journey in programs]
    made: list[Decision] = []
    if due:
        told = _told(context, programs, due, decided)
        for one in due:
            everyone[one.instance_id], found = advance(programs[one.journey], one, context.day, told[one.instance_id])
            made += found
    return Moved(list(everyone.values()), [*decided, *made], made, len(new), barred)


def _told(
    context: Context, programs: Mapping[str, Program], due: Sequence[Walk], decided: Iterable[Decision]
) -> dict[str, Known]:
    tables = sorted({table for one in due for table in programs[one.journey].tables})
    did, agreed = walks.happenings(context, due, tables), walks.consenting(context, due)
    before: dict[str, dict[int, Decision]] = defaultdict(dict)
    for decision in decided:
        before[decision.instance_id][decision.step] = decision
    return {
        one.instance_id: Known(partial(_happened, did, one), one.customer_id in agreed, before[one.instance_id])
        for one in due
    }


def _happened(did: walks.Happenings, one: Walk, table: str, on: Any) -> bool:
    return any(happening.counts(one.entered_on, on) for happening in did.get((table, one.customer_id), ()))


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
