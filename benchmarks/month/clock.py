"""The last two days of the month by the scheduler: `quanyu up --schedule`.

The newest complete day is run by the clock itself. The day before it waits as a run that was triggered on the page. The
scheduler decides which comes first: a day that is not the newest only computes, or changes nothing where the home is at
the newest already; it sends nothing.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

from benchmarks.month.month import Month, say
from benchmarks.month.process import Command, Ended, alone
from benchmarks.month.server import SOUND, free_port

PATIENCE_SECONDS, POLL_SECONDS = 1500, 3.0
FIRST_DAG, LAST_DAG = "ingest", "upkeep"


def by_clock(month: Month, place: int) -> None:
    """Land the files of two days, and let the scheduler run both."""
    before, newest = (month.first + timedelta(days=number) for number in (place, place + 1))
    for number in (place, place + 1):
        month.landing.day(number, month.accepted)
    month.pass_a_day()
    began, earlier = time.monotonic(), {run for _, run, _ in _runs(month, set())}
    with alone(month.lock):
        _, new = month.attempt(SOUND, lambda: _scheduled(month, before.isoformat(), earlier))
    month.judge(newest, "by the clock", new)
    runs = _runs(month, earlier)
    failed = [f"{dag} {run}: {state}" for dag, run, state in runs if state != "success"]
    say(newest, SOUND.name, "by the clock", Ended(len(failed), time.monotonic() - began), len(new))
    month.claims.counts["messages accepted by the clock"] += len(new)
    month.claims.counts["runs of DAGs by the scheduler"] += len(runs)
    for words in failed:
        print(f"  did not succeed: {words}")


def _scheduled(month: Month, day: str, earlier: set[str]) -> Command:
    """Open the pages, trigger a run for a day, start the scheduler, and wait until both days are done.

    Returns the command that stops it all.
    """
    ports = ("--airflow-port", str(free_port()), "--mlflow-port", str(free_port()))
    try:
        _command(month, "up", *ports)
        _wait(month, lambda: _is_known(month), "the DAGs were not read")
        _command(month, "airflow", "dags", "trigger", FIRST_DAG, "--conf", json.dumps({"day": day}))
        _command(month, "up", "--schedule", *ports)
        _wait(month, lambda: _are_through(_runs(month, earlier)), "the days were not run")
    finally:
        down = Command(month.log, month.conf, month.home, "down")
    return down


def _command(month: Month, *words: str) -> None:
    command = Command(month.log, month.conf, month.home, *words)
    if command.process.wait(PATIENCE_SECONDS):
        raise SystemExit(f"quanyu {words[0]} ended with exit code {command.process.returncode}; see {month.log}")


def _wait(month: Month, done: Callable[[], bool], words: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        if time.monotonic() > deadline:
            print(f"{words} within {PATIENCE_SECONDS} seconds")
            return
        time.sleep(POLL_SECONDS)


def _is_known(month: Month) -> bool:
    return bool(_asked(month, "select dag_id from dag where dag_id = ?", (LAST_DAG,)))


def _are_through(runs: list[tuple[str, str, str]]) -> bool:
    """Whether each of the two days has finished the last DAG, or failed before it."""
    ended = [dag for dag, _, state in runs if state in ("success", "failed")]
    stopped = [dag for dag, _, state in runs if state == "failed" and dag not in (LAST_DAG, FIRST_DAG)]
    return ended.count(LAST_DAG) + len(stopped) >= 2


def _runs(month: Month, earlier: set[str]) -> list[tuple[str, str, str]]:
    """DAG, name and state of every run that is not an earlier one."""
    return [run for run in _asked(month, "select dag_id, run_id, state from dag_run", ()) if run[1] not in earlier]


def _asked(month: Month, query: str, values: tuple[str, ...]) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(month.home / "airflow" / "airflow.db", timeout=30)) as database:
        return database.execute(query, values).fetchall()
