"""Limits on a feed: shares of bad rows, volumes, ended keys, refused files, and freshness."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from statistics import median

from jobs.ingest.checks.tally import Part, Tally
from jobs.ingest.landing import landing
from jobs.ingest.silver.plan import SilverPlan
from quanyu.feeds.source import Source, Volume
from quanyu.plurals import number_of
from quanyu.run.business_days import newest_day
from quanyu.run.runner import Context
from quanyu.store import HeldBack


def bad_shares(source: Source, counts: Tally) -> dict[Part, str]:
    """Files, and days as a whole, with more bad rows than the source allows: the reason by file or day.

    Each is judged by itself, so that other files do not dilute its share. Three bad rows or fewer are always allowed.
    """
    beyond = {part: words for part in counts.bad if (words := _bad_share(source, counts, [part]))}
    rest = counts.without(beyond)
    for day in sorted({day for day, _ in rest.bad}):
        if words := _bad_share(source, rest, [part for part in rest.rows if part[0] == day]):
            beyond[day, ""] = words
    return beyond


def _bad_share(source: Source, counts: Tally, parts: Sequence[Part]) -> str:
    rows, bad = (sum(number.get(part, 0) for part in parts) for number in (counts.rows, counts.bad))
    if bad <= 3 or bad <= source.bad_share * rows:
        return ""
    return f"{bad:,} of {rows:,} rows are bad, more than bad_share {source.bad_share:.0%} allows"


def volumes(
    source: Source, per_day: Mapping[date, int], again: Collection[date], before: Mapping[date, int]
) -> dict[Part, str]:
    """Days with far fewer or far more rows than the days before them, or than they had themselves: the reason by day.

    `per_day` are the rows of each day of the delivery, `before` those of each ingested day, `again` the days that are
    redelivered. By default a redelivered day must not shrink to less than half.
    """
    limit = source.volume or (Volume() if source.delivers == "snapshot" else None)
    beyond = {}
    for day, rows in sorted(per_day.items()):
        own = before.get(day, 0) if day in again else 0
        if own and rows == own:
            continue
        least = (limit or Volume()).at_least
        if own and (not rows or rows < least * own):
            words = f"{number_of(rows, 'row')} of {day}, which had {own:,} before; volume allows {least:g} times that"
            beyond[day, ""] = words
        elif limit is not None and (words := _volume(source, limit, day, rows, before)):
            beyond[day, ""] = words
    return beyond


def _volume(source: Source, limit: Volume, day: date, rows: int, before: Mapping[date, int]) -> str:
    others = [number for other, number in sorted(before.items()) if other < day]
    if len(others) < (1 if source.delivers == "snapshot" else limit.after):
        return ""
    history = others[-limit.days :]
    usual = median(history)
    # A feed that usually has no rows has no usual volume.
    if not usual or limit.at_least * usual <= rows <= limit.at_most * usual:
        return ""
    return (
        f"{number_of(rows, 'row')} of {day}; the median of {number_of(len(history), 'day')} before it is {usual:,.0f}"
        f" (volume allows {limit.at_least:g} to {limit.at_most:g} times that)"
    )


def volumes_to_record(
    per_day: Mapping[date, int], before: Mapping[date, int], in_part: Collection[date]
) -> dict[date, int]:
    """Rows of each day to store for later volume checks; an incomplete day never counts less than it had before.

    `before` are the rows of each ingested day, `in_part` the redelivered days that are incomplete.
    """
    return {day: max(rows, before.get(day, 0)) if day in in_part else rows for day, rows in per_day.items()}


def too_many_ends(source: Source, plans: Iterable[SilverPlan]) -> dict[Part, str]:
    """Days that would end more keys of a table than `ends_share` allows: the reason by day. Up to 3 are allowed."""
    beyond = {}
    for plan in (plan for plan in plans if plan.table.name != "identifiers"):
        for day, ending in sorted((plan.ending or {}).items()):
            alive = (plan.current_keys or {}).get(day, 0)
            if ending > 3 and ending > source.ends_share * alive:
                beyond[day, ""] = (
                    f"{ending:,} of {alive:,} rows of {plan.table.name} would end with {day}, more than ends_share"
                    f" {source.ends_share:.0%} allows"
                )
    return beyond


def held_back(source: Source, parts: Iterable[HeldBack]) -> dict[str, str]:
    """Breach messages for the parts of a feed that are held back, by part."""
    return {
        f"held back {item.path or item.day}": (
            f"{source.name}: {item.path or item.day} is held back: {item.reason}."
            f"{f' Most often: {item.most_often}.' if item.most_often else ''} Nothing of it was published. Ask"
            f" {source.owner} for a corrected file; if it is right, fix {source.file}"
        )
        for item in parts
    }


def breaches(context: Context, source: Source) -> dict[str, str]:
    """Breaches that the sender has to fix, although good rows are published: refused and held back files, lateness."""
    advice = f"Ask {source.owner} to replace it, or remove it from landing"
    refused = {
        f"refused {name}": f"{source.name}: a file was refused: {reason}. {advice}"
        for name, reason in landing.still_refused(context, source).items()
    }
    ledger = context.store.ledger
    newest = landing.newest_day(ledger.files(source.name), ledger.volumes(source.name))
    # Nothing can be late for a day that has not ended yet.
    late = "" if context.day > newest_day(context.settings) else lateness(source, newest, context.day)
    held_parts = held_back(source, context.store.held_back.of(source.name))
    return {**refused, **held_parts, **({"late": late} if late else {})}


def lateness(source: Source, newest: date | None, run_day: date) -> str:
    """Message if the newest day of a feed is older than `freshness` allows at the end of the run's day; else empty."""
    if source.freshness is None:
        return ""
    allowed = f"freshness allows {source.freshness.hours:g}. Ask {source.owner} where the files are"
    if newest is None:
        return f"{source.name}: nothing has landed yet; {allowed}, or say `none` in {source.file}"
    late = (run_day - newest) / timedelta(hours=1)
    if late <= source.freshness.hours:
        return ""
    return f"{source.name}: the newest day is {newest}, {late:.0f} hours before the end of {run_day}; {allowed}"
