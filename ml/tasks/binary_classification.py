"""Binary classification: the calibrated probability that a label is 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from ml.buying.no_purchase import PurchasePast, probability_of_none
from ml.evaluation import calibration as calibrations
from ml.evaluation.binary import NOTHING, BinaryTest, binned, paired
from ml.evaluation.costs import ContactPrice
from ml.evaluation.leaks import auc_of, learned_from_nothing, too_good_alone
from ml.evaluation.resamples import units_of
from ml.evaluation.segments import by_segment, worst
from ml.evaluation.unknown_values import MIDDLE, best_share, placed
from ml.lifecycle.boosting import FOLDS, BoostedTrees, Boosting
from ml.lifecycle.train import inputs, outcomes
from quanyu.errors import ConfigError, nearest
from quanyu.grammar.declaration import NAME
from quanyu.grammar.model_spec import AnyOf, Baseline, ModelSpec, NoneOf
from quanyu.grammar.table import Column
from quanyu.grammar.task import DECILE, REASONS, Examples, Task, unlisted

if TYPE_CHECKING:
    import pandas as pd

    from ml.evaluation.leaks import Learner
    from quanyu.grammar.task import Floats

CALIBRATIONS = ("isotonic", "sigmoid")
OBJECTIVE = "binary:logistic"
# Trees of a check of leaks: a leak needs few.
TREES = 50
WITH_BOUNDS = (
    "auc", "average_precision", "lift_at_10pct", "baseline_auc", "baseline_average_precision",
    "baseline_lift_at_10pct", "auc_over_baseline", "average_precision_over_baseline", "brier", "baseline_brier",
    "logloss", "mean_score", "positive_rate", "calibration_in_the_large",
)  # fmt: skip
OF_SEGMENTS = ("segment_auc", "segment_calibration")
BASELINE_UNKNOWN = "baseline_unknown_above"
PLAIN = (
    "positives", "ece", "tenths_on_one_side", "one_sided_shift", "one_sided_error", "training_rate", BASELINE_UNKNOWN,
)  # fmt: skip
OF_CONTACTS = ("contacted_share", "profit", "baseline_profit", "profit_of_all")


def _with_bounds(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{name}{end}" for name in names for end in ("", "_low", "_high"))


OF_PAST = ("bg_nbd_auc", *_with_bounds(("auc_over_bg_nbd",)))


@dataclass(frozen=True)
class BinaryClassification(Task):
    """The calibrated probability that a label is 1, compared with a baseline of a single feature."""

    calibration: Annotated[str, CALIBRATIONS] = "isotonic"
    """How scores become probabilities."""
    contact_cost: float = 0.0
    """What it costs to contact one of those with a high score, in the house's currency; 0 where nobody is contacted."""
    margin: float = 0.0
    """What a contact brings with somebody whose label is 1, before its cost, in the house's currency."""
    too_good: float = 0.95
    """AUC of a single feature from which it is taken for one that knows the outcome."""
    flag: str = ""
    """Name of a column that says whether the score is above `above`, such as `at_risk`; none if empty."""
    above: float = 0.5
    """The bound of this column."""
    past: PurchasePast | None = None
    """Features of past purchases: BG/NBD's probability of none is then a feature more, and a baseline."""

    labels = (NoneOf, AnyOf)
    columns = {"score": Column("double", "Calibrated probability.", unit="probability", at_least=0, at_most=1)}
    derived = {**DECILE, **REASONS}
    metrics = (*PLAIN, *OF_SEGMENTS, *_with_bounds(WITH_BOUNDS), *_with_bounds(OF_CONTACTS), *OF_PAST)
    meanings = {
        "test_rows": "too few to judge it by",
        "positives": "too few of them came true to judge it by",
        "auc": "it ranks too poorly to act on",
        "auc_over_baseline": "the baseline alone ranks as well",
        "auc_over_baseline_low": "it may rank no better than the baseline alone",
        "auc_over_bg_nbd": "BG/NBD alone ranks as well",
        "auc_over_bg_nbd_low": "it may rank no better than BG/NBD alone",
        "ece": "foretold and real shares differ too much",
        "calibration_in_the_large": "it foretells too many or too few on the whole",
        "one_sided_shift": "nearly every tenth of the scores is off to the same side",
        "one_sided_error": "nearly every tenth of the scores is off to the same side",
        "segment_auc": "in one segment it surely ranks no better than that",
        "segment_calibration": "in one segment it surely foretells so many times too much or too little",
        "profit_low": "to contact those whom it names may cost more than it brings",
    }
    headings = {"auc": "AUC", "baseline_auc": "baseline AUC", "calibration_in_the_large": "foretold / came",
                "lift_at_10pct": "lift at 10 %"}  # fmt: skip

    def flags(self) -> Mapping[str, float]:
        """The flag, if the model names one."""
        return {self.flag: self.above} if self.flag else {}

    def problems(self, spec: type[ModelSpec]) -> list[tuple[str, str]]:
        """Also: a baseline is missing, a calibration is not known, or a contact has a cost and no margin."""
        mistakes = super().problems(spec)
        if spec.baseline is None:
            mistakes.append(("baseline", "is missing: name a feature, as Baseline('view.feature', 'more')"))
        if self.calibration not in CALIBRATIONS:
            known = nearest(self.calibration, CALIBRATIONS)
            mistakes.append(("task.calibration", f"{self.calibration!r} is not known; {known}"))
        if not (self.contact_cost == self.margin == 0 or 0 < self.contact_cost < self.margin):
            amounts = f"contact_cost {self.contact_cost:g} and margin {self.margin:g}"
            mistakes.append(("task.margin", f"{amounts}: a contact costs something, and less than it may bring"))
        gated = [gate.metric for gate in spec.gates]
        if self.contacts is None:
            costly = [metric for metric in gated if metric in _with_bounds(OF_CONTACTS)]
            mistakes += [("gates", f"{metric!r} needs contact_cost and margin of the task") for metric in costly]
        if self.past is None:
            mistakes += [("gates", f"{metric!r} needs past of the task") for metric in gated if metric in OF_PAST]
        else:
            mistakes += unlisted(spec, "task.past", astuple(self.past))
        if not spec.segments:
            mistakes += [("gates", f"{metric!r} needs segments") for metric in gated if metric in OF_SEGMENTS]
        if self.flag and (not NAME.match(self.flag) or self.flag in {**self.columns, **self.derived}):
            mistakes.append(("task.flag", f"{self.flag!r} is no name, or that of another column of scores"))
        if not 0 <= self.above <= 1:
            mistakes.append(("task.above", f"{self.above!r} is no probability: between 0 and 1 are allowed"))
        return mistakes

    @property
    def contacts(self) -> ContactPrice | None:
        """What a contact costs and brings; None where it is not declared."""
        return ContactPrice(self.contact_cost, self.margin) if self.contact_cost else None

    def shortage(self, labels: Floats) -> str:
        """Each fold needs some rows of either label."""
        rows, positives = len(labels), int(labels.sum())
        few = min(positives, rows - positives) < FOLDS * 2
        return f"{positives} of {rows} rows have the label; both outcomes are needed." if few else ""

    def facts(self, spec: type[ModelSpec], training: pd.DataFrame) -> dict[str, float]:
        """Number and share of rows whose label is 1, and the place of rows for which the baseline has no value."""
        labels = outcomes(training)
        share = best_share(ranks(spec.baseline, training), labels) if spec.baseline else MIDDLE
        return {"positives": int(labels.sum()), "positive_rate": float(labels.mean()), BASELINE_UNKNOWN: share}

    def fit(self, spec: type[ModelSpec], examples: Examples, nthread: int, seed: int) -> BoostedTrees:
        """Train a booster, and calibrate it."""
        history = self.past.fit(spec.features, examples, spec.label.horizon_days) if self.past else {}
        if history:
            history["unknown_above"] = best_share(_by_past(spec, history, examples.matrix), examples.labels)
        boosting = Boosting(spec, OBJECTIVE, nthread, seed, history)
        calibration = calibrations.curve(self.calibration, *calibrations.held_out(spec, boosting, examples))
        return BoostedTrees(spec.features, boosting.fit(examples.matrix, examples.labels), calibration, history)

    def learned(self, predictor: Any) -> dict[str, Any]:
        """BG/NBD of the past, if the task has one."""
        return {"bg_nbd": predictor.history} if predictor.history else {}

    def loss(self, predictions: Floats, labels: Floats) -> float:
        """Log loss."""
        import numpy as np

        safe = np.clip(predictions, 1e-6, 1 - 1e-6)
        return float(-np.log(np.where(labels == 1, safe, 1 - safe)).mean())

    def evaluate(
        self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame, facts: Mapping[str, Any]
    ) -> dict[str, float]:
        """Compute the metrics with their bounds, and those of the baseline on the same rows."""
        labels = outcomes(test)
        if labels.sum() in (0.0, float(len(labels))):
            return dict.fromkeys(self.metrics, NOTHING) | {"positives": float(labels.sum())}
        units = units_of(test[spec.entity.key])
        of_training = {"training_rate": float(facts["positive_rate"]), BASELINE_UNKNOWN: facts[BASELINE_UNKNOWN]}
        metrics = self._tested(spec, predictions, test, of_training).metrics() | of_training
        # Over what came, with its sign: a shift of .03 is little where 40 % come true, and much where 4 % do.
        over = 1 if metrics["mean_score"] > metrics["positive_rate"] else -1
        metrics["one_sided_error"] = over * metrics["one_sided_shift"] / metrics["positive_rate"]
        if history := facts.get("bg_nbd"):
            by_past = placed(_by_past(spec, history, inputs(test, spec.features)), history["unknown_above"])
            metrics |= {"bg_nbd_auc": auc_of(by_past, labels)}
            metrics |= paired(predictions, by_past, labels, "auc_over_bg_nbd", units)
        poorest = worst(by_segment(spec.segments, predictions, test, units)) if spec.segments else {}
        return metrics | poorest

    def realised(self, spec: type[ModelSpec], rows: pd.DataFrame) -> Mapping[str, float]:
        """AUC, and the mean score over the share that came true."""
        predictions, labels = rows["score"].to_numpy("float64"), outcomes(rows)
        if not 0 < labels.sum() < len(labels):
            return {}
        return {"auc": auc_of(predictions, labels), "calibration": float(predictions.mean() / labels.mean())}

    def compare(
        self, spec: type[ModelSpec], predictions: Floats, champion: Floats, test: pd.DataFrame
    ) -> dict[str, float]:
        """AUC over that of the champion on the same rows."""
        return paired(predictions, champion, outcomes(test), units=units_of(test[spec.entity.key]))

    def leaks(
        self, spec: type[ModelSpec], examples: Examples, test: pd.DataFrame, nthread: int, seed: int
    ) -> tuple[str, ...]:
        """A single feature that is too good, and shuffled labels that are learned."""
        labels = outcomes(test)
        if self.shortage(labels):
            return ()
        rows, learn = (inputs(test, spec.features), labels), _learner(spec, nthread, seed)
        alone = too_good_alone(spec.features, examples, rows, learn, self.too_good)
        return (*alone, *learned_from_nothing(examples, rows, learn, seed))

    def training_metrics(
        self, spec: type[ModelSpec], examples: Examples, predictions: Floats, nthread: int, seed: int
    ) -> dict[str, float]:
        """AUC on the training rows, and by a random half of the training rows on the other half."""
        import numpy as np

        inside = np.random.default_rng(seed).random(len(examples.labels)) < 0.5
        learn = _learner(spec, nthread, seed)
        scores = learn(examples.matrix[inside], examples.labels[inside], examples.matrix[~inside])
        return {
            "training_auc": auc_of(predictions, examples.labels),
            "random_split_auc": auc_of(scores, examples.labels[~inside]),
        }

    def tables(
        self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame, facts: Mapping[str, Any]
    ) -> dict[str, pd.DataFrame]:
        """Tenths by score, highest first, and segments."""
        import pandas as pd

        labels = outcomes(test)
        columns = ["foretold", "came", "rows"]
        tenths = pd.DataFrame(binned(predictions, labels)[::-1] if len(labels) else [], columns=columns)
        tenths.insert(0, "tenth", range(1, len(tenths) + 1))
        tenths["lift"] = tenths["came"] / labels.mean() if labels.any() else NOTHING
        units = units_of(test[spec.entity.key])
        segments = {"segments": by_segment(spec.segments, predictions, test, units)} if spec.segments else {}
        return {"tenths": tenths, **segments}

    def plots(
        self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame, metrics: Mapping[str, float], title: str
    ) -> dict[str, Any]:
        """ROC, precision and recall, calibration, cumulative gain, and cost curve."""
        from ml.evaluation.curves import plots

        tested = self._tested(spec, predictions, test, metrics)
        return plots(tested, dict(metrics), spec.baseline.feature if spec.baseline else "", title)

    def _tested(
        self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame, of_training: Mapping[str, float]
    ) -> BinaryTest:  # fmt: skip
        baseline = placed(ranks(spec.baseline, test), of_training[BASELINE_UNKNOWN]) if spec.baseline else predictions
        rate, units = of_training["training_rate"], units_of(test[spec.entity.key])
        return BinaryTest(predictions, outcomes(test), baseline, rate, self.contacts, units)


def ranks(baseline: Baseline, rows: pd.DataFrame) -> Floats:
    """Values of the baseline's feature, shape (rows,), of which a higher one foretells a 1; nan for null."""
    import numpy as np

    if baseline.feature not in rows:
        raise ConfigError(f"The baseline's feature {baseline.feature} is not a column of the data.")
    values = np.asarray(rows[baseline.feature].astype("float64"), dtype=np.float64)
    return values if baseline.higher_is == "more" else -values


def _by_past(spec: type[ModelSpec], history: dict[str, Any], matrix: Floats) -> Floats:
    """BG/NBD's probability of a 1, or what rises with it, shape (rows,); nan where the past is not known."""
    none = probability_of_none(history, matrix)
    return none if isinstance(spec.label, NoneOf) else -none


def _learner(spec: type[ModelSpec], nthread: int, seed: int) -> Learner:
    """Learns with few trees and without declared directions, which would find the outcome in noise."""
    estimator = spec.estimator
    params = {**estimator.params, "n_estimators": min(int(estimator.params.get("n_estimators", TREES)), TREES)}
    plain = spec.with_estimator(replace(estimator, params=params, rising=(), falling=()))
    boosting = Boosting(plain, OBJECTIVE, nthread, seed)

    def learn(matrix: Floats, labels: Floats, others: Floats) -> Floats:
        import xgboost

        scores: Floats = boosting.fit(matrix, labels).predict(xgboost.DMatrix(others, nthread=1)).astype("float64")
        return scores

    return learn
