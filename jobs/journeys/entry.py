"""Who begins a walk: whoever comes into a journey's audience from its first day on, and not again too soon."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from jobs.journeys import walks
from jobs.journeys.program import Walk, entered, instance_id
from jobs.journeys.walks import Entry
from quanyu import audience_days
from quanyu.journey import Journey
from quanyu.run import Context


def newcomers(context: Context, known: Sequence[Walk]) -> tuple[list[Walk], list[str]]:
    """Begin a walk for each entry into an audience that has none yet; and say of which journeys nobody enters, and why.

    A walk belongs to the first record of who entered.
    """
    journeys = context.catalogue.journeys
    barred = closed(journeys.values(), known, audience_days.stale(context))
    by_audience: dict[str, list[Journey]] = defaultdict(list)
    for journey in journeys.values():
        if journey.name not in barred:
            by_audience[journey.enters].append(journey)
    starts = {name: min(journey.starts for journey in entered_by) for name, entered_by in by_audience.items()}
    begun = {walk.instance_id for walk in known}
    new = [
        (journey, entry)
        for entry in walks.entries(context, starts)
        for journey in by_audience[entry[0]]
        if entry[2] >= journey.starts and not begun & _names(journey, entry)
    ]
    return _begun(context, known, new), [f"nobody enters {name}: {words}" for name, words in barred.items()]


def closed(journeys: Iterable[Journey], known: Iterable[Walk], stale: Mapping[str, str]) -> dict[str, str]:
    """Journeys that nobody enters today, each with the reason.

    One that has no walks yet may be an old one under another name: then its customers would be written to again.
    """
    journeys = list(journeys)
    declared = {journey.name for journey in journeys}
    audiences: dict[str, set[str | None]] = defaultdict(set)
    for walk in known:
        audiences[walk.journey].add(walk.audience)
    reasons = {journey.name: stale[journey.enters] for journey in journeys if journey.enters in stale}
    for journey in journeys:
        if journey.was is None and journey.name not in audiences:
            gone = [name for name in audiences if name not in declared and audiences[name] & {journey.enters, None}]
            if gone:
                told = f"write `was: {gone[0]}` if it is its new name, `was: none` if it is another journey"
                reasons[journey.name] = f"{', '.join(sorted(gone))} has no file any more; {told}"
    return reasons


def _names(journey: Journey, entry: Entry) -> set[str]:
    """What the walk of an entry is called, and was under names of before."""
    return {instance_id(name, entry[1], entry[2]) for name in (journey.name, *(journey.was or ()))}


def _begun(context: Context, known: Iterable[Walk], new: Sequence[tuple[Journey, Entry]]) -> list[Walk]:
    records = walks.first_records(context, {customer for _, (_, customer, _) in new})
    held_by = walks.holders(context, set(records.values()))
    of_person: dict[tuple[str, str], list[Walk]] = defaultdict(list)
    for walk in known:
        of_person[walk.journey, walk.customer_id].append(walk)
    begun = []
    for journey, (audience, customer, on) in new:
        record = records.get(customer)
        today = held_by.get(record) if record else None
        days = context.settings.reentry_days if journey.reentry is None else journey.reentry
        if record is None or today is None or any(w.bars(on, days) for w in of_person[journey.name, today]):
            continue
        walk = entered(journey.name, customer, on)
        walk = replace(walk, customer_id=today, audience=audience, source=record[0], person_key=record[1])
        of_person[journey.name, today].append(walk)
        begun.append(walk)
    return begun
