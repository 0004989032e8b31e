"""Evaluates a model on a later period than those it was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml.lifecycle.train import Trained, outcomes
from quanyu.errors import ConfigError
from quanyu.grammar.model_spec import MetricGate, ModelSpec

if TYPE_CHECKING:
    import pandas as pd

    from quanyu.grammar.task import Floats


@dataclass(frozen=True)
class GateResult:
    """A gate, the metric it was compared with, and whether it passed."""

    gate: MetricGate
    value: float
    passed: bool

    def __str__(self) -> str:
        return f"{self.gate}: {self.value:.4g}, {'passed' if self.passed else 'failed'}"


@dataclass(frozen=True)
class Evaluation:
    """Metrics on the test period; a metric that cannot be computed is nan, and fails every gate on it."""

    metrics: dict[str, float]
    gates: tuple[GateResult, ...]
    scores: Floats
    labels: Floats

    @property
    def passed(self) -> bool:
        """Whether every gate passed."""
        return all(result.passed for result in self.gates)


def evaluate(spec: type[ModelSpec], trained: Trained, test: pd.DataFrame) -> Evaluation:
    """Compare predictions with outcomes at the test cutoff: one row per entity, with features and label.

    ConfigError when a training cutoff is less than the horizon before the test cutoff.
    """
    _check_cutoffs(spec, trained, test)
    scores = trained.predict(test)
    metrics = {"test_rows": float(len(test)), **spec.task.evaluate(spec, scores, test, trained.facts)}
    gates = tuple(GateResult(gate, metrics[gate.metric], gate.passes(metrics[gate.metric])) for gate in spec.gates)
    return Evaluation(metrics, gates, scores, outcomes(test))


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
