"""What DAGs call: the steps of a room in order, and one of them performed for a day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta

from quanyu.run import Context, Result, Step, home_lock
from quanyu.run import perform as perform_step
from quanyu.settings import environment, load_settings

# Who wants to know of each step's start (without a result) and end.
watchers: list[Callable[[str, Result | None], None]] = []
_open: dict[tuple[str, str], Context] = {}
# A day that is taken by hand or by another task holds the home; a task waits for it as long as such a step may last.
WAIT_SECONDS = 3600


def context_of(day: date, run_id: str | None = None) -> Context:
    """Return the context of a day in this process, made once per run."""
    settings = load_settings()
    key = (str(settings.home), f"{day}/{run_id}")
    if key not in _open:
        _open[key] = Context(settings, day, run_id)
    return _open[key]


def close() -> None:
    """Close every context that this process opened."""
    while _open:
        _open.popitem()[1].close()


def steps(rooms: Sequence[str]) -> dict[str, Step]:
    """Steps of these rooms by name, in order."""
    found = context_of(date.min).steps
    return {name: step for name, step in found.items() if step.room in rooms}


def order(steps: Mapping[str, Step]) -> dict[str, list[str]]:
    """For each step those that come before it: who writes what it reads, and who wrote before it what it writes."""
    before: dict[str, list[str]] = {}
    for name, step in steps.items():
        earlier = [other for other in before if set(steps[other].writes) & {*step.reads, *step.writes}]
        before[name] = earlier
    return before


def perform(name: str, day: date, run_id: str) -> Result:
    """Perform one step for a day, holding the home unless the caller's run holds it already."""
    context = context_of(day, environment("QUANYU_RUN") or run_id)
    if environment("QUANYU_RUN"):
        return _watched(context, name)
    with home_lock(context.settings, WAIT_SECONDS):
        try:
            return perform_step(context, context.step(name))
        finally:
            context.lake.staging.clear()


def _watched(context: Context, name: str) -> Result:
    """Perform a step of a run that shows its progress."""
    for tell in watchers:
        tell(name, None)
    result = perform_step(context, context.step(name))
    for tell in watchers:
        tell(name, result)
    return result


def yesterday() -> date:
    """The day before today in the retailer's zone: the last one that is over."""
    return datetime.now(load_settings().tzinfo).date() - timedelta(days=1)
