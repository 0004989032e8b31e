"""Describes the schedule of a home's DAGs, for whoever starts the scheduler."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from dags.house import SENDS
from dags.inprocess import dags


def plan(zone: str, now: datetime | None = None) -> list[str]:
    """Say which DAGs run when, in the retailer's zone, and which of them send."""
    at, scheduled = now or datetime.now(UTC), dags()
    lines = ["DAGs run by the clock:"]
    lines += [f"  {dag.dag_id}: {_when(dag, ZoneInfo(zone), at)}{_paused(dag.dag_id)}" for dag in scheduled]
    sending = [dag.dag_id for dag in scheduled if SENDS in dag.tags]
    for name in sending:
        lines.append(f"{name} sends messages and exports audiences, for the newest day that is over.")
    return lines


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
