"""Who enters a journey: customers who entered its audience on or after its start, and not again too soon."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from jobs.journeys import instances
from jobs.journeys.instances import Entry
from jobs.journeys.program import JourneyInstance, instance_id, new_instance
from quanyu.grammar.journey import Journey
from quanyu.run import audience_days
from quanyu.run.runner import Context

TAKEN = "journeys.entries"


def new_entries(context: Context, existing: Sequence[JourneyInstance]) -> tuple[list[JourneyInstance], dict[str, str]]:
    """Begin an instance for each entry since the last run. Also returns why nobody may enter some journeys.

    An instance belongs to the first record of the customer. An earlier entry does not count, even if it is new to its
    customer: a merge or a split moves intervals to another id.
    """
    journeys = context.catalogue.journeys
    barred = closed(journeys.values(), existing, audience_days.stale(context))
    by_audience: dict[str, list[Journey]] = defaultdict(list)
    for journey in journeys.values():
        if journey.name not in barred:
            by_audience[journey.enters].append(journey)
    since = {journey.name: _since(context, journey) for journey in journeys.values()}
    starts = {name: min(since[journey.name] for journey in of_name) for name, of_name in by_audience.items()}
    begun = {instance.instance_id for instance in existing}
    new = [
        (journey, entry)
        for entry in instances.entries(context, starts)
        for journey in by_audience[entry[0]]
        if entry[2] >= since[journey.name] and not begun & _names(journey, entry)
    ]
    return _begun(context, existing, new), barred


def record_processed(context: Context, barred: Mapping[str, str]) -> None:
    """Remember that entries up to the day were processed for journeys that are open."""
    for journey in context.catalogue.journeys.values():
        if journey.name not in barred:
            before = _taken(context, journey)
            context.store.unchanged_runs.save(TAKEN, journey.name, {"day": context.day.isoformat(), "before": before})


def _taken(context: Context, journey: Journey) -> Any:
    """Last day before the run's up to which entries were processed, under any name that the journey has had."""
    names = (journey.name, *(journey.was or ()))
    last = next((last for name in names if (last := context.store.unchanged_runs.load(TAKEN, name))), None)
    if last is None:
        return None
    return last["before"] if last["day"] == context.day.isoformat() else last["day"]


def _since(context: Context, journey: Journey) -> date:
    last = _taken(context, journey)
    return max(journey.starts, date.fromisoformat(last) + timedelta(days=1)) if last else journey.starts


def closed(
    journeys: Iterable[Journey], existing: Iterable[JourneyInstance], stale: Mapping[str, str]
) -> dict[str, str]:
    """Journeys that nobody may enter today, each with the reason.

    A journey without instances may be a renamed one. Its customers would then get the same messages again.
    """
    journeys = list(journeys)
    declared = {journey.name for journey in journeys}
    audiences: dict[str, set[str | None]] = defaultdict(set)
    for instance in existing:
        audiences[instance.journey].add(instance.audience)
    reasons = {journey.name: stale[journey.enters] for journey in journeys if journey.enters in stale}
    for journey in journeys:
        if journey.was is None and journey.name not in audiences:
            missing = [name for name in audiences if name not in declared and audiences[name] & {journey.enters, None}]
            if missing:
                fix = f"write `was: {missing[0]}` if it is its new name, `was: none` if it is another journey"
                reasons[journey.name] = f"{', '.join(sorted(missing))} has no file any more; {fix}"
    return reasons


def _names(journey: Journey, entry: Entry) -> set[str]:
    """Ids of the instance of an entry, under the journey's current and former names."""
    return {instance_id(name, entry[1], entry[2]) for name in (journey.name, *(journey.was or ()))}


def _begun(
    context: Context, existing: Iterable[JourneyInstance], new: Sequence[tuple[Journey, Entry]]
) -> list[JourneyInstance]:
    records = instances.first_records(context, {customer for _, (_, customer, _) in new})
    held_by = instances.customers_of_records(context, set(records.values()))
    of_person: dict[tuple[str, str], list[JourneyInstance]] = defaultdict(list)
    for instance in existing:
        of_person[instance.journey, instance.customer_id].append(instance)
    begun = []
    for journey, (audience, customer, on) in new:
        record = records.get(customer)
        today = held_by.get(record) if record else None
        days = context.settings.reentry_days if journey.reentry is None else journey.reentry
        if record is None or today is None or any(w.prevents_entry(on, days) for w in of_person[journey.name, today]):
            continue
        instance = new_instance(journey.name, customer, on)
        instance = replace(instance, customer_id=today, audience=audience, source=record[0], person_key=record[1])
        of_person[journey.name, today].append(instance)
        begun.append(instance)
    return begun
