"""Records every version of the identity-resolution model in MLflow, with its match weights by field and level."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ml.lifecycle.plots import weight_plot
from ml.lifecycle.registry import Registry
from ml.lifecycle.tracking import PLAIN, SOURCE
from quanyu.lake.receipt import Receipt
from quanyu.run.runner import Context, Outcome, Step

PLACE, EXPERIMENT, TAG = "gold/identity_models", "identity", "quanyu.identity_version"


def step() -> Step:
    """The step that records versions which MLflow does not have yet."""
    return Step(
        "track.identity", "train", (PLACE,), (), "1", track,
        "Records the versions of the identity-resolution model in MLflow.", forward=True,
    )  # fmt: skip


def track(context: Context, receipt: Receipt) -> Outcome:
    """Record each version once, however often this runs; one whose recording was interrupted is recorded again."""
    if not context.lake.exists(PLACE):
        return Outcome()
    rows = context.lake.arrow(PLACE).to_table().sort_by("version").to_pylist()
    with Registry.of(context.settings).experiment(EXPERIMENT) as (client, experiment):
        runs = client.search_runs([experiment], "attributes.status = 'FINISHED'")
        recorded_versions = {run.data.tags.get(TAG) for run in runs}
        fresh = [row for row in rows if str(row["version"]) not in recorded_versions]
        for row in fresh:
            _record(experiment, row)
    return Outcome(len(rows), len(fresh), 0, len(rows) - len(fresh))


def weights(parameters: Mapping[str, Any]) -> dict[str, list[float]]:
    """Match weight in bits of each level of each comparison, lowest first: log2(m / u) (Fellegi and Sunter, 1969)."""
    return {
        name: [
            math.log2(m / u)
            for m, u in zip(probabilities["m"][1:], probabilities["u"][1:], strict=True)
            if m > 0 and u > 0
        ]
        for name, probabilities in parameters["comparisons"].items()
    }


def _record(experiment: str, row: Mapping[str, Any]) -> None:
    import mlflow

    parameters, number = json.loads(row["parameters"]), row["version"]
    params = {"version": number, "trained_on": str(row["trained_on"]), "records": row["records"]}
    params |= {"pairs": row["pairs"], **{name: parameters.get(name) for name in ("floor", "households")}}
    match_weights = weights(parameters)
    with mlflow.start_run(experiment_id=experiment, run_name=f"version {number}", tags={TAG: str(number), **SOURCE}):
        mlflow.log_params(params)
        mlflow.log_metrics({
            f"bits.{name}.{level}": bits
            for name, levels in match_weights.items() for level, bits in enumerate(levels, 1)
        })  # fmt: skip
        mlflow.log_dict(parameters, "parameters.json")
        plot = weight_plot(match_weights, f"version {number}, {row['records']:,} records")
        mlflow.log_figure(plot, "plots/weights.png", save_kwargs=PLAIN)
