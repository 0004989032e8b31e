"""Airflow as the scheduler of the product: runs the DAGs of this folder, by the clock or one day in this process."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dags.house import CHAIN, SENDS
from quanyu import imports
from quanyu.config.settings import child_environment
from quanyu.errors import RetryableError
from quanyu.run.scheduler import Scheduler


class AirflowScheduler(Scheduler):
    """Runs the DAGs of this folder."""

    def prepare(self, home: Path, database: str) -> None:
        """Create or migrate one of Airflow's databases, and write a file that marks it as ready for this version.

        Assets that are still queued come from earlier runs by hand, and are dropped.
        """
        if (mark := _ready_file(home, database)).exists():
            return
        _airflow(["db", "migrate"], "Airflow's database could not be created or migrated")
        _clear_queue()
        mark.touch()

    def show(self, home: Path, database: str) -> None:
        """Register the DAGs in a database, so that Airflow's pages and commands show them before the first run."""
        if (mark := _ready_file(home, database).with_suffix(".shown")).exists():
            return
        _airflow(["dags", "reserialize"], "Airflow could not read the DAGs")
        mark.touch()

    def run(self, day: str) -> None:
        """Run every DAG for a day. Failed tasks are reported by their results, not raised.

        Assets are not announced: they would trigger DAGs once a scheduler is started. Platforms are asked once, within
        the exports: the DAG that polls them waits for hours.
        """
        for dag in (dag for dag in _dags() if dag.dag_id in CHAIN):
            for task in dag.tasks:
                task.outlets = []
            dag.test(run_conf={"day": day})

    def is_running(self, home: Path, dag: str, run_id: str) -> bool:
        """Whether a run has not ended, according to the scheduler's database, which this process may not use itself."""
        with contextlib.closing(sqlite3.connect(home / "airflow" / "airflow.db")) as database:
            query = "select 1 from dag_run where dag_id = ? and run_id = ? and state = 'running'"
            return database.execute(query, (dag, run_id)).fetchone() is not None

    def end_runs_by_hand(self) -> None:
        """Mark as failed the runs by hand that were killed: a scheduler would continue them."""
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session
        from airflow.utils.state import DagRunState
        from airflow.utils.types import DagRunTriggeredByType

        by_hand = (DagRun.state == DagRunState.RUNNING, DagRun.triggered_by == DagRunTriggeredByType.TEST)
        with create_session() as session:
            for left in session.query(DagRun).filter(*by_hand):
                left.set_state(DagRunState.FAILED)

    def plan(self, zone: str) -> Sequence[str]:
        """Say which DAGs run when, in the retailer's zone, and which of them send."""
        at, scheduled = datetime.now(UTC), _dags()
        lines = ["DAGs run by the clock:"]
        lines += [f"  {dag.dag_id}: {_when(dag, ZoneInfo(zone), at)}{_paused(dag.dag_id)}" for dag in scheduled]
        sending = [dag.dag_id for dag in scheduled if SENDS in dag.tags]
        for name in sending:
            lines.append(f"{name} sends messages and exports audiences, for the newest day that is over.")
        return lines


def _ready_file(home: Path, database: str) -> Path:
    from importlib.metadata import version

    return home / "airflow" / f"{database}-{version('apache-airflow').replace('.', '-')}.ready"


def _airflow(words: Sequence[str], failure: str) -> None:
    """Run an Airflow command without its output. Raises RetryableError with the last lines if it fails."""
    command = [sys.executable, "-m", "airflow", *words]
    environment = child_environment({}, ["AIRFLOW_*", "QUANYU_*"])
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RetryableError(f"{failure}: {done.stderr.strip()[-500:]}")


def _clear_queue() -> None:
    from airflow.models.asset import AssetDagRunQueue, AssetEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        session.query(AssetDagRunQueue).delete()
        session.query(AssetEvent).delete()


def _dags() -> list[Any]:
    """The DAGs of this folder, the producer of an asset before the DAGs that it triggers."""
    from airflow.sdk import DAG

    by_name = {dag.dag_id: dag for dag in imports.instances_in("dags", DAG)}
    producers = {asset.uri: name for name, dag in by_name.items() for task in dag.tasks for asset in task.outlets}
    waits_for: dict[str, list[str]] = {}
    for name, dag in by_name.items():
        assets = dag.schedule if isinstance(dag.schedule, list | tuple) else ()
        waits_for[name] = [producers[asset.uri] for asset in assets if asset.uri in producers]
    return [by_name[name] for name in TopologicalSorter(waits_for).static_order()]


def _when(dag: Any, zone: ZoneInfo, now: datetime) -> str:
    """Say when a DAG runs next: at once, if it has not run for its latest data interval."""
    if isinstance(dag.schedule, list | tuple):
        return "when the one before has ended"
    from airflow.models.dagrun import DagRun
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction

    timetable = coerce_to_core_timetable(dag.timetable)
    last = timetable.infer_manual_data_interval(run_after=now)
    following = timetable.next_dagrun_info(
        last_automated_data_interval=last, restriction=TimeRestriction(earliest=None, latest=None, catchup=True)
    )
    runs = DagRun.find(dag_id=dag.dag_id, logical_date=last.start)
    next_run = f"next on {following.run_after.astimezone(zone):%Y-%m-%d at %H:%M} ({zone}), for the day before"
    return next_run if runs else f"now, for {last.start.astimezone(zone):%Y-%m-%d}, then {next_run}"


def _paused(name: str) -> str:
    from airflow.models.dag import DagModel

    dag = DagModel.get_current(name)
    return f" - paused: quanyu airflow dags unpause {name}" if dag and dag.is_paused else ""
