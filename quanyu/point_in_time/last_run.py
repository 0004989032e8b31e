"""The last day that was run: of a later one no feed has landed, so that nothing can be said of it."""

from __future__ import annotations

from datetime import date

from quanyu.errors import ConfigError
from quanyu.run.runner import Context


def check_run(context: Context, day: date | None) -> None:
    """Raise ConfigError for a day after the last run: facts of earlier days would look like an answer."""
    last = context.last_run()
    if day is not None and last is not None and day > last:
        raise ConfigError(f"nothing is known of {day} yet: the last day that was run is {last}")
