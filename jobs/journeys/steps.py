"""The step of journeys: advances walks to the day and records decisions. The step `send` then sends what is due."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from jobs.journeys import entry, frequency, program, walks
from jobs.journeys.facts import JourneyFacts
from jobs.journeys.program import Decision, Known, Program, Walk, advance
from jobs.journeys.sending import deliveries, delivery, recheck
from quanyu import as_of, discover
from quanyu.grammar.declaration import Problems, digest
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.entities import Customer
from quanyu.model.outcomes import memberships_of
from quanyu.run import audience_days
from quanyu.run.runner import Context, Outcome, Step

SHAPES = "journeys.shape"


@dataclass(frozen=True)
class Moved:
    """All walks and decisions after a day; `made` are the new decisions of this run."""

    walks: list[Walk]
    decisions: list[Decision]
    made: list[Decision]
    entered: int
    barred: Mapping[str, str] = field(default_factory=dict)

    def counted(self) -> Counter[str]:
        """Count the decisions of this run."""
        return Counter(decision.decision for decision in self.made)


def steps(catalogue: discover.Catalogue) -> list[Step]:
    """List the steps, or none if no journey is declared. Raises ConfigError for templates that cannot be parsed."""
    journeys = catalogue.journeys
    if not journeys:
        return []
    programs = {name: program.program(journey) for name, journey in journeys.items()}
    declared = [journey.digest() for journey in journeys.values()]
    named = [catalogue.tables[table] for table in sorted({t for p in programs.values() for t in p.tables})]
    reads = dict.fromkeys(place for table in named for place in as_of.sources_of(table))
    go = Step(
        "journeys", "journeys", (place_of(memberships_of(Customer)), "gold/customers", "gold/identities", *reads),
        ("gold/journey_instances", "gold/decisions"), digest(declared),
        partial(walk, programs=programs), "Advances customers through journeys, and decides about messages.",
        as_of=True, forward=True, inputs=audience_days.stale,
        declares={f"journey {name}": journey.digest() for name, journey in journeys.items()},
    )  # fmt: skip
    return [go, delivery.step(catalogue, programs)]


def walk(context: Context, receipt: Receipt, programs: Mapping[str, Program]) -> Outcome:
    """Advance all walks to the day, store the decisions, then the walks, then plan the messages.

    Decisions are stored first: after a kill, the next run repeats them and plans their messages.
    """
    existing = walks.walks(context)
    check_shapes(context, programs, existing)
    moved = move(context, programs, existing, walks.decisions(context))
    written = walks.keep(context, "decisions", moved.decisions, receipt)
    stands = walks.keep(context, "journey_instances", moved.walks, receipt)
    # First restore sent messages if the store was lost: quiet days count from them.
    deliveries.take(context)
    going_out, deferred = frequency.in_time(
        context, moved.decisions, moved.walks, partial(_last_day, context, programs)
    )
    planned = delivery.plan(context, programs, going_out)
    entry.take(context, moved.barred)
    counted, going = moved.counted(), sum(w.status == "active" for w in moved.walks)
    facts = JourneyFacts(
        entered=moved.entered, going=going, decided=counted["message"], planned=planned, held=counted["held"],
        ended=counted["end"],
    )  # fmt: skip
    notes = [f"{counted['held']} messages held back: no consent to messages"] if counted["held"] else []
    notes += [f"{deferred} messages wait: another one goes to the person within quiet_days"] if deferred else []
    notes += [f"nobody enters {name}: {words}" for name, words in moved.barred.items()]
    changed, unchanged = written.changed + stands.changed, written.unchanged + stands.unchanged
    return Outcome(len(moved.walks), changed, unchanged=unchanged, notes=tuple(notes), facts=facts)


def _last_day(context: Context, programs: Mapping[str, Program], decision: Decision) -> date:
    return recheck.last_day(context, programs.get(decision.journey), decision.step, decision.decided_on)


def check_shapes(context: Context, programs: Mapping[str, Program], existing: Iterable[Walk]) -> None:
    """Raise ConfigError for a journey whose steps were rearranged while customers are at a step of it."""
    going = Counter(w.journey for w in existing if w.status == "active")
    problems, memory = Problems(), context.store.memory
    for name, current in programs.items():
        journey = context.catalogue.journeys[name]
        last = next((shape for old in (name, *(journey.was or ())) if (shape := memory.recall(SHAPES, old))), None)
        if last and last["shape"] != current.shape() and going[name]:
            words = f"added, removed or moved while {going[name]} customers are at a step of the journey"
            fix = "restore them, or put the changed journey into a new file (texts and waits may change)"
            problems.add(journey.file, "steps", f"{words}; {fix}")
    problems.check()
    for name, current in programs.items():
        memory.remember(SHAPES, name, {"shape": current.shape()})


def move(
    context: Context, programs: Mapping[str, Program], existing: Sequence[Walk], decided: Sequence[Decision]
) -> Moved:
    """Begin walks for new members, and advance every walk with a step due."""
    new, barred = entry.newcomers(context, existing)
    everyone = {walk.instance_id: walk for walk in (*existing, *new)}
    due = [w for w in everyone.values() if w.status == "active" and w.due_on <= context.day and w.journey in programs]
    decisions: list[Decision] = []
    if due:
        facts = _facts(context, programs, due, decided)
        for walk in due:
            everyone[walk.instance_id], own_decisions = advance(
                programs[walk.journey], walk, context.day, facts[walk.instance_id]
            )
            decisions += own_decisions
    return Moved(list(everyone.values()), [*decided, *decisions], decisions, len(new), barred)


def _facts(
    context: Context, programs: Mapping[str, Program], due: Sequence[Walk], decided: Iterable[Decision]
) -> dict[str, Known]:
    tables = sorted({table for walk in due for table in programs[walk.journey].tables})
    events, agreed = walks.happenings(context, due, tables), walks.consenting(context, due)
    before: dict[str, dict[int, Decision]] = defaultdict(dict)
    for decision in decided:
        before[decision.instance_id][decision.step] = decision
    return {
        walk.instance_id: Known(partial(_happened, events, walk), walk.customer_id in agreed, before[walk.instance_id])
        for walk in due
    }


def _happened(events: walks.Happenings, walk: Walk, table: str, on: Any) -> bool:
    return any(happening.counts(walk.entered_on, on) for happening in events.get((table, walk.customer_id), ()))
