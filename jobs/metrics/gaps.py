"""Days of which a table lacks facts: a feed is late, held back or refused, or the step that fills it has not run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from jobs.metrics.plans import Cut
from quanyu.feeds.source import Source
from quanyu.lake import place_of
from quanyu.run import audience_days
from quanyu.run.runner import Context
from quanyu.store import LandedFile

# What reasons begin with that further deliveries or runs can end.
INCOMPLETE = "facts are missing: "
# Days by which the rhythm of a feed is known, the least of them, and the share of its days that a steady feed delivers.
RHYTHM_DAYS, LEAST_DAYS, STEADY = 28, 14, 0.9


@dataclass(frozen=True)
class MissingDays:
    """Days from a first to a last one, with the reason why their facts are not complete."""

    first: date
    last: date
    reason: str


def gaps_of(context: Context, cut: Cut) -> list[MissingDays]:
    """Gaps in the rows of a cut up to the run's day."""
    if cut.table.layer == "silver":
        sources = (source for source in context.catalogue.sources.values() if cut.table.name in source.tables())
        gaps = [gap for source in sources for gap in _of_source(context, source)]
    else:
        place = place_of(cut.table)
        writers = [step.name for step in context.steps.values() if place in step.writes]
        words = audience_days.steps_not_current(context, writers)
        gaps = [MissingDays(context.day, context.day, words)] if words else []
    return [MissingDays(gap.first, gap.last, INCOMPLETE + gap.reason) for gap in gaps]


def _of_source(context: Context, source: Source) -> Iterator[MissingDays]:
    """Days that a feed has not delivered in full."""
    for item in context.store.held_back.of(source.name):
        yield MissingDays(item.day, item.day, f"{source.name} of {item.day} is held back")
    files = context.store.ledger.files(source.name)
    for day in _refused_days(context, source, files):
        yield MissingDays(day, day, f"a file of {source.name} of {day} was refused")
    days = _delivered_days(context, source)
    newest = max(days, default=None)
    late = [day for day in _days_after(newest, context.day) if source.freshness and is_expected(day, days)]
    result = context.store.results.of_day(context.day).get(f"ingest.{source.name}")
    if newest is None and source.freshness is not None:
        yield MissingDays(date.min, context.day, f"{source.name} has delivered nothing yet")
    elif newest and source.freshness and (context.day - newest) / timedelta(hours=1) > source.freshness.hours:
        yield MissingDays(newest + timedelta(days=1), context.day, f"the newest day of {source.name} is {newest}")
    elif late:
        yield MissingDays(late[0], late[-1], f"the newest day of {source.name} is {newest}")
    elif result is None or (result["status"] == "stopped" and not result["outcome"]["breaches"]):
        yield MissingDays(context.day, context.day, f"ingest.{source.name} stopped or did not run for {context.day}")


def holes_of(context: Context, cut: Cut) -> Iterator[str]:
    """Words about each day of the last four weeks that a feed of a cut never delivered, and was expected to.

    Such a day has values all the same: a shop may have been closed.
    """
    for source in context.catalogue.sources.values():
        if source.freshness and cut.table.name in source.tables():
            days = _delivered_days(context, source)
            since = max(min(days, default=context.day), context.day - timedelta(days=RHYTHM_DAYS - 1))
            between = _days_after(since, max(days, default=since))
            absent = [str(day) for day in between if day not in days and is_expected(day, days)]
            if absent:
                yield f"{source.name} has delivered nothing of {', '.join(absent)}: values of such a day may be too low"


def _delivered_days(context: Context, source: Source) -> set[date]:
    files = context.store.ledger.files(source.name).values()
    days = {file.feed_day for file in files if file.status == "taken" and file.feed_day}
    return days or set(context.store.ledger.volumes(source.name))


def _days_after(first: date | None, last: date) -> list[date]:
    """Days after one, up to another."""
    return [first + timedelta(days=n) for n in range(1, (last - first).days + 1)] if first else []


def is_expected(day: date, delivered: Collection[date]) -> bool:
    """Whether a feed delivers on such weekdays, and hardly ever leaves one out, by the four weeks before.

    It is not known of a feed of less than two weeks. Freshness says when to raise an alarm; a feed that may be a week
    late lacks on the first day all the same.
    """
    newest = max((other for other in delivered if other < day), default=day)
    first = max(min(delivered, default=day), newest - timedelta(days=RHYTHM_DAYS - 1))
    window = [first, *_days_after(first, newest)]
    own = [other for other in window if other.weekday() == day.weekday()]
    if len(window) < LEAST_DAYS or 2 * sum(other in delivered for other in own) <= len(own):
        return False
    weekdays = {n: [other in delivered for other in window if other.weekday() == n] for n in range(7)}
    planned = [there for weekday in weekdays.values() if 2 * sum(weekday) > len(weekday) for there in weekday]
    return sum(planned) >= STEADY * len(planned)


def _refused_days(context: Context, source: Source, files: Mapping[str, LandedFile]) -> list[date]:
    """Days of refused files that are still in landing."""
    refused = {path: file.feed_day for path, file in files.items() if file.status == "refused" and file.feed_day}
    if not refused:
        return []
    settings = context.settings
    landed = {name for name, _ in source.files(settings.landing, settings.data)}
    return sorted({day for path, day in refused.items() if path in landed})
