"""The last day that was run: of a later one no feed has landed, so that nothing can be said of it."""

from __future__ import annotations

from datetime import date

from quanyu.errors import ConfigError
from quanyu.run.runner import Context


def last_run(context: Context) -> date | None:
    """The last day of which a step of the home was run; None before the first run.

    Results of old runs are forgotten, so that the day at which profiles stand counts too.
    """
    profiles = [f"profile.{name}" for name in context.catalogue.entities]
    days = [context.forward_day(step) for step in profiles if step in context.steps]
    return max(filter(None, [context.store.results.last_day(), *days]), default=None)


def check_run(context: Context, day: date | None) -> None:
    """Raise ConfigError for a day after the last run: facts of earlier days would look like an answer."""
    last = last_run(context)
    if day is not None and last is not None and day > last:
        raise ConfigError(f"nothing is known of {day} yet: the last day that was run is {last}")
