"""Days of which a table lacks facts: a feed is late, held back or refused, or the step that fills it has not run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    days = [file.feed_day for file in files.values() if file.status == "taken" and file.feed_day]
    newest = max(days or context.store.ledger.volumes(source.name), default=None)
    result = context.store.results.of_day(context.day).get(f"ingest.{source.name}")
    if newest is None and source.freshness is not None:
        yield MissingDays(date.min, context.day, f"{source.name} has delivered nothing yet")
    elif newest and source.freshness and (context.day - newest) / timedelta(hours=1) > source.freshness.hours:
        yield MissingDays(newest + timedelta(days=1), context.day, f"the newest day of {source.name} is {newest}")
    elif result is None or (result["status"] == "stopped" and not result["outcome"]["breaches"]):
        yield MissingDays(context.day, context.day, f"ingest.{source.name} stopped or did not run for {context.day}")


def _refused_days(context: Context, source: Source, files: Mapping[str, LandedFile]) -> list[date]:
    """Days of refused files that are still in landing."""
    refused = {path: file.feed_day for path, file in files.items() if file.status == "refused" and file.feed_day}
    if not refused:
        return []
    settings = context.settings
    landed = {name for name, _ in source.files(settings.landing, settings.data)}
    return sorted({day for path, day in refused.items() if path in landed})
