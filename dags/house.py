"""The factory of every DAG: the same owner's manners, retries and tasks drawn from the steps' reads and writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, Context, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from quanyu.discover import call

INGESTED, UNIFIED, TRAINED = Asset("quanyu://ingested"), Asset("quanyu://unified"), Asset("quanyu://trained")
ACTIVATED, KEPT_UP = Asset("quanyu://activated"), Asset("quanyu://kept_up")
RETRIES = 2


@contextmanager
def house_dag(file: str, doc: str, schedule: Any, owner: str, tier: int) -> Iterator[DAG]:
    """Open a DAG named as its file, without catch-up, one run at a time, since its tables have one writer."""
    with DAG(
        dag_id=Path(file).stem,
        schedule=schedule,
        start_date=datetime(2024, 1, 1, tzinfo=UTC),
        catchup=False,
        # The clock starts when an engineer says so; what assets wake follows by itself.
        is_paused_upon_creation=isinstance(schedule, str),
        max_active_runs=1,
        max_active_tasks=1,
        doc_md=doc,
        params={"day": ""},
        default_args={"owner": owner, "retries": RETRIES, "retry_delay": timedelta(seconds=30)},
        tags=[f"tier {tier}", owner],
    ) as dag:
        yield dag


def rooms(*names: str, then: Asset) -> None:
    """Draw a task for each step of these rooms, ordered by what they read and write, and announce the asset at the end.

    A source that stops does not stop the others: what was published of it before stays, and the run goes on with it.
    """
    steps = call("quanyu.tasks:steps")(names)
    tasks = {name: _task(name, step.describes, stops_all=step.room != "ingest") for name, step in steps.items()}
    for name, before in call("quanyu.tasks:order")(steps).items():
        for other in before:
            tasks[other] >> tasks[name]
    done = announce(then)
    last = [
        tasks[name]
        for name in steps
        if not any(name in before for before in call("quanyu.tasks:order")(steps).values())
    ]
    last >> done if last else None


def _task(name: str, describes: str, stops_all: bool) -> Any:
    @task(task_id=name, doc_md=describes, trigger_rule="all_success" if stops_all else "all_done")
    def perform() -> None:
        from quanyu.errors import QuanyuError, RetryableError

        try:
            call("quanyu.tasks:perform")(name, run_day(get_current_context()), get_current_context()["run_id"])
        except RetryableError:
            raise
        except QuanyuError as error:
            raise AirflowFailException(str(error)) from None

    return perform()


def announce(asset: Asset) -> Any:
    """Tell the DAGs that wait for it, with the day, that this one is through."""

    @task(
        task_id="announce", outlets=[asset], trigger_rule="all_done" if asset is INGESTED else "all_success", retries=0
    )
    def announce_day() -> None:
        context = get_current_context()
        context["outlet_events"][asset].extra = {"day": run_day(context).isoformat()}

    return announce_day()


def run_day(context: Context) -> date:
    """The business day: given in the run's configuration, or in the asset that woke it, else the day before today."""
    conf = (context["dag_run"].conf or {}) if context.get("dag_run") else {}
    if conf.get("day"):
        return date.fromisoformat(conf["day"])
    days = [event.extra["day"] for events in _triggers(context) for event in events if "day" in event.extra]
    return date.fromisoformat(max(days)) if days else call("quanyu.tasks:yesterday")()


def _triggers(context: Context) -> Sequence[Any]:
    return list((context.get("triggering_asset_events") or {}).values())
