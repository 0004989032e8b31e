"""Measures every day how models hold up: drift against training, and what came true once the horizon is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from math import isfinite
from typing import TYPE_CHECKING, Any

from ml.lifecycle.champions.artifacts import REFERENCE
from ml.lifecycle.champions.versions import ModelVersion
from ml.lifecycle.frames import dataset
from ml.lifecycle.registry import Registry
from ml.lifecycle.scoring.drift import LARGE, SCORE, psi
from ml.lifecycle.scoring.realised import known_outcomes, scores_on
from quanyu.errors import KeeperError, QuanyuError, RetryableError
from quanyu.grammar.model_spec import ModelSpec
from quanyu.lake.receipt import Receipt
from quanyu.model.monitoring import ModelMonitoring
from quanyu.run.faults import explain_error
from quanyu.run.runner import Context, Outcome

if TYPE_CHECKING:
    import pandas as pd

PLACE = "gold/model_monitoring"
# A realised AUC so far below the one of the test period, or a calibration outside this band, asks for a training.
LOSS_OF_AUC = 0.05
CALIBRATION = (0.8, 1.25)
Row = dict[str, Any]


def monitor(context: Context, receipt: Receipt) -> Outcome:
    """Write the measures of every model that scored. What is bad asks for a new training, and forces none."""
    import pyarrow as pa

    registry, rows = Registry.of(context.settings), list[Row]()
    notes, alerts = list[str](), dict[str, str]()
    for spec in context.catalogue.models.values():
        try:
            measured = [*_drift(context, registry, spec), *_realised(context, registry, spec)]
        except Exception as error:
            fault = error if isinstance(error, QuanyuError) else explain_error(error)
            # The machine and the keeper fail all models.
            if isinstance(fault, RetryableError | KeeperError):
                raise
            alerts[f"{spec.name} is not monitored"] = f"{spec.name}: not monitored: {fault}"
            continue
        rows += measured
        if drifted := _drifted(measured):
            notes.append(f"{spec.name}: {drifted}")
        if words := _concern(registry, spec, measured):
            alerts[f"{spec.name} holds up badly"] = f"{spec.name}: {words}"
    context.lake.prepare(ModelMonitoring)
    if rows:
        table = pa.Table.from_pylist(rows, context.lake.arrow(PLACE).schema)
        context.lake.upsert_rows(ModelMonitoring, table, receipt, {"out": len(rows)})
    return Outcome(len(rows), len(rows), notes=(*notes, *alerts.values()), alerts=alerts)


def _drift(context: Context, registry: Registry, spec: type[ModelSpec]) -> Iterator[Row]:
    """PSI of each feature and of the score against the training of the version that scored today."""
    scores = scores_on(context, spec, context.day)
    version = _version(registry, spec, scores)
    if version is None:
        return
    try:
        bins = registry.logged(version, REFERENCE)
    except QuanyuError:
        # A version of an earlier release has none.
        return
    population = dataset.stored(context, spec)
    values = {name: population[name].to_numpy("float64") for name in bins if name != SCORE}
    values[SCORE] = scores[next(iter(spec.task.columns))].to_numpy("float64")
    for name, each in values.items():
        yield _row(context, version, context.day, "psi", name, psi(bins[name], each), len(each))


def _realised(context: Context, registry: Registry, spec: type[ModelSpec]) -> Iterator[Row]:
    """How scores came true whose outcome is known by now, at most every `trained_every_days` days."""
    trained = {str(version.version): version.trained_on for version in registry.versions(spec.name)}
    known = known_outcomes(context, spec, trained, _measured(context, spec))
    version = _version(registry, spec, known.rows) if known else None
    if known is None or version is None:
        return
    for measure, value in spec.task.realised(spec, known.rows).items():
        if isfinite(value):
            yield _row(context, version, known.scored_on, measure, SCORE, value, len(known.rows))


def _measured(context: Context, spec: type[ModelSpec]) -> list[Row]:
    """What earlier days wrote on how scores of the model came true."""
    if not context.lake.exists(PLACE):
        return []
    return [row for row in context.lake.rows(PLACE).to_pylist()
            if row["model"] == spec.name and row["measure"] != "psi" and row["measured_on"] < context.day]  # fmt: skip


def _version(registry: Registry, spec: type[ModelSpec], scores: pd.DataFrame) -> ModelVersion | None:
    numbers = set(scores["version"])
    return next((each for each in registry.versions(spec.name) if str(each.version) in numbers), None)


def _row(
    context: Context, version: ModelVersion, scored_on: date, measure: str, subject: str, value: float, rows: int
) -> Row:  # fmt: skip
    return {
        "model": version.name, "version": str(version.version), "scored_on": scored_on, "measured_on": context.day,
        "measure": measure, "subject": subject, "value": value, "rows": rows,
    }  # fmt: skip


def _drifted(rows: list[Row]) -> str:
    """Features that are distributed otherwise than in training, in words; empty if there is none."""
    drifted = [f"{row['subject']} ({row['value']:.2f})" for row in rows
               if row["measure"] == "psi" and row["subject"] != SCORE and row["value"] >= LARGE]  # fmt: skip
    return f"not as in its training (PSI): {', '.join(drifted)}" if drifted else ""


def _concern(registry: Registry, spec: type[ModelSpec], rows: list[Row]) -> str:
    """Why a model should be trained again, in words; empty if there is no reason. A drift of features alone is none."""
    reasons = [f"its score has drifted (PSI {row['value']:.2f})" for row in rows
               if row["measure"] == "psi" and row["subject"] == SCORE and row["value"] >= LARGE]  # fmt: skip
    values = {row["measure"]: row["value"] for row in rows if row["measure"] != "psi"}
    low, high = CALIBRATION
    if "calibration" in values and not low <= values["calibration"] <= high:
        reasons.append(f"foretold {values['calibration']:.2f} times what came true")
    if values.get("qini_high", 0.0) < 0:
        reasons.append(f"Qini came to {values['qini']:.3f}, surely below a random order")
    if values.get("qini_over_response_high", 0.0) < 0:
        reasons.append(f"its response model ranks better by a Qini of {-values['qini_over_response']:.3f}")
    if "auc" in values and values["auc"] < _tested(registry, spec, rows).get("auc", 0.0) - LOSS_OF_AUC:
        reasons.append(f"AUC came to {values['auc']:.3f}")
    return f"{', '.join(reasons)}: look at it, and train it (quanyu job train.{spec.name} --force)" if reasons else ""


def _tested(registry: Registry, spec: type[ModelSpec], rows: list[Row]) -> Mapping[str, float]:
    """Metrics of the version whose scores came true."""
    numbers = {row["version"] for row in rows if row["measure"] != "psi"}
    version = next(each for each in registry.versions(spec.name) if str(each.version) in numbers)
    return registry.metrics(version)
