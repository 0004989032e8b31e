"""The scheduler that runs the steps of a day in the order of their DAGs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class Scheduler:
    """Base of the scheduler. A file `scheduler.py` in a package beside `quanyu` declares the subclass."""

    def prepare(self, home: Path, database: str) -> None:
        """Create or migrate one of the scheduler's databases in a home. Raises RetryableError."""
        raise NotImplementedError

    def show(self, home: Path, database: str) -> None:
        """Register the DAGs in a database, so that its pages show them before the first run."""
        raise NotImplementedError

    def run(self, day: str) -> None:
        """Run every DAG for a day in this process. Failed tasks are reported by their results, not raised."""
        raise NotImplementedError

    def is_running(self, home: Path, dag: str, run_id: str) -> bool:
        """Whether a scheduled run has not ended."""
        raise NotImplementedError

    def end_runs_by_hand(self) -> None:
        """End the runs by hand that were killed: a scheduler would continue them."""
        raise NotImplementedError

    def plan(self, zone: str) -> Sequence[str]:
        """Say which DAGs run when by the clock, in the retailer's zone, and which of them send."""
        raise NotImplementedError
