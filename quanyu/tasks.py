"""What DAGs call: the steps of a room in order, one of them performed for a day, and whose turn it is in a home."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

from quanyu import calendar, preflight
from quanyu.discover import call
from quanyu.errors import ConfigError
from quanyu.homelock import home_lock
from quanyu.run import Context, Result, Step, results
from quanyu.run import perform as perform_step
from quanyu.settings import Settings, environment, load_settings, read_settings

# Who wants to know of each step's start (without a result) and end.
watchers: list[Callable[[str, Result | None], None]] = []
_open: dict[tuple[str, str], Context] = {}
# A day that is taken by hand or by another task holds the home; a task waits for it as long as such a step may last.
WAIT_SECONDS = 3600


def context_of(day: date, run_id: str | None = None, sends: bool = True) -> Context:
    """Return the context of a day in this process, made once per run."""
    settings = load_settings()
    key = (str(settings.home), f"{day}/{run_id}")
    if key not in _open:
        _open[key] = Context(settings, day, run_id, sends)
    return _open[key]


def close() -> None:
    """Close every context that this process opened."""
    while _open:
        _open.popitem()[1].close()


def steps(rooms: Sequence[str]) -> dict[str, Step]:
    """Steps of these rooms by name, in order."""
    all_steps = context_of(date.min).steps
    return {name: step for name, step in all_steps.items() if step.room in rooms}


def order(steps: Mapping[str, Step]) -> dict[str, list[str]]:
    """For each step those that come before it: who writes what it reads, and who wrote before it what it writes."""
    before: dict[str, list[str]] = {}
    for name, step in steps.items():
        earlier = [other for other in before if set(steps[other].writes) & {*step.reads, *step.writes}]
        before[name] = earlier
    return before


def perform(name: str, day: date, run_id: str, sends: bool) -> Result:
    """Perform one step for a day, holding the home unless the caller's run holds it already.

    Raises ConfigError for a day that has not ended, and where the home stands at such a day.
    """
    if environment("QUANYU_RUN"):
        return _watched(context_of(day, environment("QUANYU_RUN")), name)
    context = context_of(day, run_id, sends)
    calendar.check_over(context.settings, day)
    with home_lock(context.settings, WAIT_SECONDS):
        preflight.check(context)
        try:
            result = perform_step(context, context.step(name))
        finally:
            call("jobs.alerts.tell:tell")(context, [ended for ended in results(context) if ended.step == name])
            context.lake.staging.clear()
    if reason := calendar.ahead_of_time(context, [result]):
        raise ConfigError(f"{name}: {reason}")
    return result


def _watched(context: Context, name: str) -> Result:
    """Perform a step of a run that shows its progress."""
    for tell in watchers:
        tell(name, None)
    try:
        return perform_step(context, context.step(name))
    finally:
        for result in (ended for ended in results(context) if ended.step == name):
            for tell in watchers:
                tell(name, result)


def mistaken(words: str) -> None:
    """Tell that a mistake in a declaration keeps every task from running, where the settings can be read."""
    settings, _ = read_settings()
    with contextlib.closing(Context(settings, calendar.newest_day(settings))) as context:
        call("jobs.alerts.tell:tell_mistake")(context, words)


def check_over(day: date) -> None:
    """Refuse a day that has not ended in the retailer's zone. Raises ConfigError."""
    calendar.check_over(load_settings(), day)


def newest_day() -> date:
    """The newest day that is over in the retailer's zone."""
    return calendar.newest_day(load_settings())


def local_day(at: datetime) -> date:
    """The day of an instant in the retailer's zone."""
    return at.astimezone(load_settings().tzinfo).date()


def take_turn(dag: str, run_id: str, works: Callable[[str, str], bool], waits: Callable[[], bool]) -> bool:
    """Take the home for a run of a DAG, unless the run that has it still `works`, or one that goes before it `waits`.

    It is asked again until it is true. A home's tasks run one at a time, so that no two ask at once.
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
    """The DAG and the run that have the home, or had it last."""
    try:
        dag, run_id = json.loads(_turn(settings).read_text())
    except (OSError, ValueError):
        return None
    return dag, run_id


def _turn(settings: Settings) -> Path:
    return settings.home / "airflow" / "turn.json"
