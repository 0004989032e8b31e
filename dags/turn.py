"""The first task of every DAG: one DAG of a home runs at a time, in the order in which they trigger each other."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseSensorOperator, Context

from quanyu.run import tasks

CHAIN = ("ingest", "customers", "train", "activate", "upkeep")
POKE_SECONDS = 15


class Turn(BaseSensorOperator):  # type: ignore[misc]
    """Waits until no other run is active in the home; the later DAGs of a day go first."""

    def poke(self, context: Context) -> bool:
        """Whether this run may start; once it may, it stays the active one until it ends."""
        runs = context["ti"].get_dr_count

        def works(dag: str, run_id: str) -> bool:
            return bool(runs(dag, run_ids=[run_id], states=["running"]))

        return tasks.take_turn(self.dag_id, str(context["run_id"]), works, lambda: self._waits(runs))

    def _waits(self, runs: Any) -> bool:
        """Whether a run waits whose DAG continues an earlier DAG's work."""
        later = CHAIN[CHAIN.index(self.dag_id) + 1 :]
        return any(runs(dag, states=["queued", "running"]) for dag in later)
