"""Measures every day how models hold up: drift against training, and what came true once the horizon is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from ml.lifecycle.champions.artifacts import REFERENCE
from ml.lifecycle.champions.versions import ModelVersion
from ml.lifecycle.frames import dataset
from ml.lifecycle.registry import Registry
from ml.lifecycle.scoring.drift import LARGE, SCORE, psi
from quanyu.errors import QuanyuError
from quanyu.grammar.model_spec import ModelSpec
from quanyu.lake.receipt import Receipt
from quanyu.model.monitoring import ModelMonitoring
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
        measured = [*_drift(context, registry, spec), *_realised(context, registry, spec)]
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
    """How the scores of the day came true whose horizon is over today, once in every `trained_every_days` days."""
    cutoff = spec.test_cutoff(context.day)
    # What a model of campaigns foretells comes true of those alone whom a campaign drew.
    if spec.experiment or cutoff.toordinal() % spec.trained_every_days:
        return
    scores = scores_on(context, spec, cutoff)
    version = _version(registry, spec, scores)
    if version is None:
        return
    labels = dataset.labelled(context, spec, cutoff).rows[[spec.entity.key, "label"]]
    both = scores.merge(labels, on=spec.entity.key)
    predictions = both[next(iter(spec.task.columns))].to_numpy("float64")
    for measure, value in spec.task.realised(predictions, both["label"].to_numpy("float64")).items():
        yield _row(context, version, cutoff, measure, SCORE, value, len(both))


def scores_on(context: Context, spec: type[ModelSpec], day: date) -> pd.DataFrame:
    """Scores of a model on a day: the entity's key, the version, and the first column of its task."""
    import pandas as pd
    import pyarrow.compute as pc

    place, columns = f"gold/scores_{spec.entity.name}", [spec.entity.key, "version", next(iter(spec.task.columns))]
    if not context.lake.exists(place):
        return pd.DataFrame(columns=columns)
    where = (pc.field("model") == spec.name) & (pc.field("as_of") == day)
    frame: pd.DataFrame = context.lake.arrow(place).to_table(columns=columns, filter=where).to_pandas()
    return frame


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
    if "auc" in values and values["auc"] < _tested(registry, spec, rows).get("auc", 0.0) - LOSS_OF_AUC:
        reasons.append(f"AUC came to {values['auc']:.3f}")
    return f"{', '.join(reasons)}: look at it, and train it (quanyu job train.{spec.name} --force)" if reasons else ""


def _tested(registry: Registry, spec: type[ModelSpec], rows: list[Row]) -> Mapping[str, float]:
    """Metrics of the version whose scores came true."""
    numbers = {row["version"] for row in rows if row["measure"] != "psi"}
    version = next(each for each in registry.versions(spec.name) if str(each.version) in numbers)
    return registry.metrics(version)


def plot(context: Context, name: str) -> Any:
    """Plot of matplotlib of a model over time: drift of its score and features, and how it came true."""
    from ml.lifecycle.plots import GREY, INK, axes_of

    rows = [row for row in context.lake.rows(PLACE).to_pylist() if row["model"] == name]
    axes = axes_of(f"{name} since its training")
    series: dict[tuple[str, str], list[tuple[date, float]]] = {}
    for row in sorted(rows, key=lambda row: row["scored_on"]):
        series.setdefault((row["measure"], row["subject"]), []).append((row["scored_on"], row["value"]))
    for (measure, subject), points in series.items():
        main = subject == SCORE
        width, shade = (2.0, INK) if main else (0.7, GREY)
        axes.plot([day for day, _ in points], [value for _, value in points], marker="o", markersize=3, color=shade,
                  linewidth=width, linestyle="-" if measure == "psi" else "--",
                  label=f"{measure} of {subject}" if main else None)  # fmt: skip
    axes.axhline(LARGE, color=GREY, linewidth=1, linestyle=":", label=f"large drift, {LARGE:g}")
    axes.set(xlabel="Day of the scores", ylabel="PSI against training; AUC and calibration that came true")
    axes.legend(loc="upper left", frameon=False, fontsize=8)
    axes.figure.autofmt_xdate()
    return axes.figure
