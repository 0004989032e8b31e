"""Functions for DAGs: list the steps of a stage, run a step for a day, and take turns on a home."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path

from quanyu.config.settings import Settings, environment, load_settings, read_settings
from quanyu.errors import ConfigError, QuanyuError
from quanyu.home.lock import home_lock
from quanyu.run import business_days, observer, preflight
from quanyu.run.runner import Context, Result, Step, results
from quanyu.run.runner import perform as perform_step

# Called at each step's start (without a result) and end.
watchers: list[Callable[[str, Result | None], None]] = []
_open: dict[tuple[str, str], Context] = {}
# A task waits this long for the home's lock, which a manual run or another task may hold for a step.
WAIT_SECONDS = 3600


def context_of(day: date, run_id: str | None = None, sends: bool = True) -> Context:
    """Return the context of a day in this process, created once per run."""
    settings = load_settings()
    key = (str(settings.home), f"{day}/{run_id}")
    if key not in _open:
        _open[key] = Context(settings, day, run_id, sends)
        _open[key].trains = tuple(filter(None, environment("QUANYU_TRAIN").split(",")))
    return _open[key]


def close() -> None:
    """Close every context that this process opened."""
    while _open:
        _open.popitem()[1].close()


def steps(stages: Sequence[str]) -> dict[str, Step]:
    """Steps of these stages by name, in order."""
    all_steps = context_of(date.min).steps
    return {name: step for name, step in all_steps.items() if step.stage in stages}


def order(steps: Mapping[str, Step]) -> dict[str, list[str]]:
    """Predecessors of each step: steps that write its inputs, or the same tables earlier, or that name it."""
    before: dict[str, list[str]] = {}
    for name, step in steps.items():
        touched = {*step.reads, *step.writes}
        before[name] = [o for o in before if touched.intersection(steps[o].writes) or name in steps[o].before]
    return before


def perform(name: str, day: date, run_id: str, sends: bool) -> Result:
    """Run one step for a day, with the home's lock unless the caller's run holds it already.

    Raises ConfigError for a day that has not ended, and if the home has run for such a day.
    """
    if environment("QUANYU_RUN"):
        return _watched(context_of(day, environment("QUANYU_RUN")), name)
    context = context_of(day, run_id, sends)
    business_days.check_over(context.settings, day)
    with home_lock(context.settings, WAIT_SECONDS):
        preflight.check(context)
        try:
            result = perform_step(context, context.step(name))
        finally:
            observer.steps_ended(context, [ended for ended in results(context) if ended.step == name])
            context.lake.staging.clear()
    if reason := business_days.kept_steps_note(context, [result]):
        raise ConfigError(f"{name}: {reason}")
    return result


def exports_confirmed(day: date, run_id: str, sends: bool) -> bool:
    """Run the exports again that wait for a platform's answer; whether none waits any more."""
    first: QuanyuError | None = None
    for name in _waiting_exports(day):
        try:
            perform(name, day, run_id, sends)
        except QuanyuError as error:
            # One platform's refusal leaves the others to be asked.
            first = first or error
    if first is not None:
        raise first
    return not _waiting_exports(day)


def _waiting_exports(day: date) -> list[str]:
    """Steps of exports whose platform still reads, or has to publish, what it was sent."""
    with contextlib.closing(Context(load_settings(), day)) as context:
        waiting = context.store.exports.waiting()
        names = [f"export.{export}" for export in waiting]
        undeclared = ["undeclared_exports"] if any(name not in context.steps for name in names) else []
        return [name for name in (*names, *undeclared) if name in context.steps]


def _watched(context: Context, name: str) -> Result:
    """Run a step and report its start and end to the watchers."""
    context.progress = partial(_tell, name)
    context.progress("")
    try:
        return perform_step(context, context.step(name))
    finally:
        for result in (ended for ended in results(context) if ended.step == name):
            for tell in watchers:
                tell(name, result)


def _tell(name: str, words: str) -> None:
    for tell in watchers:
        tell(f"{name}: {words}" if words else name, None)


def alert_declarations_rejected(words: str) -> None:
    """Send an alert that a mistake in a declaration blocks every task, if the settings can be read."""
    settings, _ = read_settings()
    with contextlib.closing(Context(settings, business_days.newest_day(settings))) as context:
        observer.declarations_rejected(context, words)


def check_over(day: date) -> None:
    """Raise ConfigError for a day that has not ended in the retailer's zone."""
    business_days.check_over(load_settings(), day)


def newest_day() -> date:
    """The newest day that is over in the retailer's zone."""
    return business_days.newest_day(load_settings())


def local_day(at: datetime) -> date:
    """The day of an instant in the retailer's zone."""
    return at.astimezone(load_settings().tzinfo).date()


def take_turn(dag: str, run_id: str, works: Callable[[str, str], bool], waits: Callable[[], bool]) -> bool:
    """Take the turn for a run of a DAG, unless the run that has it still `works`, or one with precedence `waits`.

    Callers repeat the call until it returns True. Tasks of a home run one at a time, so two calls never overlap.
    """
    if environment("QUANYU_RUN"):
        return True
    settings = load_settings()
    holder = turn_of(settings)
    if holder != (dag, run_id) and ((holder and works(*holder)) or waits()):
        return False
    _turn(settings).write_text(json.dumps([dag, run_id]))
    return True


def turn_of(settings: Settings) -> tuple[str, str] | None:
    """The DAG and the run that have the turn, or had it last."""
    try:
        dag, run_id = json.loads(_turn(settings).read_text())
    except (OSError, ValueError):
        return None
    return dag, run_id


def _turn(settings: Settings) -> Path:
    return settings.home / "airflow" / "turn.json"
