"""One day of the main job through its DAGs in this process, in the order of the assets that wake them."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quanyu import discover
from quanyu.errors import RetryableError
from quanyu.settings import child_environment

FOLDER = Path(__file__).parent


def prepare(home: Path, database: str) -> None:
    """Make one of Airflow's databases, or bring it up to date; a mark tells later runs of the version that it is there.

    What waits in the queue of assets was left by days that were run by hand before they stopped doing so.
    """
    if (mark := _mark(home, database)).exists():
        return
    _quietly(["db", "migrate"], "Airflow's database could not be made")
    _clear_queue()
    mark.touch()


def show(home: Path, database: str) -> None:
    """Let the pages and commands on a database know the DAGs, before one of them has run."""
    if (mark := _mark(home, database).with_suffix(".shown")).exists():
        return
    _quietly(["dags", "reserialize"], "Airflow could not read the DAGs")
    mark.touch()


def _mark(home: Path, database: str) -> Path:
    from importlib.metadata import version

    return home / "airflow" / f"{database}-{version('apache-airflow').replace('.', '-')}.ready"


def _quietly(words: Sequence[str], failure: str) -> None:
    """Let one of Airflow's own commands do its work without its many words. Raises RetryableError with the last."""
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
    """Order DAGs so that who announces an asset comes before whom it wakes."""
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
    """Load the DAGs of the house."""
    from airflow.sdk import DAG

    return in_order(discover.instances_in("dags", DAG))


def run(day: str) -> None:
    """Run every DAG for a day. Failures of tasks are told by their results, not raised.

    All of them run, so that none has to be woken: an asset announced here would wake a DAG when a clock is started.
    """
    for dag in dags():
        for task in dag.tasks:
            task.outlets = []
        dag.test(run_conf={"day": day})


def is_running(home: Path, dag: str, run_id: str) -> bool:
    """Whether a run of a DAG has not ended, by the database of the clock, which this process may not be on."""
    with contextlib.closing(sqlite3.connect(home / "airflow" / "airflow.db")) as database:
        query = "select 1 from dag_run where dag_id = ? and run_id = ? and state = 'running'"
        return database.execute(query, (dag, run_id)).fetchone() is not None


def end_runs_by_hand() -> None:
    """Mark as failed what runs by hand left when they were killed: a scheduler would go on with it."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType

    by_hand = (DagRun.state == DagRunState.RUNNING, DagRun.triggered_by == DagRunTriggeredByType.TEST)
    with create_session() as session:
        for left in session.query(DagRun).filter(*by_hand):
            left.set_state(DagRunState.FAILED)
