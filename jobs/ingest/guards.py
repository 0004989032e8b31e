"""When a feed's day may not be published: too many bad rows, an unlikely volume, or nothing new for too long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from statistics import median

from quanyu.errors import ContractError
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
    for day, rows in sorted(fresh.items()):
        if not limit.at_least * usual <= rows <= limit.at_most * usual:
            raise ContractError(
                f"{source.name}: {rows} rows of {day}, where the last {len(history)} days have {usual:.0f} each"
                f" (volume allows {limit.at_least:g} to {limit.at_most:g} times that). Nothing of them was published."
                f" Ask {source.owner}; if it is right, widen `volume` in {source.file}"
            )


def check_freshness(source: Source, newest: date | None, run_day: date) -> None:
    """Raise ContractError when the newest day of a feed is older than it promises, at the end of the run's day."""
    if source.freshness is None or newest is None:
        return
    late = (run_day - newest) / timedelta(hours=1)
    if late > source.freshness.hours:
        raise ContractError(
            f"{source.name}: the newest day is {newest}, {late:.0f} hours before the end of {run_day}; freshness allows"
            f" {source.freshness.hours:g}. What was published before stays. Ask {source.owner} where the files are"
        )
