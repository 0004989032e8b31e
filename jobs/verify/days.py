"""Computes a day up to memberships on a copy of a home, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from jobs.verify.copy import steps_of
from quanyu.config.settings import Settings
from quanyu.engine.session import engine_name
from quanyu.engine.spark import SparkEngine
from quanyu.errors import QuanyuError, RetryableError
from quanyu.run.runner import Context, Outcome, Result, Step, perform

Watcher = Callable[[str, str], None]


@dataclass(frozen=True)
class EngineRun:
    """Results of the steps of a day on one engine, and their total seconds."""

    engine: str
    results: tuple[Result, ...]
    seconds: float


def run_copy(settings: Settings, day: date, watch: Watcher) -> EngineRun:
    """Run the steps of a day up to memberships on a copy. A failed step does not stop later ones.

    A local Spark server that was started for the copy is stopped at the end.
    """
    context = Context(settings, day, f"{day}-verify")
    leave_databases_alone(context)
    name = engine_name(settings)
    began = time.monotonic()
    try:
        results = [_watched(context, step, watch, name) for step in steps_of(context)]
    finally:
        context.close()
        if name == "spark" and settings.spark.remote is None:
            SparkEngine(settings).stop()
    return EngineRun(name, tuple(results), time.monotonic() - began)


def leave_databases_alone(context: Context) -> None:
    """Use earlier extracts and read no database, because its content has changed since."""
    sources = context.catalogue.sources
    for name, source in list(sources.items()):
        sources[name] = source.model_copy(update={"extracts": None})


def _watched(context: Context, step: Step, watch: Watcher, engine: str) -> Result:
    watch(engine, step.name)
    return performed(context, step)


def performed(context: Context, step: Step) -> Result:
    """Perform a step. A step that fails returns its error in the result."""
    began = time.monotonic()
    try:
        return _patiently(context, step)
    except QuanyuError as error:
        words = f"{type(error).__name__}: {error}"
        return Result(step.name, "stopped", time.monotonic() - began, Outcome(), words)


def _patiently(context: Context, step: Step) -> Result:
    """Perform a step, and retry it once after a RetryableError."""
    try:
        return perform(context, step)
    except RetryableError:
        return perform(context, step)
