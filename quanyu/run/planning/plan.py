"""What a run of a day would do, before it does: steps with their reasons, and what was declared anew.

Nothing is written into the home: the store is a copy, and what has to be tried is tried in a temporary folder.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from quanyu import discover
from quanyu.config.settings import Settings, sqlite_url
from quanyu.errors import KeeperError
from quanyu.home import migration
from quanyu.home.backup import copy_database
from quanyu.run import integrity
from quanyu.run.planning.absent_values import Absent, absent_values
from quanyu.run.planning.decision import decide, last_complete_run
from quanyu.run.runner import Context, Step
from quanyu.store import Store


@dataclass(frozen=True)
class Forecast:
    """What a run would do with a step: it runs, may run (what it reads may change before), skips, keeps or stops."""

    step: str
    does: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """A declaration that is not as it was when its step ran last: its kind and name, as `audience winback`."""

    step: str
    name: str
    how: str
    effects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The steps of a day in order, the declarations that are new, changed or gone, and literals that never occur.

    `stops` says why no step would run, if tables are lost that none can rebuild.
    """

    day: date
    stops: str
    steps: tuple[Forecast, ...]
    changes: tuple[Change, ...]
    absent: tuple[Absent, ...]


@dataclass(frozen=True)
class Trial:
    """What effects of declarations are computed from: a context to read, and a temporary folder to write.

    `names` are the new and changed declarations, by kind and name, as `audience winback`.
    """

    context: Context
    folder: Path
    names: tuple[str, ...]

    def of(self, kind: str) -> list[str]:
        """Names of the declarations of a kind, without it."""
        return [name.removeprefix(f"{kind} ") for name in self.names if name.startswith(f"{kind} ")]


def plan(settings: Settings, day: date) -> Plan:
    """The plan of a day: what a run would do now. Raises ConfigError for invalid declarations."""
    with _reading(settings, day) as (context, folder):
        lost = integrity.losses(context)
        stops = migration.advice(context) or integrity.beyond_repair(context, lost)
        steps = tuple(forecasts(context, frozenset(lost)))
        changes = tuple(_with_effects(context, folder, list(changed(context))))
        return Plan(day, stops, steps, changes, tuple(absent_values(context)))


@contextlib.contextmanager
def _reading(settings: Settings, day: date) -> Iterator[tuple[Context, Path]]:
    """A context with a copy of the store, and the temporary folder that holds it, removed at the end."""
    home = settings.home if settings.home.is_dir() else None
    with tempfile.TemporaryDirectory(prefix=".plan-", dir=home) as name:
        context = Context(settings, day, f"{day}-plan", sends=False)
        context.__dict__["store"] = Store(_copied_store(settings, Path(name)))
        try:
            yield context, Path(name)
        finally:
            context.close()


def _copied_store(settings: Settings, folder: Path) -> str:
    """URL of a copy of the home's store; a store on a server is only read, and is not copied."""
    if settings.store:
        return settings.store_url
    copy = folder / "store.db"
    if (settings.home / "store.db").exists():
        copy_database(settings.home / "store.db", copy)
    return sqlite_url(copy)


def forecasts(context: Context, lost: frozenset[str]) -> Iterator[Forecast]:
    """What a run would do with each step, in order. A step that runs may change what later ones read."""
    writers: dict[str, str] = {}
    for step in context.steps.values():
        forecast = _forecast(context, step, lost, writers)
        if forecast.does in ("runs", "may run"):
            writers |= {place: step.name for place in step.writes if place not in writers}
        yield forecast


_DOES = {"run": "runs", "skip": "skips", "keep": "keeps"}


def _forecast(context: Context, step: Step, lost: frozenset[str], writers: Mapping[str, str]) -> Forecast:
    context.listings.clear()
    try:
        decision = decide(context, step, lost=lost)
    except KeeperError as error:
        return Forecast(step.name, "stops", (str(error),))
    before = [f"{place} by {writers[place]}" for place in step.reads if place in writers]
    # A lost table that is rebuilt before may get the version that the step has read already.
    rebuilt = [reason for reason in decision.reasons if reason.partition(" ")[0] in lost & writers.keys()]
    if before and (decision.does == "skip" or rebuilt == [*decision.reasons]):
        return Forecast(step.name, "may run", (f"what it reads may change: {', '.join(before)}",))
    return Forecast(step.name, _DOES[decision.does], decision.reasons)


def changed(context: Context) -> Iterator[Change]:
    """Declarations that are new, changed or gone since their step ran last; all are new before the first run."""
    for step in context.steps.values():
        last = last_complete_run(context, step)
        before: Mapping[str, str] = last["declares"] if last else {}
        for name, digest in step.declares.items():
            if before.get(name) != digest:
                yield Change(step.name, name, "changed" if name in before else "new")
        yield from (Change(step.name, name, "gone") for name in before if name not in step.declares)


def _with_effects(context: Context, folder: Path, changes: Sequence[Change]) -> Iterator[Change]:
    """Add to each new or changed declaration what it would change, as the stages say."""
    trial = Trial(context, folder, tuple(change.name for change in changes if change.how != "gone"))
    effects: dict[str, Sequence[str]] = {}
    for stage in discover.stages():
        effects |= stage.effects(trial)
    for change in changes:
        yield Change(change.step, change.name, change.how, tuple(effects.get(change.name, ())))
