"""Which days each audience is computed for, by the day that it was last updated to and by its schedule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from quanyu.grammar.audience import Audience
from quanyu.grammar.entity import Entity
from quanyu.lake import place_of
from quanyu.model.outcomes import memberships_of
from quanyu.run import audience_days
from quanyu.run.runner import Context


def step_of(entity: type[Entity]) -> str:
    """Name of the step that writes the memberships of an entity."""
    return f"memberships.{entity.name}"


@dataclass(frozen=True)
class DueDays:
    """Audiences with the same last day: that day, None for none, the days to compute now, and their names.

    `unchanged` says that none of the days is one of their schedule: members stay, under the ids that they have today.
    """

    last: date | None
    days: tuple[date, ...]
    names: tuple[str, ...]
    unchanged: bool = False


def is_over(audience: Audience, day: date) -> bool:
    """Whether an audience has ended by a day."""
    return audience.ended is not None and audience.ended <= day


def due_days(
    context: Context, entity: type[Entity], audiences: Iterable[Audience]
) -> tuple[list[DueDays], int]:  # fmt: skip
    """Group audiences that compute the same days. Returns the groups and how many days are too old to be computed.

    The days are those after the last computed one, at most `catch_up_days` before the day of the run, of which its
    schedule has the audience evaluated. An ended audience has one day, on which all members leave.
    """
    names: dict[tuple[date | None, tuple[date, ...], bool], list[str]] = defaultdict(list)
    left_out = 0
    for audience in audiences:
        last = last_day(context, entity, audience.name)
        skipped, missed = _skipped_days(context, last)
        if audience.ended and is_over(audience, context.day):
            days: tuple[date, ...] = (max(audience.ended, skipped[0] if skipped else context.day),)
        else:
            days, left_out = (*skipped, context.day), max(left_out, missed)
            # The first evaluation does not wait for its day.
            first = audience_days.last_evaluated_day(context, audience.name) is None
            days = days if first else tuple(day for day in days if audience.is_due(day))
            if audience.alike:
                # Who was most alike on a day is not found out later: members of the last day stay until this one, on
                # which it is expanded, also where its own day was missed.
                days = days and (context.day,)
        names[last, days or (context.day,), not days].append(audience.name)
    return [DueDays(last, days, tuple(some), stays) for (last, days, stays), some in names.items()], left_out


def _skipped_days(context: Context, last: date | None) -> tuple[list[date], int]:
    if last is None:
        return [], 0
    between = (context.day - last).days - 1
    count = max(min(between, context.settings.catch_up_days), 0)
    return [context.day - timedelta(days=n) for n in range(count, 0, -1)], max(between - count, 0)


def last_day(context: Context, entity: type[Entity], audience: str) -> date | None:
    """Last day to which an audience was updated; None before the first."""
    return audience_days.last_evaluated_day(context, audience) or _last_taken(context, entity)


def _last_taken(context: Context, entity: type[Entity]) -> date | None:
    """Last day to which memberships were updated, for an audience without a record of its own."""
    last = context.store.unchanged_runs.load(step_of(entity), "")
    receipt = context.lake.receipt(place_of(memberships_of(entity)))
    days = [last["day"]] if last else []
    days += [receipt["day"]] if receipt else []
    return date.fromisoformat(max(days)) if days else None
