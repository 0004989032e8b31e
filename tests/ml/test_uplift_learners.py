"""Learners of uplift find a known effect, whatever the probability of treatment, and the same one each time."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from ml.uplift.experiment import Experiment
from ml.uplift.learners import ResponseLearner, boosted_trees, linear, uplift_learners
from ml.uplift.qini import UpliftRanking

LEARNERS = ("s_learner", "t_learner", "class_transformation")
ROWS = 12_000


def simulated(probability=0.5, continuous=False, seed=0):
    """Customers with three features: the first drives the effect, the second the outcome, the third nothing."""
    random = np.random.default_rng(seed)
    matrix = random.random((ROWS, 3))
    effect = 0.4 * (matrix[:, 0] - 0.3)
    chances = np.broadcast_to(probability(matrix) if callable(probability) else probability, ROWS).astype(float)
    treated = random.random(ROWS) < chances
    expected = 0.15 + 0.4 * matrix[:, 1] + effect * treated
    outcome = 30 * expected + random.normal(size=ROWS) if continuous else random.random(ROWS) < expected
    return Experiment(matrix, treated, outcome.astype(float), chances), effect * (30 if continuous else 1)


@pytest.mark.parametrize("base", [boosted_trees, linear])
@pytest.mark.parametrize("name", LEARNERS)
def test_each_learner_finds_the_effect_over_each_base(name, base):
    rows, effect = simulated()
    uplift = uplift_learners(base())[name].fit(rows, seed=1).predict(rows.matrix)
    assert spearmanr(uplift, effect).statistic > 0.8
    assert uplift.mean() == pytest.approx(effect.mean(), abs=0.02)
    assert np.polyfit(uplift, effect, 1)[0] == pytest.approx(1, abs=0.35)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_probability_that_depends_on_the_customer_does_not_mislead(name):
    # Those who buy anyway are treated more often: without the probability the effect would seem to be theirs.
    rows, effect = simulated(probability=lambda matrix: 0.2 + 0.6 * matrix[:, 1])
    uplift = uplift_learners(linear())[name].fit(rows, seed=1).predict(rows.matrix)
    assert spearmanr(uplift, effect).statistic > 0.8
    assert uplift.mean() == pytest.approx(effect.mean(), abs=0.03)


@pytest.mark.parametrize("name", LEARNERS)
def test_outcomes_in_money_are_learned_by_regressors(name):
    rows, effect = simulated(continuous=True)
    uplift = uplift_learners(boosted_trees(outcome_is_binary=False))[name].fit(rows, seed=1).predict(rows.matrix)
    assert spearmanr(uplift, effect).statistic > 0.8


def test_the_response_model_ranks_by_outcome_and_not_by_effect():
    (rows, _), (held_out, effect) = simulated(), simulated(seed=9)
    response = ResponseLearner(boosted_trees()).fit(rows, seed=1).predict(held_out.matrix)
    uplift = uplift_learners(boosted_trees())["t_learner"].fit(rows, seed=1).predict(held_out.matrix)
    by_uplift, by_response = (UpliftRanking(held_out, scores).qini() for scores in (uplift, response))
    assert by_uplift > by_response > 0
    assert spearmanr(response, effect).statistic < spearmanr(uplift, effect).statistic


@pytest.mark.parametrize("name", LEARNERS)
def test_the_same_rows_and_seed_give_the_same_and_unknown_values_are_allowed(name):
    rows, _ = simulated()
    matrix = np.where(np.arange(ROWS)[:, None] % 7 == 0, np.nan, rows.matrix)
    some = Experiment(matrix, rows.treated, rows.outcome, rows.probability)
    for base in (boosted_trees(), linear()):
        first, second, other = (uplift_learners(base)[name].fit(some, seed).predict(matrix) for seed in (1, 1, 2))
        assert np.isfinite(first).all() and np.array_equal(first, second)
        assert "XGB" not in type(base).__name__ or not np.array_equal(first, other)


def test_an_arm_without_the_outcome_is_learned_as_never():
    rows, _ = simulated()
    outcome = np.where(rows.treated, rows.outcome, 0.0)
    some = Experiment(rows.matrix, rows.treated, outcome, rows.probability)
    for base in (boosted_trees(), linear()):
        uplift = uplift_learners(base)["t_learner"].fit(some, seed=1).predict(rows.matrix)
        assert (uplift > 0).all()
