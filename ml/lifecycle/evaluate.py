"""Evaluates a model on a later period than those it was trained on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ml.evaluation.errors import less_error
from ml.evaluation.importance import importance
from ml.lifecycle.scoring.drift import distribution, psi
from ml.lifecycle.train import SEED, Trained, examples_of, inputs, outcomes
from quanyu.errors import ConfigError
from quanyu.grammar.model_spec import MetricGate, ModelSpec
from quanyu.grammar.task import Task

if TYPE_CHECKING:
    import pandas as pd

    from quanyu.grammar.task import Floats

# Whatever a model declares: it does not replace a champion that is surely better.
NOT_WORSE = MetricGate("over_champion_high", at_least=0.0)
# So many rows that what a call costs by itself does not count.
TIMED_ROWS = 20_000
# What a gate on a figure of every task says when it fails.
MEANINGS = {
    "score_drift": "its scores of the test period are not distributed as those of its training",
    "feature_drift": "a feature of the test period is not distributed as in its training",
    "main_feature_drift": "the features that it needs most are not distributed as in its training",
    "scoring_seconds": "it takes too long to score with",
}
SURELY_WORSE = "the champion of today is surely better on the same rows, or nothing says that it is not"


@dataclass(frozen=True)
class GateResult:
    """A gate, the metric it was compared with, whether it passed, and what it means if it did not."""

    gate: MetricGate
    value: float
    passed: bool
    meaning: str = ""

    def __str__(self) -> str:
        meaning = f" ({self.meaning})" if self.meaning and not self.passed else ""
        return f"{self.gate}: {self.value:.4g}, {'passed' if self.passed else 'failed'}{meaning}"


@dataclass(frozen=True)
class Evaluation:
    """Metrics on the test period; a metric that cannot be computed is nan, and fails every gate on it.

    `test` are the rows, `scores` their predictions, `leaks` signs that the features know the outcome, and `verdict` is
    what the task says on the use of the scores.
    """

    metrics: dict[str, float]
    gates: tuple[GateResult, ...]
    scores: Floats
    test: pd.DataFrame
    leaks: tuple[str, ...] = ()
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    verdict: str = ""

    @property
    def labels(self) -> Floats:
        """What came, shape (rows,)."""
        return outcomes(self.test)

    @property
    def passed(self) -> bool:
        """Whether every gate passed and nothing leaks."""
        return not self.reasons

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it does not become champion, a sentence each."""
        return tuple(str(result) for result in self.gates if not result.passed) + self.leaks


def evaluate(
    spec: type[ModelSpec], trained: Trained, test: pd.DataFrame, champion_scores: Floats | None = None,
    training: pd.DataFrame | None = None, nthread: int = 1, seed: int = SEED,
) -> Evaluation:  # fmt: skip
    """Compare predictions with outcomes at the test cutoff: one row per entity, with features and label.

    `champion_scores`, of shape (rows,), are the champion's predictions of the same rows, if there is one. With the
    training rows, also search for leaks. ConfigError when a training cutoff is less than the horizon before the test.
    """
    _check_cutoffs(spec, trained, test)
    scores, task = trained.predict(test), spec.task
    leaks: tuple[str, ...] = ()
    metrics = {"test_rows": float(len(test)), **task.evaluate(spec, scores, test, trained.facts)}
    metrics |= {"scoring_seconds": _scoring_seconds(trained, test)} if len(test) else {}
    if champion_scores is not None:
        metrics |= _compared(spec, scores, champion_scores, test)
    importances = importance(spec, trained, test, seed)
    if training is not None:
        examples = examples_of(spec, training)
        leaks = task.leaks(spec, examples, test, nthread, seed)
        of_training = trained.predictor.predict(examples.matrix)
        metrics |= task.training_metrics(spec, examples, of_training, nthread, seed)
        features = inputs(test, spec.features)
        metrics |= _drift(spec, examples.matrix, of_training, features, scores, importances) if len(test) else {}
    gates = [_result(spec, gate, metrics.get(gate.metric, float("nan"))) for gate in spec.gates]
    # A comparison that says nothing keeps the champion too.
    compared = [NOT_WORSE] if champion_scores is not None else []
    compared += [replace(NOT_WORSE, metric=name) for name in metrics if name.endswith(f"_{NOT_WORSE.metric}")]
    gates += [_result(spec, gate, metrics.get(gate.metric, float("nan")), SURELY_WORSE) for gate in compared]
    tables = task.tables(spec, scores, test, trained.facts) | importances
    return Evaluation(metrics, tuple(gates), scores, test, leaks, tables, task.verdict(spec, scores, test))


def _compared(spec: type[ModelSpec], scores: Floats, champion_scores: Floats, test: pd.DataFrame) -> dict[str, float]:
    """How much better the scores are than the champion's, by the task's own figures or by its errors."""
    task, labels = spec.task, outcomes(test)
    if type(task).compare is not Task.compare:
        return task.compare(spec, scores, champion_scores, test)
    return less_error(task.errors(scores, labels), task.errors(champion_scores, labels), "over_champion")


def _scoring_seconds(trained: Trained, test: pd.DataFrame) -> float:
    """Seconds of one core that scores of 1,000,000 rows take, from rows of the test again and again.

    Whatever else runs on the machine takes none of them.
    """
    import numpy as np

    matrix = inputs(test, trained.features)
    rows = matrix[np.arange(max(len(matrix), TIMED_ROWS)) % len(matrix)]
    began = time.process_time()
    trained.predictor.predict(rows)
    return (time.process_time() - began) / len(rows) * 1_000_000


def _drift(
    spec: type[ModelSpec], training: Floats, of_training: Floats, test: Floats, of_test: Floats,
    importances: Mapping[str, pd.DataFrame],
) -> dict[str, float]:  # fmt: skip
    """PSI of the first column of a score against the training rows, that of the feature that moved most, and the mean.

    The mean weighs each feature by the loss that shuffling it adds; a task without a loss has none.
    """
    first = [values.reshape(len(values), -1)[:, 0] for values in (of_training, of_test)]
    places = range(len(spec.features))
    features = [psi(distribution(training[:, place]), test[:, place]) for place in places]
    drift = {"score_drift": psi(distribution(first[0]), first[1]), "feature_drift": max(features)}
    if "importance" not in importances:
        return drift
    loss = importances["importance"].set_index("feature")["loss"].reindex(spec.features).clip(lower=0).to_numpy()
    return drift | {"main_feature_drift": float(loss @ features / loss.sum()) if loss.sum() > 0 else float("nan")}


def _result(spec: type[ModelSpec], gate: MetricGate, value: float, meaning: str = "") -> GateResult:
    of_metric = (MEANINGS | dict(spec.task.meanings)).get(gate.metric, "")
    return GateResult(gate, value, gate.passes(value), meaning or of_metric)


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
