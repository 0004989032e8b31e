"""Learners of uplift over any estimator of scikit-learn's form, and the response model that they must beat.

Classifiers learn outcomes of 0 and 1, regressors any number. A seed is given to every estimator that has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ml.uplift.experiment import Experiment, Floats


class Scorer(Protocol):
    """What a learner has learned."""

    def predict(self, matrix: Floats) -> Floats:
        """Return a number per row of features, by which customers are ranked: shape (rows,)."""


class Learner(Protocol):
    """Learns from an experiment."""

    def fit(self, experiment: Experiment, seed: int) -> Scorer:
        """Train. The result depends on nothing but the rows and the seed."""


@dataclass(frozen=True)
class SLearner:
    """One model of the outcome with the treatment as a feature, alone and times each feature.

    Künzel et al. (2019), Metalearners for estimating heterogeneous treatment effects; the products, by which a linear
    model can tell customers apart, are from Lo (2002), The true lift model.
    """

    base: Any

    def fit(self, experiment: Experiment, seed: int) -> Scorer:
        """Train one model on both arms."""
        inputs = _with_treatment(experiment.matrix, experiment.treated.astype(np.float64))
        return SingleModel(trained(self.base, seed, inputs, experiment.outcome, experiment.weights))


@dataclass(frozen=True)
class SingleModel:
    """A model of the outcome that knows the treatment."""

    model: Any

    def predict(self, matrix: Floats) -> Floats:
        """Return the expected outcome with treatment, less that without: shape (rows,)."""
        rows = len(matrix)
        treated, control = (_with_treatment(matrix, flags) for flags in (np.ones(rows), np.zeros(rows)))
        return expected(self.model, treated) - expected(self.model, control)


@dataclass(frozen=True)
class TLearner:
    """One model for each arm. Künzel et al. (2019)."""

    base: Any

    def fit(self, experiment: Experiment, seed: int) -> Scorer:
        """Train two models."""
        treated, control = (trained(self.base, seed, arm.matrix, arm.outcome, arm.weights) for arm in _arms(experiment))
        return TwoModels(treated, control)


@dataclass(frozen=True)
class TwoModels:
    """A model of the outcome for each arm."""

    treated: Any
    control: Any

    def predict(self, matrix: Floats) -> Floats:
        """Return the difference of the expected outcomes: shape (rows,)."""
        return expected(self.treated, matrix) - expected(self.control, matrix)


@dataclass(frozen=True)
class ClassTransformation:
    """One classifier of whether the outcome suits the arm: 1 if treated, 0 if not. A regressor learns pseudo-effects.

    Rows are weighted by the inverse probability of their arm, so that twice the probability less 1 is the uplift for
    any probability of treatment. Jaskowski and Jaroszewicz (2012), Uplift modeling for clinical trial data; for
    regressors Athey and Imbens (2016).
    """

    base: Any

    def fit(self, experiment: Experiment, seed: int) -> Scorer:
        """Train one model on both arms."""
        if not hasattr(self.base, "predict_proba"):
            effects = experiment.pseudo_effects
            return EffectModel(trained(self.base, seed, experiment.matrix, effects, np.ones(len(experiment))))
        suits = (experiment.outcome == experiment.treated).astype(np.float64)
        of_arm = np.where(experiment.treated, experiment.probability, 1 - experiment.probability)
        # A mean weight of 1, as regularisation is relative to the sum of weights.
        return EffectModel(trained(self.base, seed, experiment.matrix, suits, 0.5 / of_arm))


@dataclass(frozen=True)
class EffectModel:
    """A classifier of the transformed class, or a regressor of pseudo-effects."""

    model: Any

    def predict(self, matrix: Floats) -> Floats:
        """Return the uplift: shape (rows,)."""
        outcome = expected(self.model, matrix)
        return 2 * outcome - 1 if hasattr(self.model, "predict_proba") else outcome


@dataclass(frozen=True)
class ResponseLearner:
    """The response model: who answers when treated, whatever he would have done without it."""

    base: Any

    def fit(self, experiment: Experiment, seed: int) -> Scorer:
        """Train one model on the treated."""
        treated, _ = _arms(experiment)
        return ResponseModel(trained(self.base, seed, treated.matrix, treated.outcome, treated.weights))


@dataclass(frozen=True)
class ResponseModel:
    """A model of the outcome of the treated."""

    model: Any

    def predict(self, matrix: Floats) -> Floats:
        """Return the expected outcome with treatment: shape (rows,)."""
        return expected(self.model, matrix)


def boosted_trees(outcome_is_binary: bool = True) -> Any:
    """Shallow gradient-boosted trees of xgboost: effects are small, and deep trees learn noise."""
    import xgboost

    kind = xgboost.XGBClassifier if outcome_is_binary else xgboost.XGBRegressor
    return kind(
        n_estimators=100, max_depth=2, learning_rate=0.05, min_child_weight=20, subsample=0.8, tree_method="hist",
        n_jobs=1,
    )  # fmt: skip


def linear(outcome_is_binary: bool = True) -> Any:
    """Logistic or ridge regression on standardised features, with nan as the median and a flag of its own.

    Strongly regularised: an uplift is a small difference of outcomes, and as noisy as both of them. With thousands of
    rows this decides whether it says anything; with tens of thousands it changes little.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    last = LogisticRegression(C=0.01, max_iter=1000) if outcome_is_binary else Ridge(alpha=100)
    return make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler(), last
    )


def uplift_learners(base: Any) -> dict[str, Learner]:
    """The learners of uplift over one estimator, by name."""
    return {"s_learner": SLearner(base), "t_learner": TLearner(base), "class_transformation": ClassTransformation(base)}


@dataclass(frozen=True)
class _Arm:
    matrix: Floats
    outcome: Floats
    weights: Floats


def _arms(experiment: Experiment) -> tuple[_Arm, _Arm]:
    """The treated rows, and the others."""
    weights = experiment.weights
    treated, control = (
        _Arm(experiment.matrix[rows], experiment.outcome[rows], weights[rows])
        for rows in (experiment.treated, ~experiment.treated)
    )
    return treated, control


def trained(base: Any, seed: int, matrix: Floats, target: Floats, weights: Floats) -> Any:
    """Train a copy of an estimator, with the seed in every part of it that has one."""
    from sklearn.base import clone
    from sklearn.dummy import DummyClassifier

    one_class = hasattr(base, "predict_proba") and (target == target[0]).all()
    # An arm without any outcome is learned as such; most classifiers refuse to.
    model = DummyClassifier(strategy="prior") if one_class else clone(base)
    names = [name for name in model.get_params() if name.split("__")[-1] == "random_state"]
    model.set_params(**dict.fromkeys(names, seed))
    # A pipeline hands weights to its last step under that step's name.
    prefix = f"{model.steps[-1][0]}__" if hasattr(model, "steps") else ""
    return model.fit(matrix, target, **{f"{prefix}sample_weight": weights})


def expected(model: Any, matrix: Floats) -> Floats:
    """The probability of the outcome 1, or the number that a regressor expects: shape (rows,)."""
    if not hasattr(model, "predict_proba"):
        return np.asarray(model.predict(matrix), dtype=np.float64)
    if 1.0 not in model.classes_:
        return np.zeros(len(matrix))
    return np.asarray(model.predict_proba(matrix)[:, list(model.classes_).index(1.0)], dtype=np.float64)


def _with_treatment(matrix: Floats, flags: Floats) -> Floats:
    return np.column_stack([matrix, flags, matrix * flags[:, None]])
