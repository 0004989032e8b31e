"""Runs one day of the main job in this process: the home's lock, the DAGs, a progress bar, and the summary."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from quanyu import discover, imports
from quanyu.config.settings import Settings, set_environment
from quanyu.errors import ConfigError, QuanyuError, RetryableError, exit_code, nearest
from quanyu.home.lock import home_lock
from quanyu.plurals import number_of
from quanyu.private_files import private_log
from quanyu.run import business_days, observer, preflight, tasks
from quanyu.run.runner import Context, Result, perform, results
from quanyu.run.scheduler import Scheduler
from quanyu.run.summary import report
from quanyu.servers.airflow import BESIDE_CLOCK, DATABASE, airflow_environment
from quanyu.servers.background import services


def run_day(settings: Settings, day: date, wait_seconds: float, trains: Sequence[str] = ()) -> int:
    """Run every DAG for a day and print the summary. Returns the exit code.

    Of the models that are due, `trains` are trained; all without it. Raises ConfigError for a day that has not ended,
    and for an unknown model.
    """
    business_days.check_over(settings, day)
    _await_clock(settings, wait_seconds)
    began = time.monotonic()
    run_id = f"{day}-{time.time_ns():x}"
    with home_lock(settings, wait_seconds):
        database = BESIDE_CLOCK if _has_clock(settings) else DATABASE
        set_environment({**airflow_environment(settings, database=database), "QUANYU_RUN": run_id,
                         "QUANYU_TRAIN": ",".join(trains)})  # fmt: skip
        context = tasks.context_of(day, run_id)
        _check_models(context, trains)
        preflight.check(context)
        log = settings.home / "logs" / f"run-{run_id}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with _redirected_output(log) as screen:
            # In a file or pipe, lines are as wide as the tables.
            console = Console(file=screen) if screen.isatty() else Console(file=screen, width=110)
            try:
                with _progress(console, len(context.steps)):
                    _run_in_airflow(settings, day, database)
            finally:
                step_results = results(context)
            report.show(console, context, step_results, time.monotonic() - began)
            if alerted := observer.steps_ended(context, step_results):
                console.print(alerted, markup=False)
            stopped = [result for result in step_results if result.status == "stopped"]
            missing = len(context.steps) - len(step_results)
            if missing:
                steps = number_of(missing, "step")
                console.print(Text(f"{steps} did not run because an earlier one stopped; the log is {log}"))
            if ahead := business_days.kept_steps_note(context, step_results):
                console.print(Text(ahead, "bold red"))
        tasks.close()
    faults = [*(result.fault for result in stopped), *(["ConfigError"] if ahead else [])]
    return exit_code(faults) or (QuanyuError.exit_code if missing else 0)


def _check_models(context: Context, names: Sequence[str]) -> None:
    models = context.catalogue.models
    if unknown := next((name for name in names if name not in models), None):
        raise ConfigError(f"--train: unknown model {unknown!r}; {nearest(unknown, models)}")


def _await_clock(settings: Settings, wait_seconds: float) -> None:
    """Wait for a scheduled DAG, which releases the home between its tasks. Raises RetryableError."""
    deadline = time.monotonic() + wait_seconds
    while (dag := _running_dag(settings)) is not None:
        if time.monotonic() > deadline:
            raise RetryableError(f"the DAG {dag} of {settings.home} is at work; wait for it, or give --wait SECONDS")
        time.sleep(min(5.0, wait_seconds))


def _running_dag(settings: Settings) -> str | None:
    holder = tasks.turn_of(settings)
    if holder is None or not _has_clock(settings):
        return None
    return holder[0] if imports.only(Scheduler).is_running(settings.home, *holder) else None


def _has_clock(settings: Settings) -> bool:
    return any(service.name == "scheduler" for service in services(settings))


def _run_in_airflow(settings: Settings, day: date, database: str) -> None:
    scheduler = imports.only(Scheduler)
    # Both create databases, which takes seconds on the first run.
    with ThreadPoolExecutor(max_workers=1) as pool:
        prepared = pool.submit(prepare, settings)
        scheduler.prepare(settings.home, database)
        prepared.result()
    scheduler.run(day.isoformat())


def prepare(settings: Settings) -> None:
    """Make what the steps of all stages need in a home."""
    for stage in discover.stages():
        stage.prepare(settings)


@contextlib.contextmanager
def _progress(console: Console, total: int) -> Iterator[None]:
    """Show which step is running and how many have ended."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("starting", total=total)

        def tell(name: str, result: Result | None) -> None:
            progress.update(bar, description=name, advance=1 if result else 0)
            if result and not console.is_terminal:
                console.print(f"{name}: {result.status} in {result.seconds:.1f} s")

        tasks.watchers.append(tell)
        try:
            yield
        finally:
            tasks.watchers.remove(tell)


@contextlib.contextmanager
def _redirected_output(log: os.PathLike[str]) -> Iterator[IO[str]]:
    """Redirect the output of libraries, native ones too, to the log; yields the screen."""
    sys.stdout.flush()
    sys.stderr.flush()
    originals = os.dup(1), os.dup(2)
    screen = os.fdopen(os.dup(originals[0]), "w", encoding="utf-8", buffering=1)
    try:
        with private_log(Path(log)) as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        yield screen
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        screen.close()
        for descriptor, old in zip((1, 2), originals, strict=True):
            os.dup2(old, descriptor)
            os.close(old)


def run_job(
    settings: Settings, name: str, day: date, force: bool, wait_seconds: float, say: Callable[[Any], None],
    full: bool = False,
) -> None:  # fmt: skip
    """Run one step for a day and print its summary. With `full` it computes everything, whatever its last run gave.

    Raises ConfigError for a day that has not ended, and if the step was kept since the home has run for such a day.
    """
    business_days.check_over(settings, day)
    with home_lock(settings, wait_seconds):
        context = Context(settings, day, full=full)
        context.progress = lambda words: say(f"{name} {words}")
        preflight.check(context)
        prepare(settings)
        try:
            result = perform(context, context.step(name), force or full)
            say(report.summary(context, [result], result.seconds))
            if ahead := business_days.kept_steps_note(context, [result]):
                raise ConfigError(ahead)
        finally:
            if alerted := observer.steps_ended(context, results(context)):
                say(alerted)
            context.close()
