"""Airflow as the scheduler of the product."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dags import clock, inprocess
from quanyu.run.scheduler import Scheduler


class AirflowScheduler(Scheduler):
    """Runs the DAGs of this folder."""

    def prepare(self, home: Path, database: str) -> None:
        """Create or migrate one of Airflow's databases in a home. Raises RetryableError."""
        inprocess.prepare(home, database)

    def show(self, home: Path, database: str) -> None:
        """Register the DAGs in a database, so that Airflow's pages show them before the first run."""
        inprocess.show(home, database)

    def run(self, day: str) -> None:
        """Run every DAG for a day in this process."""
        inprocess.run(day)

    def is_running(self, home: Path, dag: str, run_id: str) -> bool:
        """Whether a scheduled run has not ended."""
        return inprocess.is_running(home, dag, run_id)

    def end_runs_by_hand(self) -> None:
        """Mark as failed the runs by hand that were killed."""
        inprocess.end_runs_by_hand()

    def plan(self, zone: str) -> Sequence[str]:
        """Say which DAGs run when by the clock, and which of them send."""
        return clock.plan(zone)
