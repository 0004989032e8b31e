"""Evaluates a model on a later period than those it was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml.lifecycle.train import Trained, outcomes
from quanyu.errors import ConfigError
from quanyu.grammar.model_spec import Baseline, MetricGate, ModelSpec

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BINS = 10
NOTHING = float("nan")


@dataclass(frozen=True)
class GateResult:
    """A gate, the metric it was compared with, and whether it passed."""

    gate: MetricGate
    value: float
    passed: bool

    def __str__(self) -> str:
        return f"{self.gate}: {self.value:.4g}, {'passed' if self.passed else 'failed'}"


@dataclass(frozen=True)
class Judged:
    """Metrics on the test period; a metric that cannot be computed is nan, and fails every gate on it."""

    metrics: dict[str, float]
    gates: tuple[GateResult, ...]
    scores: Floats
    labels: Floats

    @property
    def passed(self) -> bool:
        """Whether every gate passed."""
        return all(result.passed for result in self.gates)


def judge(spec: type[ModelSpec], trained: Trained, test: pd.DataFrame) -> Judged:
    """Compare probabilities with outcomes at the test cutoff: one row per customer, with features and label.

    ConfigError when a training cutoff is less than the horizon before the test cutoff.
    """
    _check_cutoffs(spec, trained, test)
    labels = outcomes(test)
    scores = trained.predict(test)
    metrics = figures(scores, labels)
    metrics["baseline_auc"] = _auc(_baseline(spec.baseline, test), labels)
    metrics["auc_over_baseline"] = metrics["auc"] - metrics["baseline_auc"]
    gates = tuple(GateResult(gate, metrics[gate.metric], gate.passes(metrics.get(gate.metric))) for gate in spec.gates)
    return Judged(metrics, gates, scores, labels)


def figures(scores: Floats, labels: Floats) -> dict[str, float]:
    """Compute the metrics that need only probabilities and outcomes, both of shape (rows,)."""
    positives = float(labels.sum())
    counted = {"test_rows": float(len(labels)), "positives": positives}
    names = ("auc", "average_precision", "brier", "logloss", "ece", "lift_at_10pct", "mean_score", "positive_rate")
    if positives in (0.0, float(len(labels))):
        return dict.fromkeys(names, NOTHING) | counted
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss

    return counted | {
        "auc": _auc(scores, labels),
        "average_precision": float(average_precision_score(labels, scores)),
        "brier": float(brier_score_loss(labels, scores)),
        "logloss": float(log_loss(labels, scores)),
        "ece": _ece(scores, labels),
        "lift_at_10pct": _lift(scores, labels, 0.1),
        "mean_score": float(scores.mean()),
        "positive_rate": float(labels.mean()),
    }


def binned(scores: Floats, labels: Floats) -> list[tuple[float, float, int]]:
    """Split arrays of shape (rows,) by score into bins of equal size: mean score, share of positives, rows."""
    import numpy as np

    order = np.argsort(scores, kind="stable")
    groups = [group for group in np.array_split(order, BINS) if len(group)]
    return [(float(scores[group].mean()), float(labels[group].mean()), len(group)) for group in groups]


def _ece(scores: Floats, labels: Floats) -> float:
    # Expected calibration error over bins of equal size, so that no empty bin distorts it.
    return sum(abs(mean - share) * rows for mean, share, rows in binned(scores, labels)) / len(labels)


def _lift(scores: Floats, labels: Floats, share: float) -> float:
    import numpy as np

    top = np.argsort(-scores, kind="stable")[: max(1, round(len(scores) * share))]
    return float(labels[top].mean() / labels.mean())


def _auc(scores: Floats, labels: Floats) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores)) if 0 < labels.sum() < len(labels) else NOTHING


def _baseline(baseline: Baseline, test: pd.DataFrame) -> Floats:
    if baseline.feature not in test:
        raise ConfigError(f"The baseline's feature {baseline.feature} is not a column of the test data.")
    values = test[baseline.feature].astype("float64")
    ranked: Any = (values if baseline.higher_is == "more" else -values).fillna(values.median())
    return ranked.to_numpy()  # type: ignore[no-any-return]


def _check_cutoffs(spec: type[ModelSpec], trained: Trained, test: pd.DataFrame) -> None:
    import pandas as pd

    if test.empty:
        return
    newest = pd.Timestamp(max(trained.facts["cutoffs"]))
    earliest = pd.to_datetime(test["cutoff"]).min()
    if newest + pd.Timedelta(days=spec.label.horizon_days) > earliest:
        raise ConfigError(
            f"{spec.name}: the outcome of training cutoff {newest:%Y-%m-%d}"
            f" was not known at test cutoff {earliest:%Y-%m-%d}."
        )
