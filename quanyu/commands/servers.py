"""Commands that start and stop the web pages and the scheduler, and Airflow's own commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Annotated

import typer

from quanyu.cli import Conf, Home, opened, say
from quanyu.config.settings import Settings
from quanyu.errors import ConfigError

NO_CLOCK = "No DAG runs by the clock, nor one that is triggered on the page: quanyu up --schedule starts a clock."


def add(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(up)
    app.command()(down)
    all_words = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command(add_help_option=False, context_settings=all_words)(airflow)


def up(
    schedule: Annotated[
        bool | None,
        typer.Option(help="Run the DAGs by the clock too: they send and export.", show_default="schedule of base.yml"),
    ] = None,
    conf: Conf = None,
    home: Home = None,
    airflow_port: int = 8080,
    mlflow_port: int = 5000,
) -> None:
    """Start Airflow's and MLflow's pages on this home, on loopback. Nothing runs by itself without --schedule.

    Example: `quanyu up` or `quanyu up --schedule`
    """
    from quanyu import imports
    from quanyu.run.day import prepare
    from quanyu.run.scheduler import Scheduler
    from quanyu.servers.airflow import set_up
    from quanyu.servers.background import services
    from quanyu.servers.background import up as start

    settings = opened(conf, home)
    prepare(settings)
    set_up(settings, airflow_port)
    has_clock = any(service.name == "scheduler" for service in services(settings))
    if schedule is False and has_clock:
        raise ConfigError(f"the clock of {settings.home} runs: stop it with `quanyu down` first")
    by_clock = (settings.schedule or has_clock) if schedule is None else schedule
    # Computed before the scheduler starts.
    plan = imports.only(Scheduler).plan(settings.zone) if by_clock else (NO_CLOCK,)
    with _nothing_left(settings) if by_clock and not has_clock else nullcontext():
        addresses = start(settings, airflow_port, mlflow_port, by_clock)
    for line in (*map(str, addresses), *plan):
        say(line)


@contextmanager
def _nothing_left(settings: Settings) -> Iterator[None]:
    """Hold the home's lock while a scheduler is started, and end remains of killed manual runs."""
    from quanyu import imports
    from quanyu.home.lock import home_lock
    from quanyu.run.scheduler import Scheduler

    with home_lock(settings):
        imports.only(Scheduler).end_runs_by_hand()
        yield


def airflow(words: typer.Context) -> None:
    """Run one of Airflow's own commands on the home that QUANYU_HOME and QUANYU_CONF name.

    Example: `quanyu airflow dags list`
    """
    from quanyu.servers.airflow import call

    raise typer.Exit(call(opened(None, None), words.args))


def down(conf: Conf = None, home: Home = None) -> None:
    """Stop the pages and the Spark server of this home, with no process left.

    Example: `quanyu down`
    """
    from quanyu.servers.background import down as stop

    stopped = stop(opened(conf, home))
    say(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
