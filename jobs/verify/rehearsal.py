"""Computes a day, even one that has not ended, on a temporary copy of the home."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

from jobs.verify.copy import FOLDER, copy_home
from jobs.verify.days import leave_databases_alone, performed
from jobs.verify.ending import clean_end
from jobs.verify.proof import alone
from quanyu.config.settings import Settings
from quanyu.engine.spark import SparkEngine
from quanyu.errors import ConfigError, QuanyuError
from quanyu.home.lock import home_lock
from quanyu.home.migration import check_form
from quanyu.run.rehearsal import Rehearsal
from quanyu.run.runner import Context, Step
from quanyu.run.summary import report


class CopyRehearsal(Rehearsal):
    """Computes a day on a copy of the home, which is removed at the end."""

    def run(
        self, settings: Settings, day: date, step: str | None, wait_seconds: float, say: Callable[[Any], None]
    ) -> int:
        """Compute a day, or one step of it, on a copy of the home and print the summary. Returns the exit code.

        Nothing is sent, exported, trained or read from a database. The home is locked only while it is copied. The copy
        contains personal data and is removed at the end. Raises ConfigError for a step that computes no table.
        """
        began = time.monotonic()
        with clean_end() as check_end, _copy(settings, day, wait_seconds) as context:
            results = []
            for each in steps_ahead(context, step):
                check_end()
                results.append(performed(context, each))
            say(report.summary(context, results, time.monotonic() - began))
            say(f"{day} was computed on a copy: the home is unchanged, and nothing was sent or exported.")
        return QuanyuError.exit_code if any(result.error for result in results) else 0


def steps_ahead(context: Context, name: str | None) -> Sequence[Step]:
    """Steps that write tables and do nothing outside the home: all of them, or the named one."""
    steps = [step for step in context.steps.values() if step.writes and not step.reaches_people]
    if name is None:
        return steps
    if context.step(name) not in steps:
        raise ConfigError(f"{name} has nothing to compute on a copy: it writes no table. --ahead sends and exports"
                          " nothing")  # fmt: skip
    return [context.step(name)]


@contextlib.contextmanager
def _copy(settings: Settings, day: date, wait_seconds: float) -> Iterator[Context]:
    """Context of a day on a copy that sends nothing. The copy is removed at the end."""
    with alone(settings, wait_seconds):
        # Left behind by a killed process.
        shutil.rmtree(settings.home / FOLDER, ignore_errors=True)
        home = settings.home / FOLDER / "ahead"
        try:
            with home_lock(settings, wait_seconds), contextlib.closing(Context(settings, day)) as original:
                check_form(original)
                copy = copy_home(original, home)
            with contextlib.closing(Context(copy, day, f"{day}-ahead", sends=False)) as context:
                leave_databases_alone(context)
                yield context
            if copy.engine == "spark" and copy.spark.remote is None:
                SparkEngine(copy).stop()
        finally:
            shutil.rmtree(settings.home / FOLDER, ignore_errors=True)
