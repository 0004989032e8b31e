"""The value of a plan on randomised rows: right with wrong models of the outcome, and less noisy with good ones."""

import numpy as np
import pytest

from ml.uplift.calibrated_effects import CalibratedEffects
from ml.uplift.learners import boosted_trees, linear
from ml.uplift.policy_value import ArmsExperiment, OutcomeByArm, doubly_robust, gained, plan_gains, plan_values
from quanyu.errors import ConfigError

ARMS = ("control", "mail", "call")
ROWS = 20_000


def simulated(seed=0):
    """Mail helps those with a low feature and call those with a high one; the arm's chances depend on the feature."""
    random = np.random.default_rng(seed)
    matrix = random.random((ROWS, 1))
    feature = matrix[:, 0]
    probability = np.column_stack([np.full(ROWS, 0.2), 0.1 + 0.6 * feature, 0.7 - 0.6 * feature])
    arm = (random.random(ROWS)[:, None] > np.cumsum(probability, axis=1)).sum(axis=1)
    true = np.column_stack([10 * feature, 10 * feature + 2 * (1 - feature), 10 * feature + 3 * feature])
    outcome = true[np.arange(ROWS), arm] + random.normal(size=ROWS)
    return ArmsExperiment(ARMS, matrix, arm, outcome, probability, np.arange(ROWS)), true


def always(number):
    return np.tile(np.eye(3)[number], (ROWS, 1))


def test_value_is_right_with_models_that_are_wrong_and_less_noisy_with_good_ones():
    (learned, _), (rows, true) = simulated(), simulated(seed=1)
    models = OutcomeByArm.fit(linear(outcome_is_binary=False), learned, seed=0)
    wrong = np.full((ROWS, 3), 7.0)
    for number in range(3):
        values = {}
        for name, foretold in (("wrong", wrong), ("good", models.predict(rows.matrix))):
            estimate = gained(doubly_robust(rows, foretold), always(number))
            values[name] = estimate.std() / np.sqrt(ROWS)
            assert estimate.mean() == pytest.approx(true[:, number].mean(), abs=4 * values[name])
        assert values["good"] < values["wrong"] / 1.5


def test_a_plan_by_customer_beats_the_best_single_plan():
    (learned, _), (rows, true) = simulated(), simulated(seed=1)
    models = OutcomeByArm.fit(linear(outcome_is_binary=False), learned, seed=0)
    margins, costs = np.array([0, 1, 1.0]), np.array([0, 0.2, 0.1])
    foretold = models.predict(rows.matrix)
    own = np.eye(3)[plan_gains(foretold, margins, costs).argmax(axis=1)]
    gains = plan_gains(doubly_robust(rows, foretold), margins, costs)
    plans = {"own": gained(gains, own), "mail": gained(gains, always(1)), "call": gained(gains, always(2))}
    values = plan_values(plans, "call", rows.customers)
    truth = (plan_gains(true, margins, costs) * own).sum(axis=1).mean()
    assert values.values["own"].low < truth < values.values["own"].high
    assert values.over["own"].low > 0 > values.over["mail"].high
    assert values.over["call"].value == values.over["call"].low == 0


def test_a_plan_with_an_arm_that_nobody_like_that_could_get_has_no_value():
    rows, _ = simulated()
    probability = rows.probability.copy()
    first = int(np.flatnonzero(rows.arm == 1)[0])
    probability[first] = [0.5, 0.5, 0]
    some = ArmsExperiment(ARMS, rows.matrix, rows.arm, rows.outcome, probability, rows.customers)
    outcomes = doubly_robust(some, np.zeros((ROWS, 3)))
    assert np.isfinite(gained(outcomes, always(1))).all()
    with pytest.raises(ConfigError, match="never gave"):
        gained(outcomes, always(2))


def test_differences_that_held_out_rows_do_not_bear_out_are_held_back_to_the_average_effect():
    rows, true = simulated()
    base = linear(outcome_is_binary=False)
    effects = CalibratedEffects.fit(base, rows, seed=0)
    assert effects.slopes[1:] == pytest.approx([1, 1], abs=0.1)
    assert effects.predict(rows.matrix).mean(axis=0) == pytest.approx((true - true[:, [0]]).mean(axis=0), abs=0.1)
    noise = np.random.default_rng(3).random((2_000, 20))
    alike = ArmsExperiment(
        ARMS, noise, rows.arm[:2_000], 2.0 * rows.arm[:2_000] + 3 * np.random.default_rng(4).normal(size=2_000),
        rows.probability[:2_000], np.arange(2_000),
    )  # fmt: skip
    held_back = CalibratedEffects.fit(boosted_trees(outcome_is_binary=False), alike, seed=0)
    foretold = held_back.models.predict(noise)
    assert held_back.predict(noise).std(axis=0)[1:].max() < 0.25 * (foretold - foretold[:, [0]]).std(axis=0)[1:].min()
    assert held_back.averages == pytest.approx([0, 2, 4], abs=0.6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict(probability=np.array([[1.0, 0], [0.5, 0.5]])), "more than 0"),
        (dict(arm=np.array([0, 0])), "none of mail"),
        (dict(outcome=np.array([1, np.inf])), "finite"),
    ],
)
def test_experiments_that_do_not_hold_together_are_refused(change, words):
    parts = dict(
        arms=ARMS[:2], matrix=np.zeros((2, 1)), arm=np.array([0, 1]), outcome=np.zeros(2),
        probability=np.full((2, 2), 0.5), customers=np.arange(2),
    )  # fmt: skip
    if "probability" in change:
        parts["arm"] = np.array([1, 0])
    with pytest.raises(ConfigError, match=words):
        ArmsExperiment(**(parts | change))
