"""Business days: which are over in the retailer's zone, and the day up to which a home has run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from quanyu.config.settings import Settings
from quanyu.errors import ConfigError
from quanyu.run.runner import Context, Result


def day_of(text: str) -> date:
    """Read a day. Raises ConfigError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no day: write it as 2011-12-09") from None


def newest_day(settings: Settings, now: datetime | None = None) -> date:
    """Yesterday in the retailer's zone: the newest day that is over."""
    return _today(settings, now) - timedelta(days=1)


def _today(settings: Settings, now: datetime | None) -> date:
    return (now or datetime.now(settings.tzinfo)).astimezone(settings.tzinfo).date()


def check_over(settings: Settings, day: date, now: datetime | None = None) -> None:
    """Raise ConfigError for a day that has not ended in the retailer's zone."""
    if day > newest_day(settings, now):
        raise ConfigError(
            f"{day} has not ended in {settings.zone}, where it is {_today(settings, now)}: a run takes a day that is"
            f" over, {newest_day(settings, now)} or earlier. What {day} would give so far is computed on a copy, and"
            f" sends nothing, with: quanyu run --day {day} --ahead"
        )


def kept_steps_note(context: Context, results: Sequence[Result], now: datetime | None = None) -> str:
    """Say that steps were kept (not run) since the home has run for a day that has not ended; empty otherwise.

    Steps that were kept since a later day, itself over, has been run are no failure.
    """
    stands = [context.forward_day(result.step) for result in results if result.status == "kept"]
    last = max((day for day in stands if day), default=None)
    if last is None or last <= newest_day(context.settings, now):
        return ""
    return (
        f"the home stands at {last}, a day that has not ended: what only goes forward stays as it is until then, and"
        f" nothing is added or sent. Take the home back to before that day was run: quanyu back --day {last}"
    )
