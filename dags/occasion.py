"""The business day of a DAG's run and whether it may send: scheduled, backfilled, triggered by an asset or by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

from airflow.sdk import Context

from quanyu.run import business_days, tasks


def occasion(context: Context) -> tuple[date, bool]:
    """Return the business day of a run, and whether the run may send.

    The day is `day` in the run's configuration; else the day of the asset that triggered it; else the day on which its
    data interval begins in the retailer's zone; else the newest day that is over. A run may send for the newest day
    that is over, but not in a backfill, nor if a backfill triggered it.
    """
    run, newest = context["dag_run"], tasks.newest_day()
    events = [event.extra for event in _events(context) if "day" in event.extra]
    if requested := (run.conf or {}).get("day"):
        day, allowed = business_days.day_of(requested), True
    elif events:
        last = max(extra["day"] for extra in events)
        day, allowed = date.fromisoformat(last), any(e.get("sends", True) for e in events if e["day"] == last)
    elif run.run_type in ("scheduled", "backfill") and run.data_interval_start:
        day, allowed = tasks.local_day(run.data_interval_start), True
    else:
        day, allowed = newest, True
    return day, bool(allowed and run.run_type != "backfill" and day == newest)


def _events(context: Context) -> list[Any]:
    woken_by = context.get("triggering_asset_events") or {}
    return [event for events in woken_by.values() for event in events]
