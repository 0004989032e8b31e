"""Runs one day of the main job through its DAGs in this process, in the order of their assets."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quanyu import discover
from quanyu.config.settings import child_environment
from quanyu.errors import RetryableError

FOLDER = Path(__file__).parent


def prepare(home: Path, database: str) -> None:
    """Create or migrate one of Airflow's databases, and write a file that marks it as ready for this version.

    Assets that are still queued come from earlier runs by hand, and are dropped.
    """
    if (mark := _ready_file(home, database)).exists():
        return
    _airflow(["db", "migrate"], "Airflow's database could not be created or migrated")
    _clear_queue()
    mark.touch()


def show(home: Path, database: str) -> None:
    """Register the DAGs in a database, so that Airflow's pages and commands show them before the first run."""
    if (mark := _ready_file(home, database).with_suffix(".shown")).exists():
        return
    _airflow(["dags", "reserialize"], "Airflow could not read the DAGs")
    mark.touch()


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


def in_order(dags: Sequence[Any]) -> list[Any]:
    """Order DAGs so that the producer of an asset comes before the DAGs that it triggers."""
    producers = {asset.uri: dag for dag in dags for task in dag.tasks for asset in task.outlets}
    ordered: list[Any] = []

    def add(dag: Any) -> None:
        for uri in _waits_for(dag):
            if uri in producers:
                add(producers[uri])
        if dag not in ordered:
            ordered.append(dag)

    for dag in dags:
        add(dag)
    return ordered


def _waits_for(dag: Any) -> list[str]:
    return [asset.uri for asset in dag.schedule] if isinstance(dag.schedule, list | tuple) else []


def dags() -> list[Any]:
    """Load the DAGs of this folder."""
    from airflow.sdk import DAG

    return in_order(discover.instances_in("dags", DAG))


def run(day: str) -> None:
    """Run every DAG for a day. Failed tasks are reported by their results, not raised.

    Assets are not announced: they would trigger DAGs once a scheduler is started.
    """
    for dag in dags():
        for task in dag.tasks:
            task.outlets = []
        dag.test(run_conf={"day": day})


def is_running(home: Path, dag: str, run_id: str) -> bool:
    """Whether a run has not ended, according to the scheduler's database, which this process may not use itself."""
    with contextlib.closing(sqlite3.connect(home / "airflow" / "airflow.db")) as database:
        query = "select 1 from dag_run where dag_id = ? and run_id = ? and state = 'running'"
        return database.execute(query, (dag, run_id)).fetchone() is not None


def end_runs_by_hand() -> None:
    """Mark as failed the runs by hand that were killed: a scheduler would continue them."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType

    by_hand = (DagRun.state == DagRunState.RUNNING, DagRun.triggered_by == DagRunTriggeredByType.TEST)
    with create_session() as session:
        for left in session.query(DagRun).filter(*by_hand):
            left.set_state(DagRunState.FAILED)
