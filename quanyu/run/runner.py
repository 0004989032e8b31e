"""Runs steps for a day if anything that they depend on has changed, and records their results."""

from __future__ import annotations

import logging
import time
import traceback
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from functools import cached_property, partial
from typing import Any

from quanyu import discover
from quanyu.config.settings import Settings
from quanyu.engine.guard import guard
from quanyu.engine.session import Engine
from quanyu.errors import ConfigError, ContractError, QuanyuError, actor, nearest
from quanyu.fingerprint import fingerprint
from quanyu.grammar.declaration import digest
from quanyu.lake import Lake
from quanyu.lake.receipt import Receipt
from quanyu.plurals import number_of
from quanyu.private_files import private_log
from quanyu.run import facts, integrity
from quanyu.run.facts import Facts
from quanyu.run.faults import explain_error
from quanyu.run.planning.decision import decide, forward_day, inputs, record_run
from quanyu.store import Store

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """Result of a step: counts of rows, notes for the summary, and facts of its stage. No personal data.

    `breaches` are faults that the sender of the data has to fix. Good data is published, but the step fails.
    `alerts` are problems to notify people of although nothing failed, such as held messages. Each has a stable key and
    a message.
    """

    rows_in: int = 0
    rows_out: int = 0
    quarantined: int = 0
    unchanged: int = 0
    notes: tuple[str, ...] = ()
    facts: Facts | None = None
    run_again: bool = False
    breaches: Mapping[str, str] = field(default_factory=dict)
    alerts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One task of a DAG: what it reads and writes by place, its definition's hash, and the function that does it.

    `inputs` returns what else it depends on (landed files, for example). `as_of` steps depend on the day itself.
    `forward` steps depend on earlier days and do not run for a day before their last one. `rebuilds` are places that it
    can rebuild if they are lost; if any other table is lost, no step runs. `declares` has a hash of each declaration
    that it computes, by kind and name, so that a plan can say which are new. A step that `reaches_people`, as by
    messages or exports, is never performed on a copy of the home. `before` names steps that come after it although they
    share no table with it, such as the ingest of files that it lands.
    """

    name: str
    stage: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    definition: str
    run: Callable[[Context, Receipt], Outcome]
    describes: str = ""
    as_of: bool = False
    forward: bool = False
    inputs: Callable[[Context], Mapping[str, Any]] | None = None
    rebuilds: tuple[str, ...] = ()
    declares: Mapping[str, str] = field(default_factory=dict)
    reaches_people: bool = False
    before: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """Hash of what is declared and of all code that the step's result depends on."""
        function = self.run.func if isinstance(self.run, partial) else self.run
        return digest([self.definition, fingerprint(function.__module__)])


@dataclass(frozen=True)
class Result:
    """Status of a step on a day: done, skipped (no dependency changed), kept (a later day was run), stopped.

    `fault` is the class of the error that stopped it, which says who must act.
    """

    step: str
    status: str
    seconds: float
    outcome: Outcome
    error: str = ""
    fault: str = ""

    def lines(self) -> list[str]:
        """Lines for the log: status, notes, and who must act if it stopped."""
        o = self.outcome
        rows_in = number_of(o.rows_in, "row")
        counts = f"{rows_in} in, {o.rows_out:,} out, {o.quarantined:,} quarantined, {o.unchanged:,} unchanged"
        stopped = [f"{self.step}: {actor(self.fault)} must act: {self.error}"] if self.status == "stopped" else []
        ended = f"{self.step}: {self.status} in {self.seconds:.1f} s: {counts}"
        return [*stopped, ended, *(f"{self.step}: {note}" for note in o.notes)]


class Context:
    """All that a step needs, for one day of one home. Opening it starts nothing.

    `sends` says whether this run may add, send or export: not on a copy of a home, not in a backfill, and not in a
    scheduled run for a day before the newest one that is over. If false, only removals are sent. With `full`, a step
    that can go on from its last result computes everything.
    """

    def __init__(
        self, settings: Settings, day: date, run_id: str | None = None, sends: bool = True, full: bool = False
    ) -> None:
        self.settings, self.day, self.sends, self.full = settings, day, sends, full
        self.run_id = run_id or f"{day}-{uuid.uuid4().hex[:12]}"
        self.engine = Engine(settings)
        self.lake = Lake(settings, self.engine)
        # Whether the step that is performed now was asked for with --force.
        self.forced = False
        # Is called with what a long step does now.
        self.progress: Callable[[str], None] = lambda words: None
        # Models that this run trains if they are due; all of them if empty.
        self.trains: tuple[str, ...] = ()
        # Files of each source, listed once per step.
        self.listings: dict[str, Any] = {}

    @cached_property
    def catalogue(self) -> discover.Catalogue:
        """Every declaration of the conf folder."""
        return discover.load(self.settings)

    @cached_property
    def store(self) -> Store:
        """The operational store."""
        self.settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Store(self.settings.store_url)

    @cached_property
    def steps(self) -> dict[str, Step]:
        """Every step of every stage, by name, in the order of the stages."""
        return {step.name: step for stage in discover.stages() for step in stage.steps(self.catalogue)}

    @property
    def as_of_at(self) -> datetime:
        """The instant that ends the day in the retailer's zone."""
        return datetime.combine(self.day + timedelta(days=1), clock(), self.settings.tzinfo)

    def is_current(self, step: str) -> bool:
        """Whether a `forward` step has run for this day from its current inputs."""
        last = self.store.unchanged_runs.load(step, "")
        if last is None or last["day"] != self.day.isoformat():
            return False
        depends = last["depends"]
        same = depends["inputs"] == {place: self.lake.version(place) for place in self.step(step).reads}
        return bool(same and depends.get("definition") == self.step(step).fingerprint())

    def forward_day(self, step: str) -> date | None:
        """The last day for which a `forward` step has run; None before its first run.

        If it differs from the run's day, the step's output is not of this day: the step was kept since a later day had
        been run, or it stopped.
        """
        stands = forward_day(self, self.step(step), self.store.unchanged_runs.load(step, ""))
        return date.fromisoformat(stands) if stands else None

    def last_run(self) -> date | None:
        """The last day of which a step of the home was run; None before the first run.

        Results of old runs are forgotten, so that the day at which profiles stand counts too.
        """
        profiles = [f"profile.{name}" for name in self.catalogue.entities]
        days = [self.forward_day(step) for step in profiles if step in self.steps]
        return max(filter(None, [self.store.results.last_day(), *days]), default=None)

    def step(self, name: str) -> Step:
        """Return a step. Raises ConfigError with the nearest name."""
        if name not in self.steps:
            raise ConfigError(f"unknown job {name!r}; {nearest(name, self.steps)}")
        return self.steps[name]

    def close(self) -> None:
        """Release the engine, close the store and delete staged files."""
        self.lake.staging.clear()
        self.engine.release()
        if "store" in self.__dict__:
            self.store.close()


def perform(context: Context, step: Step, force: bool = False) -> Result:
    """Run one step for the context's day, unless no dependency has changed, and record its result.

    Raises the error that stopped it, and ContractError for breaches in its outcome, after good data is published.
    """
    began, outcome = time.monotonic(), Outcome()
    frames: Sequence[str] = ()
    stop: QuanyuError | None = None
    try:
        status, outcome = _perform(context, step, force)
        stop = ContractError("\n".join(outcome.breaches.values())) if outcome.breaches else None
    except QuanyuError as error:
        stop = error
    except Exception as error:
        stop, frames = _unexpected(step, error), traceback.format_tb(error.__traceback__)
    if stop is None:
        result = Result(step.name, status, time.monotonic() - began, outcome)
        _record(context, result)
        return result
    _log(context, step, stop, frames)
    _record(context, Result(step.name, "stopped", time.monotonic() - began, outcome, str(stop), type(stop).__name__))
    # Without its cause, whose text may contain values and would be in Airflow's task log.
    raise stop from None


def _unexpected(step: Step, error: Exception) -> QuanyuError:
    """Explain a fault of the machine, or give the place of a bug without its text, which may contain values."""
    fault = explain_error(error)
    hint = "; logs/errors.log has the way to it" if type(fault) is QuanyuError else ""
    return type(fault)(f"{step.name}: {fault}{hint}")


def _perform(context: Context, step: Step, force: bool) -> tuple[str, Outcome]:
    context.listings.clear()
    context.forced = force
    decision = decide(context, step, force)
    if decision.does == "keep":
        return "kept", Outcome(notes=decision.reasons)
    if decision.does == "skip" and decision.last:
        return "skipped", _outcome_of(decision.last["outcome"])
    receipt = Receipt(step.name, context.day.isoformat(), context.run_id, step.fingerprint(), inputs(context, step))
    context.lake.fence(step.name, step.writes)
    with guard(step.name):
        outcome = step.run(context, receipt)
    integrity.record_versions(context)
    integrity.mark_rebuilt(context, step.name)
    rebuilt = (f"{place} was lost and is rebuilt" for place in sorted(decision.lost))
    outcome = replace(outcome, notes=(*rebuilt, *outcome.notes))
    if not outcome.run_again and not outcome.breaches:
        record_run(context, step, _stored(outcome))
    return "done", outcome


def _outcome_of(outcome: Mapping[str, Any]) -> Outcome:
    """Outcome of a skipped step for the summary: all rows are unchanged."""
    last = _read(outcome)
    return replace(last, rows_out=0, unchanged=last.unchanged + last.rows_out, breaches={}, alerts={}, run_again=False)


def _record(context: Context, result: Result) -> None:
    context.store.results.record(
        context.run_id, context.day, result.step, {**asdict(result), "outcome": _stored(result.outcome)}
    )
    for line in result.lines():
        # For Airflow's task log; on a screen the summary shows it.
        LOG.info(line)


def results(context: Context) -> list[Result]:
    """Results of this run, in the order of the steps."""
    ended = context.store.results.of_run(context.run_id)
    return [result_of(ended[name]) for name in context.steps if name in ended]


def result_of(receipt: Mapping[str, Any]) -> Result:
    """Build a result from its record in the store. One of an earlier release may lack newer fields."""
    return Result(**{**receipt, "outcome": _read(receipt["outcome"])})


def _stored(outcome: Outcome) -> dict[str, Any]:
    values = asdict(outcome)
    # Homes of older releases call it `again`.
    return {**values, "again": values.pop("run_again"), "facts": facts.stored(outcome.facts)}


def _read(form: Mapping[str, Any]) -> Outcome:
    kinds = (kind for stage in discover.stages() for kind in stage.facts)
    values = {"run_again" if name == "again" else name: value for name, value in form.items()}
    return Outcome(**{**values, "notes": tuple(form["notes"]), "facts": facts.read(form["facts"], kinds)})


def _log(context: Context, step: Step, error: QuanyuError, frames: Sequence[str] = ()) -> None:
    at = datetime.now(UTC).isoformat()
    with private_log(context.settings.home / "logs" / "errors.log") as log:
        log.write(f"{at} {context.run_id} {step.name} {type(error).__name__}: {error}\n{''.join(frames)}".encode())
