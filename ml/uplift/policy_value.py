"""What a plan is worth, estimated on randomised rows that nothing was learned from: doubly robust, with intervals.

Dudík, Langford and Li (2011), Doubly robust policy evaluation and learning. The estimate is unbiased as the
probabilities of the arms are known; the models of the outcome, learned from other rows, only make it less noisy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.uplift.experiment import Floats, Ints
from ml.uplift.learners import expected, trained
from ml.uplift.resampling import ConfidenceInterval, draws_of
from quanyu.errors import ConfigError


@dataclass(frozen=True)
class ArmsExperiment:
    """A campaign with several arms, of which the first is the control. ConfigError where it does not hold together.

    `matrix` has shape (rows, features), `arm` (numbers of the arms), `outcome` and `customers` (rows,), `probability`
    of each arm (rows, arms): an arm that a row could not get has 0.
    """

    arms: tuple[str, ...]
    matrix: Floats
    arm: Ints
    outcome: Floats
    probability: Floats
    customers: Ints

    def __post_init__(self) -> None:
        own = self.probability[np.arange(len(self.arm)), self.arm]
        if not ((own > 0).all() and np.allclose(self.probability.sum(axis=1), 1)):
            raise ConfigError("The probabilities of a row's arms must add up to 1, with more than 0 for its own arm.")
        if not np.isfinite(self.outcome).all():
            raise ConfigError("Each row of an experiment needs an outcome that is a finite number.")
        missing = [name for number, name in enumerate(self.arms) if not (self.arm == number).any()]
        if missing:
            raise ConfigError(f"An experiment needs rows of every arm; there is none of {', '.join(missing)}.")

    def select(self, rows: Ints) -> ArmsExperiment:
        """Return some of the rows, by number."""
        return ArmsExperiment(
            self.arms, self.matrix[rows], self.arm[rows], self.outcome[rows], self.probability[rows],
            self.customers[rows],
        )  # fmt: skip


@dataclass(frozen=True)
class OutcomeByArm:
    """A model of the outcome for each arm."""

    models: tuple[Any, ...]

    @classmethod
    def fit(cls, base: Any, experiment: ArmsExperiment, seed: int) -> OutcomeByArm:
        """Train a copy of an estimator on the rows of each arm, each row by the inverse probability of its arm."""
        models = []
        for number in range(len(experiment.arms)):
            rows = experiment.arm == number
            weights = 1 / experiment.probability[rows, number]
            models.append(
                trained(base, seed, experiment.matrix[rows], experiment.outcome[rows], weights / weights.mean())
            )
        return cls(tuple(models))

    def predict(self, matrix: Floats) -> Floats:
        """Return the expected outcome of each row under each arm: shape (rows, arms)."""
        return np.column_stack([expected(model, matrix) for model in self.models])


def doubly_robust(experiment: ArmsExperiment, expected_outcome: Floats) -> Floats:
    """Return an unbiased estimate of each row's outcome under each arm, shape (rows, arms); nan where it cannot get it.

    `expected_outcome`, shape (rows, arms), comes from models that have not seen these rows.
    """
    own = experiment.arm[:, None] == np.arange(len(experiment.arms))
    possible = experiment.probability > 0
    inverse = np.divide(own, experiment.probability, out=np.zeros(own.shape), where=possible)
    outcomes = expected_outcome + inverse * (experiment.outcome[:, None] - expected_outcome)
    return np.where(possible, outcomes, np.nan)


def plan_gains(outcomes: Floats, margins: Floats, costs: Floats) -> Floats:
    """Return what each arm gains over the control, shape (rows, arms): uplift times margin, minus cost.

    `outcomes` has shape (rows, arms), expected or doubly robust; `margins` and `costs`, shape (arms,), are in currency,
    and 0 for the control.
    """
    return (outcomes - outcomes[:, [0]]) * margins - costs


@dataclass(frozen=True)
class PlanValues:
    """What plans gain per customer, and how much more than a reference, with intervals, paired by customer."""

    values: Mapping[str, ConfidenceInterval]
    over: Mapping[str, ConfidenceInterval]
    reference: str


def plan_values(
    plans: Mapping[str, Floats], reference: str, customers: Ints, repeats: int = 400, seed: int = 0
) -> PlanValues:
    """Compare plans by what each gains on each held-out row, shape (rows,) per plan, with one of them as reference."""
    names = list(plans)
    gains = np.stack([plans[name] for name in names])
    draws = np.stack([gains @ counts / counts.sum() for counts in draws_of(customers, repeats, seed)])
    own, base = gains.mean(axis=1), names.index(reference)
    values, over = (
        {name: ConfidenceInterval.of(float(figure[at]), drawn[:, at]) for at, name in enumerate(names)}
        for figure, drawn in ((own, draws), (own - own[base], draws - draws[:, [base]]))
    )
    return PlanValues(values, over, reference)


def gained(gains: Floats, chances: Floats) -> Floats:
    """What a plan gains on each row, shape (rows,), if it gives each arm with the chances of shape (rows, arms).

    ConfigError if it would give an arm that the experiment never gave to the row.
    """
    if np.isnan(gains[chances > 0]).any():
        words = "A plan gives an arm to customers to whom the experiment never gave it; nobody knows its value."
        raise ConfigError(words)
    return np.asarray(np.where(chances > 0, gains * chances, 0).sum(axis=1))
