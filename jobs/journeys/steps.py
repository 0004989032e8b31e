"""The step of journeys: advances instances to the day and records decisions. The step `send` then sends what is due."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from jobs.journeys import entry, frequency, instances, program
from jobs.journeys.facts import JourneyFacts
from jobs.journeys.program import Decision, DecisionInputs, JourneyInstance, Program, advance
from jobs.journeys.sending import deliveries, delivery, recheck
from quanyu import discover
from quanyu.grammar.declaration import Problems, digest
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.entities import Customer
from quanyu.model.outcomes import memberships_of
from quanyu.plurals import is_or_are, number_of
from quanyu.point_in_time import as_of
from quanyu.run import audience_days
from quanyu.run.runner import Context, Outcome, Step

SHAPES = "journeys.shape"


@dataclass(frozen=True)
class JourneyDay:
    """All instances and decisions after a day; `new_decisions` are the new decisions of this run."""

    instances: list[JourneyInstance]
    decisions: list[Decision]
    new_decisions: list[Decision]
    entered: int
    not_entered: Mapping[str, str] = field(default_factory=dict)

    def counted(self) -> Counter[str]:
        """Count the decisions of this run."""
        return Counter(decision.decision for decision in self.new_decisions)


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
        partial(advance_journeys, programs=programs),
        "Advances customers through journeys, and decides about messages.",
        as_of=True, forward=True, inputs=audience_days.stale,
        declares={f"journey {name}": journey.digest() for name, journey in journeys.items()},
    )  # fmt: skip
    return [go, delivery.step(catalogue, programs)]


def advance_journeys(context: Context, receipt: Receipt, programs: Mapping[str, Program]) -> Outcome:
    """Advance all instances to the day, store the decisions, then the instances, then plan the messages.

    Decisions are stored first: after a kill, the next run repeats them and plans their messages.
    """
    existing = instances.read_instances(context)
    check_shapes(context, programs, existing)
    moved = advance_instances(context, programs, existing, instances.decisions(context))
    written = instances.replace_table(context, "decisions", moved.decisions, receipt)
    stands = instances.replace_table(context, "journey_instances", moved.instances, receipt)
    # First restore sent messages if the store was lost: quiet days count from them.
    deliveries.restore_outbox(context)
    going_out, deferred = frequency.limit_frequency(
        context, moved.decisions, moved.instances, partial(_last_day, context, programs)
    )
    planned = delivery.plan(context, programs, going_out)
    entry.record_processed(context, moved.not_entered)
    counted, going = moved.counted(), sum(w.status == "active" for w in moved.instances)
    facts = JourneyFacts(
        entered=moved.entered, going=going, decided=counted["message"], planned=planned, held=counted["held"],
        ended=counted["end"],
    )  # fmt: skip
    notes = [f"{number_of(counted['held'], 'message')} held back: no consent to messages"] if counted["held"] else []
    postponed = f"{number_of(deferred, 'message')} postponed: another one goes to the person within quiet_days"
    notes += [postponed] if deferred else []
    notes += [f"nobody enters {name}: {words}" for name, words in moved.not_entered.items()]
    changed, unchanged = written.changed + stands.changed, written.unchanged + stands.unchanged
    return Outcome(len(moved.instances), changed, unchanged=unchanged, notes=tuple(notes), facts=facts)


def _last_day(context: Context, programs: Mapping[str, Program], decision: Decision) -> date:
    return recheck.last_day(context, programs.get(decision.journey), decision.step, decision.decided_on)


def check_shapes(context: Context, programs: Mapping[str, Program], existing: Iterable[JourneyInstance]) -> None:
    """Raise ConfigError for a journey whose steps were rearranged while customers are at a step of it."""
    going = Counter(w.journey for w in existing if w.status == "active")
    problems, memory = Problems(), context.store.unchanged_runs
    for name, current in programs.items():
        journey = context.catalogue.journeys[name]
        last = next((shape for old in (name, *(journey.was or ())) if (shape := memory.load(SHAPES, old))), None)
        if last and last["shape"] != current.shape() and going[name]:
            customers = f"{number_of(going[name], 'customer')} {is_or_are(going[name])}"
            words = f"added, removed or moved while {customers} at a step of the journey"
            fix = "restore them, or put the changed journey into a new file (texts and waits may change)"
            problems.add(journey.file, "steps", f"{words}; {fix}")
    problems.check()
    for name, current in programs.items():
        memory.save(SHAPES, name, {"shape": current.shape()})


def advance_instances(
    context: Context, programs: Mapping[str, Program], existing: Sequence[JourneyInstance], decided: Sequence[Decision]
) -> JourneyDay:
    """Begin instances for new members, and advance every instance with a step due."""
    new, barred = entry.new_entries(context, existing)
    everyone = {instance.instance_id: instance for instance in (*existing, *new)}
    due = [w for w in everyone.values() if w.status == "active" and w.due_on <= context.day and w.journey in programs]
    decisions: list[Decision] = []
    if due:
        facts = _facts(context, programs, due, decided)
        for instance in due:
            everyone[instance.instance_id], own_decisions = advance(
                programs[instance.journey], instance, context.day, facts[instance.instance_id]
            )
            decisions += own_decisions
    return JourneyDay(list(everyone.values()), [*decided, *decisions], decisions, len(new), barred)


def _facts(
    context: Context, programs: Mapping[str, Program], due: Sequence[JourneyInstance], decided: Iterable[Decision]
) -> dict[str, DecisionInputs]:
    tables = sorted({table for instance in due for table in programs[instance.journey].tables})
    events, agreed = instances.customer_events(context, due, tables), instances.consenting(context, due)
    before: dict[str, dict[int, Decision]] = defaultdict(dict)
    for decision in decided:
        before[decision.instance_id][decision.step] = decision
    return {
        instance.instance_id: DecisionInputs(
            partial(_happened, events, instance), instance.customer_id in agreed, before[instance.instance_id]
        )
        for instance in due
    }


def _happened(events: instances.CustomerEvents, instance: JourneyInstance, table: str, on: Any) -> bool:
    return any(
        happening.is_in_data(instance.entered_on, on) for happening in events.get((table, instance.customer_id), ())
    )
