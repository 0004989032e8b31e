"""Binary classification: the calibrated probability that a label is 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from ml.lifecycle.boosting import FOLDS, BoostedTrees, Boosting
from ml.lifecycle.plots import GREY, INK, axes_of
from ml.lifecycle.train import outcomes
from quanyu.errors import ConfigError, nearest
from quanyu.grammar.declaration import NAME
from quanyu.grammar.model_spec import Baseline, ModelSpec, NoneOf
from quanyu.grammar.table import Column
from quanyu.grammar.task import DECILE, REASONS, Examples, Task

if TYPE_CHECKING:
    import pandas as pd

    from quanyu.grammar.task import Floats

CALIBRATIONS = ("isotonic", "sigmoid")
BINS = 10
NOTHING = float("nan")


@dataclass(frozen=True)
class BinaryClassification(Task):
    """The calibrated probability that a label is 1, compared with a baseline of a single feature."""

    calibration: Annotated[str, CALIBRATIONS] = "isotonic"
    """How scores become probabilities."""
    flag: str = ""
    """Name of a column that says whether the score is above `above`, such as `at_risk`; none if empty."""
    above: float = 0.5
    """The bound of this column."""

    labels = (NoneOf,)
    columns = {"score": Column("double", "Calibrated probability.", unit="probability", at_least=0, at_most=1)}
    derived = {**DECILE, **REASONS}
    metrics = (
        "auc", "baseline_auc", "auc_over_baseline", "average_precision", "brier", "logloss", "ece", "lift_at_10pct",
        "mean_score", "positive_rate", "positives",
    )  # fmt: skip
    headings = {"auc": "AUC", "baseline_auc": "baseline AUC", "ece": "ECE", "lift_at_10pct": "lift at 10 %"}

    def flags(self) -> Mapping[str, float]:
        """The flag, if the model names one."""
        return {self.flag: self.above} if self.flag else {}

    def problems(self, spec: type[ModelSpec]) -> list[tuple[str, str]]:
        """Also: a baseline is missing, or the calibration is not known."""
        mistakes = super().problems(spec)
        if spec.baseline is None:
            mistakes.append(("baseline", "is missing: name a feature, as Baseline('view.feature', 'more')"))
        if self.calibration not in CALIBRATIONS:
            known = nearest(self.calibration, CALIBRATIONS)
            mistakes.append(("task.calibration", f"{self.calibration!r} is not known; {known}"))
        if self.flag and (not NAME.match(self.flag) or self.flag in {**self.columns, **self.derived}):
            mistakes.append(("task.flag", f"{self.flag!r} is no name, or that of another column of scores"))
        if not 0 <= self.above <= 1:
            mistakes.append(("task.above", f"{self.above!r} is no probability: between 0 and 1 are allowed"))
        return mistakes

    def shortage(self, labels: Floats) -> str:
        """Each fold needs some rows of either label."""
        rows, positives = len(labels), int(labels.sum())
        few = min(positives, rows - positives) < FOLDS * 2
        return f"{positives} of {rows} rows have the label; both outcomes are needed." if few else ""

    def facts(self, labels: Floats) -> dict[str, float]:
        """Number of rows whose label is 1."""
        return {"positives": int(labels.sum())}

    def fit(self, spec: type[ModelSpec], examples: Examples, nthread: int, seed: int) -> BoostedTrees:
        """Train a booster, and calibrate it."""
        boosting = Boosting(spec, "binary:logistic", nthread, seed)
        # Out-of-fold scores: a booster is overconfident about its own training examples.
        calibration = _calibration(self.calibration, boosting.out_of_fold(examples), examples.labels)
        return BoostedTrees(spec.features, boosting.fit(examples.matrix, examples.labels), calibration)

    def evaluate(
        self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame, facts: Mapping[str, Any]
    ) -> dict[str, float]:
        """Compute the metrics, and the AUC of the baseline on the same rows."""
        labels = outcomes(test)
        baseline = _auc(_ranks(spec.baseline, test), labels) if spec.baseline else NOTHING
        metrics = figures(predictions, labels)
        return {**metrics, "baseline_auc": baseline, "auc_over_baseline": metrics["auc"] - baseline}

    def realised(self, predictions: Floats, labels: Floats) -> Mapping[str, float]:
        """AUC, and the mean score over the share that came true."""
        if not 0 < labels.sum() < len(labels):
            return {}
        return {"auc": _auc(predictions, labels), "calibration": float(predictions.mean() / labels.mean())}

    def plots(self, predictions: Floats, labels: Floats, metrics: Mapping[str, float], title: str) -> dict[str, Any]:
        """Calibration and cumulative gain."""
        return {
            "calibration": _calibration_plot(predictions, labels, metrics, title),
            "gain": _gain_plot(predictions, labels, metrics, title),
        }


def figures(scores: Floats, labels: Floats) -> dict[str, float]:
    """Compute the metrics that need only probabilities and outcomes, both of shape (rows,)."""
    positives = float(labels.sum())
    names = ("auc", "average_precision", "brier", "logloss", "ece", "lift_at_10pct", "mean_score", "positive_rate")
    if positives in (0.0, float(len(labels))):
        return {"positives": positives, **dict.fromkeys(names, NOTHING)}
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss

    return {
        "positives": positives,
        "auc": _auc(scores, labels),
        "average_precision": float(average_precision_score(labels, scores)),
        "brier": float(brier_score_loss(labels, scores)),
        "logloss": float(log_loss(labels, scores)),
        "ece": _ece(scores, labels),
        "lift_at_10pct": _lift(scores, labels, 0.1),
        "mean_score": float(scores.mean()),
        "positive_rate": float(labels.mean()),
    }


def _binned(scores: Floats, labels: Floats) -> list[tuple[float, float, int]]:
    """Split arrays of shape (rows,) by score into bins of equal size: mean score, share of positives, rows."""
    import numpy as np

    order = np.argsort(scores, kind="stable")
    groups = [group for group in np.array_split(order, BINS) if len(group)]
    return [(float(scores[group].mean()), float(labels[group].mean()), len(group)) for group in groups]


def _ece(scores: Floats, labels: Floats) -> float:
    # Expected calibration error over bins of equal size, so that no empty bin distorts it.
    return sum(abs(mean - share) * rows for mean, share, rows in _binned(scores, labels)) / len(labels)


def _lift(scores: Floats, labels: Floats, share: float) -> float:
    import numpy as np

    top = np.argsort(-scores, kind="stable")[: max(1, round(len(scores) * share))]
    return float(labels[top].mean() / labels.mean())


def _auc(scores: Floats, labels: Floats) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores)) if 0 < labels.sum() < len(labels) else NOTHING


def _ranks(baseline: Baseline, test: pd.DataFrame) -> Floats:
    if baseline.feature not in test:
        raise ConfigError(f"The baseline's feature {baseline.feature} is not a column of the test data.")
    values = test[baseline.feature].astype("float64")
    ranked: Any = (values if baseline.higher_is == "more" else -values).fillna(values.median())
    return ranked.to_numpy()  # type: ignore[no-any-return]


def _calibration(kind: str, scores: Floats, labels: Floats) -> dict[str, Any]:
    if kind == "isotonic":
        from sklearn.isotonic import IsotonicRegression

        fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(scores, labels)
        return {"kind": kind, "x": fitted.X_thresholds_.tolist(), "y": fitted.y_thresholds_.tolist()}
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    clipped = np.clip(scores, 1e-6, 1 - 1e-6)
    line = LogisticRegression(C=1e6).fit(np.log(clipped / (1 - clipped)).reshape(-1, 1), labels)
    return {"kind": kind, "slope": float(line.coef_[0, 0]), "intercept": float(line.intercept_[0])}


def _calibration_plot(scores: Floats, labels: Floats, metrics: Mapping[str, float], title: str) -> Any:
    """Plot predicted against observed share of positives by tenth of the rows; perfect is the diagonal."""
    groups, axes = _binned(scores, labels), axes_of(title)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="as foretold")
    axes.plot([mean for mean, _, _ in groups], [share for _, share, _ in groups], "o-", color=INK, label="a tenth each")
    axes.set(xlabel="Foretold probability", ylabel="Share it came true for", xlim=(0, 1), ylim=(0, 1))
    axes.set_aspect("equal")
    axes.text(0.97, 0.04, f"ECE {metrics['ece']:.3f}", ha="right", transform=axes.transAxes, color=INK)
    axes.legend(loc="upper left", frameon=False)
    return axes.figure


def _gain_plot(scores: Floats, labels: Floats, metrics: Mapping[str, float], title: str) -> Any:
    """Plot the cumulative gain: the share of all positives among those with the highest scores."""
    import numpy as np

    positives = np.cumsum(labels[np.argsort(-scores, kind="stable")])
    total = max(positives[-1], 1.0) if len(positives) else 1.0
    share = np.arange(len(positives) + 1) / max(len(positives), 1)
    rate, axes = total / max(len(positives), 1), axes_of(title)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="by chance")
    axes.plot([0, rate, 1], [0, 1, 1], color=GREY, linewidth=1, label="perfect")
    axes.plot(share, np.concatenate([[0.0], positives]) / total, color=INK, linewidth=2, label="by score")
    axes.set(xlabel="Share of customers, highest score first", ylabel="Share of positives found")
    axes.set(xlim=(0, 1), ylim=(0, 1.01))
    axes.set_aspect("equal")
    note = f"AUC {metrics['auc']:.3f}   lift at 10 % {metrics['lift_at_10pct']:.2f}"
    axes.text(0.97, 0.04, note, ha="right", transform=axes.transAxes, color=INK)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 0.08), frameon=False)
    return axes.figure
