"""What a feed may not do: too many bad rows, an unlikely volume, a file that cannot be read, nothing for too long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from statistics import median

from jobs.ingest import landing
from quanyu.calendar import newest_day
from quanyu.errors import ContractError
from quanyu.run import Context
from quanyu.source import Source, Volume


def check_bad_share(source: Source, rows: int, bad: int, most_common: list[str]) -> None:
    """Raise ContractError when more rows are bad than the source allows. A few rows alone never stop a feed."""
    if bad > 3 and bad > source.bad_share * rows:
        told = "; ".join(most_common)
        raise ContractError(
            f"{source.name}: {bad} of {rows} rows are bad, more than bad_share {source.bad_share:.0%} allows."
            f" Most often: {told}."
            f" Nothing of them was published. Ask {source.owner} for a corrected file, or mend {source.file}"
        )


def check_volume(source: Source, fresh: Mapping[date, int], before: Mapping[date, int]) -> None:
    """Raise ContractError when a new day has far fewer or more rows than the days taken in earlier runs."""
    limit = source.volume or (Volume() if source.delivers == "snapshot" else None)
    if limit is None or len(before) < (1 if source.delivers == "snapshot" else limit.after):
        return
    history = [rows for _, rows in sorted(before.items())][-limit.days :]
    usual = median(history)
    if not usual:
        # What usually has no row has no usual number either.
        return
    for day, rows in sorted(fresh.items()):
        if not limit.at_least * usual <= rows <= limit.at_most * usual:
            raise ContractError(
                f"{source.name}: {rows} rows of {day}, where the last {len(history)} days have {usual:.0f} each"
                f" (volume allows {limit.at_least:g} to {limit.at_most:g} times that). Nothing of them was published."
                f" Ask {source.owner}; if it is right, widen `volume` in {source.file}"
            )


def breaches(context: Context, source: Source) -> dict[str, str]:
    """What the sender of a feed has to mend though all that was good is published: refused files, and lateness."""
    mend = f"Ask {source.owner} for another in its place, or take it out of landing"
    refused = {
        f"refused {name}": f"{source.name}: a file was refused: {reason}. {mend}"
        for name, reason in landing.still_refused(context, source).items()
    }
    ledger = context.store.ledger
    newest = landing.newest_day(ledger.files(source.name), ledger.volumes(source.name))
    # Of a day that has not ended, computed ahead of time, nothing can be late.
    late = "" if context.day > newest_day(context.settings) else lateness(source, newest, context.day)
    return {**refused, "late": late} if late else refused


def lateness(source: Source, newest: date | None, run_day: date) -> str:
    """Say it when the newest day of a feed is older than it promises, at the end of the run's day; empty if not."""
    if source.freshness is None:
        return ""
    allowed = f"freshness allows {source.freshness.hours:g}. Ask {source.owner} where the files are"
    if newest is None:
        return f"{source.name}: nothing has landed yet; {allowed}, or say `none` in {source.file}"
    late = (run_day - newest) / timedelta(hours=1)
    if late <= source.freshness.hours:
        return ""
    return f"{source.name}: the newest day is {newest}, {late:.0f} hours before the end of {run_day}; {allowed}"
