"""Gates of every task: whether the test period is as the training was, and how long scores take."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.lifecycle.evaluate import evaluate
from ml.lifecycle.train import train
from ml.tasks.binary_classification import BinaryClassification
from quanyu.grammar.model_spec import AnyOf, Baseline, Estimator, MetricGate, ModelSpec
from quanyu.model.entities import Customer


class Coming(ModelSpec):
    """A purchase within 10 days."""

    entity, owner, population = Customer, "growth", "value.orders > 0"
    label = AnyOf("orders", horizon_days=10)
    task = BinaryClassification()
    features = ("value.orders", "value.spend")
    estimator = Estimator(params={"n_estimators": 20, "max_depth": 2})
    baseline = Baseline("value.spend", "more")
    gates = (MetricGate("score_drift", at_most=0.25), MetricGate("scoring_seconds", at_most=600))


def rows(cutoff, moved=0.0, count=1500):
    random = np.random.default_rng(3)
    frame = pd.DataFrame(random.normal(moved, 1, (count, 2)), columns=list(Coming.features))
    label = (random.normal(size=count) < frame["value.orders"]).astype(float)
    return frame.assign(customer_id=[f"c{n}" for n in range(count)], cutoff=pd.Timestamp(cutoff), label=label)


def judged(moved, spec=Coming):
    training = rows("2024-05-01")
    return evaluate(spec, train(spec, training), rows("2024-06-01", moved), training=training)


def test_a_test_period_that_is_not_as_the_training_was_fails_and_says_so():
    same, other = judged(0.0), judged(1.5)
    assert same.passed and same.metrics["score_drift"] < 0.05 and same.metrics["feature_drift"] < 0.05
    assert other.metrics["feature_drift"] > 1
    [reason] = other.reasons
    assert reason.startswith("score_drift <= 0.25: ") and "not distributed as those of its training" in reason


def test_drift_counts_by_what_the_model_needs():
    class Main(Coming):
        """As Coming, gated on the features that it needs."""

        gates = (MetricGate("main_feature_drift", at_most=0.25),)

    training, later = rows("2024-05-01"), rows("2024-06-01")

    def moved(feature):
        changed = later.assign(**{feature: later[feature] + 2})
        return evaluate(Main, train(Main, training), changed, training=training)

    # Spending decides nothing: the label is made of orders.
    assert moved("value.spend").passed and moved("value.spend").metrics["feature_drift"] > 2
    [reason] = moved("value.orders").reasons
    assert reason.startswith("main_feature_drift <= 0.25: ") and "features that it needs most" in reason


def test_slow_scores_fail():
    assert judged(0.0).metrics["scoring_seconds"] == pytest.approx(1, rel=1e3)

    class Hasty(Coming):
        """As Coming, but nothing is so fast."""

        gates = (replace(Coming.gates[1], at_most=1e-9),)

    assert "it takes too long to score with" in judged(0.0, Hasty).reasons[0]
