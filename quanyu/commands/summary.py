"""`quanyu summary`: the results of a day's steps."""

from __future__ import annotations

import contextlib
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from quanyu.cli import Conf, Home, opened, say
from quanyu.config.settings import Settings
from quanyu.errors import ConfigError
from quanyu.run.business_days import day_of
from quanyu.run.runner import Context, result_of
from quanyu.run.summary import report

if TYPE_CHECKING:
    from rich.console import Group


def summary(settings: Settings, day: date | None, every_step: bool = False) -> Group:
    """Build the summary of a day, by default the last one that was run: the newest result of each step.

    Raises ConfigError if no step was run.
    """
    with contextlib.closing(Context(settings, day or date.min)) as context:
        context.day = day or context.store.results.newest_day() or date.min
        results = [result_of(stored) for stored in context.store.results.of_day(context.day).values()]
    if not results:
        raise ConfigError(
            f"nothing was run for {day}"
            if day
            else "nothing was run in this home yet; run a day first: quanyu run --day DAY"
        )
    return report.summary(context, results, sum(result.seconds for result in results), every_step)


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(name="summary")
    def show(
        day: Annotated[str | None, typer.Option(help="Business day.", show_default="the last one that was run")] = None,
        steps: Annotated[bool, typer.Option("--steps", help="Each step by itself, with all its notes.")] = False,
        conf: Conf = None,
        home: Home = None,
    ) -> None:
        """Show what became of a day: each step as it ended last, whether run by hand or by the clock.

        Steps of a kind are in one row, but for those that stopped or held something back.

        Example: `quanyu summary --day 2025-02-03`
        """
        say(summary(opened(conf, home), day_of(day) if day else None, steps))
