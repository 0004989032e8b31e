"""The command `quanyu replay`, which maps a day of a feed again."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING

import typer

from quanyu.cli import Conf, Day, Home, Wait, opened, say
from quanyu.run.business_days import check_over, day_of

if TYPE_CHECKING:  # Each command loads what it needs: the help of the product must not wait for it.
    from quanyu.config.settings import Settings
    from quanyu.run.runner import Context


def add(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(replay)


def replay(source: str, day: Day, conf: Conf = None, home: Home = None, wait: Wait = 0) -> None:
    """Map one day of a feed again by today's contract; what was quarantined and is good now goes in, once.

    Example: `quanyu replay pos --day 2024-07-01`
    """
    from quanyu.run.interrupts import prompt_end

    settings = opened(conf, home)
    with prompt_end(settings):
        _replay(settings, source, day_of(day), wait)


def _replay(settings: Settings, name: str, day: date, wait_seconds: float) -> None:
    from quanyu.home.lock import home_lock
    from quanyu.run import preflight
    from quanyu.run.runner import Context

    check_over(settings, day)
    with home_lock(settings, wait_seconds):
        context = Context(settings, day)
        preflight.check(context)
        try:
            _map_again(context, name)
        finally:
            context.close()


def _map_again(context: Context, name: str) -> None:
    from jobs.ingest.steps import replay as publish_again
    from quanyu.errors import ConfigError, nearest
    from quanyu.run.runner import Result
    from quanyu.run.summary import report

    sources = context.catalogue.sources
    if name not in sources:
        raise ConfigError(f"unknown source {name!r}; {nearest(name, sources)}")
    began = time.monotonic()
    outcome = publish_again(context, sources[name], frozenset([context.day]))
    seconds = time.monotonic() - began
    say(report.summary(context, [Result(f"replay.{name}", "done", seconds, outcome)], seconds))
