"""Runs one day on two engines, on copies of a home, and compares their tables."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from filelock import FileLock, Timeout

from jobs.verify.compare import Difference, TableComparison, compare
from jobs.verify.copy import FOLDER, copies, steps_of
from jobs.verify.days import EngineRun, run_copy
from jobs.verify.origin import origin
from quanyu.config.settings import Settings
from quanyu.engine.session import Engine
from quanyu.errors import RetryableError
from quanyu.home.lock import home_lock
from quanyu.home.migration import check_form
from quanyu.lake import Lake
from quanyu.run.runner import Context


@dataclass(frozen=True)
class Proof:
    """Result of a day on two engines.

    `origins` names the declarations of each difference. `left_out` are tables of steps that did not run.
    """

    day: date
    begins: str
    runs: tuple[EngineRun, EngineRun]
    comparisons: tuple[TableComparison, ...]
    origins: dict[Difference, str]
    left_out: tuple[str, ...]

    @property
    def stopped(self) -> list[tuple[str, str, str]]:
        """Steps that failed on an engine: name, and how each ended."""
        pairs = zip(*(run.results for run in self.runs), strict=True)
        return [(a.step, a.error or a.status, b.error or b.status) for a, b in pairs if (a.error or b.error)]

    @property
    def equal(self) -> bool:
        """Whether every table is equal and every step ended in the same way."""
        alike = all(left == right for _, left, right in self.stopped)
        return alike and not any(comparison.differences for comparison in self.comparisons)


def prove(
    settings: Settings, day: date, engines: tuple[str, str], wait_seconds: float, watch: Callable[[str, str], None]
) -> Proof:
    """Run a day on both engines and compare. The home is locked only while it is copied.

    Raises ConfigError for a day that was not run.
    """
    with alone(settings, wait_seconds), contextlib.closing(Context(settings, day)) as context:
        # Left behind by a killed verification.
        shutil.rmtree(settings.home / FOLDER, ignore_errors=True)
        names = {f"{number}-{engine}": engine for number, engine in enumerate(engines)}
        with contextlib.ExitStack() as stack:
            with home_lock(settings, wait_seconds):
                check_form(context)
                homes, begins = stack.enter_context(copies(context, names))
            left, right = (run_copy(home, day, watch) for home in homes.values())
            return compared(context, list(homes.values()), begins, (left, right))


@contextlib.contextmanager
def alone(settings: Settings, wait_seconds: float) -> Iterator[None]:
    """Let only one process verify a home at a time. Raises RetryableError."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with FileLock(settings.home / "verify.lock", timeout=wait_seconds):
            yield
    except Timeout:
        raise RetryableError(f"another process verifies {settings.home}; wait for it, or give --wait SECONDS") from None


def compared(context: Context, homes: Sequence[Settings], begins: str, runs: tuple[EngineRun, EngineRun]) -> Proof:
    """Compare the tables of two homes in which a day was run; `begins` describes what both began with."""
    catalogue, steps = context.catalogue, list(context.steps.values())
    behind = {place for step in steps if step not in steps_of(context) for place in step.writes}
    left, right = (Lake(home, Engine(home)) for home in homes)
    comparisons = compare(left, right, catalogue.tables)
    differences = [difference for comparison in comparisons for difference in comparison.differences]
    origins = {d: origin(catalogue, steps, d.place, d.column, d.labels) for d in differences}
    left_out = tuple(sorted(behind))
    return Proof(context.day, begins, runs, tuple(comparisons), origins, left_out)
