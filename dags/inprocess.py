"""One day of the main job through its DAGs in this process, in the order of the assets that wake them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quanyu import discover
from quanyu.errors import RetryableError
from quanyu.settings import child_environment

FOLDER = Path(__file__).parent


def prepare(home: Path) -> None:
    """Make Airflow's database, or bring it up to date; a mark tells later runs of the same version that it is there.

    What waits in the queue of assets was left by days that were run by hand before they stopped doing so.
    """
    from importlib.metadata import version

    mark = home / "airflow" / f"migrated-{version('apache-airflow')}-quiet"
    if mark.exists():
        return
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    done = subprocess.run(
        command, env=child_environment({}, ["AIRFLOW_*", "QUANYU_*"]), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RetryableError(f"Airflow's database could not be made: {done.stderr.strip()[-500:]}")
    _clear_queue()
    _show()
    mark.touch()


def _show() -> None:
    """Let Airflow's pages and commands know the DAGs before one of them has run."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db

    manager = DagBundlesManager()
    manager.sync_bundles_to_db()
    for bundle in manager.get_all_dag_bundles():
        bundle.initialize()
        bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
        sync_bag_to_db(bag, bundle.name, bundle.version)


def _clear_queue() -> None:
    from airflow.models.asset import AssetDagRunQueue, AssetEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        session.query(AssetDagRunQueue).delete()
        session.query(AssetEvent).delete()


def in_order(dags: Sequence[Any]) -> list[Any]:
    """Order DAGs so that who announces an asset comes before whom it wakes."""
    made = {asset.uri: dag for dag in dags for task in dag.tasks for asset in task.outlets}
    found: list[Any] = []

    def add(dag: Any) -> None:
        for uri in _waits_for(dag):
            if uri in made:
                add(made[uri])
        if dag not in found:
            found.append(dag)

    for dag in dags:
        add(dag)
    return found


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


def is_running(dag: str, run_id: str) -> bool:
    """Whether a run of a DAG has not ended."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.state import DagRunState

    return bool(DagRun.find(dag_id=dag, run_id=[run_id], state=DagRunState.RUNNING))
