"""Builds every DAG: common owner, retries and limits, and tasks ordered by the steps' reads and writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, Asset, BaseSensorOperator, Context, CronDataIntervalTimetable, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from dags.occasion import occasion
from quanyu.config.settings import read_settings
from quanyu.errors import ConfigError, LaterError, RetryableError
from quanyu.run import faults
from quanyu.run import tasks as run_tasks

INGESTED, UNIFIED, TRAINED = Asset("quanyu://ingested"), Asset("quanyu://unified"), Asset("quanyu://trained")
ACTIVATED, KEPT_UP = Asset("quanyu://activated"), Asset("quanyu://kept_up")
RETRIES = 2
# Stages of which a step that fails stops no other.
FEEDING = ("results", "ingest")
# Stages whose steps run whatever failed before them, as they say themselves what is not of the day: what programmes
# brought is measured though one platform refuses its export.
UNSTOPPED = (*FEEDING, "insight")
# Tag of the DAGs whose steps send messages or export audiences.
SENDS = "sends"
# DAGs of a day, each of which the one before triggers.
CHAIN = ("ingest", "customers", "train", "activate", "upkeep")
POKE_SECONDS = 15


class Turn(BaseSensorOperator):  # type: ignore[misc]
    """Waits until no other run is active in the home; the later DAGs of a day go first."""

    def poke(self, context: Context) -> bool:
        """Whether this run may start; once it may, it stays the active one until it ends."""
        runs = context["ti"].get_dr_count

        def works(dag: str, run_id: str) -> bool:
            return bool(runs(dag, run_ids=[run_id], states=["running"]))

        return run_tasks.take_turn(self.dag_id, str(context["run_id"]), works, lambda: self._waits(runs))

    def _waits(self, runs: Any) -> bool:
        """Whether a run waits whose DAG continues an earlier DAG's work."""
        later = CHAIN[CHAIN.index(self.dag_id) + 1 :]
        return any(runs(dag, states=["queued", "running"]) for dag in later)


class Confirmed(BaseSensorOperator):  # type: ignore[misc]
    """Waits until the platforms have confirmed what was sent to them: the exports that wait run again at each poke."""

    def poke(self, context: Context) -> bool:
        """Run the exports that wait; whether none waits any more."""
        try:
            day, sends = occasion(context)
            return run_tasks.exports_confirmed(day, str(context["run_id"]), sends)
        except Exception as error:
            fault = faults.explain_error(error)
            if isinstance(fault, RetryableError):
                return False
            raise AirflowFailException(str(fault)) from None


@contextmanager
def house_dag(file: str, doc: str, schedule: Any, owner: str, tier: int) -> Iterator[DAG]:
    """Open a DAG named after its file, without catch-up, with one run at a time: its tables have a single writer.

    A text is a cron expression in the retailer's zone; each run is for the day on which its data interval begins.
    """
    zone = _zone()
    with DAG(
        dag_id=Path(file).stem,
        schedule=CronDataIntervalTimetable(schedule, timezone=zone) if isinstance(schedule, str) else schedule,
        start_date=datetime(2024, 1, 1, tzinfo=ZoneInfo(zone)),
        catchup=False,
        # Not paused: no scheduler runs unless an engineer starts one with `quanyu up --schedule`.
        is_paused_upon_creation=False,
        max_active_runs=1,
        max_active_tasks=1,
        doc_md=doc,
        params={"day": ""},
        default_args={"owner": owner, "retries": RETRIES, "retry_delay": timedelta(seconds=30)},
        tags=[f"tier {tier}", owner],
    ) as dag:
        yield dag


def _zone() -> str:
    try:
        return read_settings()[0].zone
    except ConfigError:
        return "UTC"


def stages(*names: str, then: Asset) -> None:
    """Add a task for each step of these stages, ordered by reads and writes, and announce the asset at the end.

    A source that fails does not stop the others: its published tables stay as they are, and the run continues with
    them. An invalid declaration fails the DAG's only task with its error.
    """
    try:
        steps = run_tasks.steps(names)
    except ConfigError as error:
        _invalid_declaration(str(error))
        return
    tasks = {name: _task(name, step.describes, is_stopped=step.stage not in UNSTOPPED) for name, step in steps.items()}
    before = run_tasks.order(steps)
    waits = "Waits until no other DAG run is active in this home."
    first = Turn(task_id="turn", doc_md=waits, mode="reschedule", poke_interval=POKE_SECONDS)
    for name, earlier in before.items():
        for other in earlier or (None,):
            (tasks[other] if other else first) >> tasks[name]
    # All of them: a task that runs whatever failed before it hides that from those after it.
    (list(tasks.values()) or [first]) >> announce(then)
    if any(step.reaches_people for step in steps.values()):
        first.dag.tags.add(SENDS)
    if then is INGESTED:
        list(tasks.values()) >> _verdict()


def _verdict() -> Any:
    """Add the task that fails the run if a source failed, while the tasks after it still run."""

    @task(task_id="verdict", doc_md="Fails if a source stopped, was refused or is late; the others go on.", retries=0)
    def verdict() -> None:
        pass

    return verdict()


def _invalid_declaration(words: str) -> None:
    @task(task_id="declarations", doc_md="Fails with the error of an invalid declaration.", retries=0)
    def declarations() -> None:
        run_tasks.alert_declarations_rejected(words)
        raise AirflowFailException(words)

    declarations()


def _task(name: str, describes: str, is_stopped: bool) -> Any:
    @task(task_id=name, doc_md=describes, trigger_rule="all_success" if is_stopped else "all_done")
    def perform() -> None:
        context = get_current_context()
        try:
            day, sends = occasion(context)
            run_tasks.perform(name, day, str(context["run_id"]), sends)
        except Exception as error:
            # Airflow logs an exception with its causes, which may contain values of rows.
            fault = faults.explain_error(error)
            if isinstance(fault, RetryableError) and not isinstance(fault, LaterError):
                raise fault from None
            raise AirflowFailException(str(fault)) from None

    return perform()


def announce(asset: Asset) -> Any:
    """Announce the asset to the DAGs that wait for it, with the run's day and whether its run may send."""

    @task(
        task_id="announce", outlets=[asset], trigger_rule="all_done" if asset is INGESTED else "all_success", retries=0
    )
    def announce_day() -> None:
        context = get_current_context()
        if not context["task"].outlets:
            return
        day, sends = occasion(context)
        run_tasks.check_over(day)
        context["outlet_events"][asset].extra = {"day": day.isoformat(), "sends": sends}

    return announce_day()
