"""The best arm for each customer: within every limit, near what linear programming allows, with known probabilities."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from ml.uplift.plan import Limits, best_plan
from quanyu.errors import ConfigError

FREE = Limits((), np.zeros((0, 3)), np.zeros(0))


def keys(rows):
    return pd.Series([f"customer {number}" for number in range(rows)])


def limits(**rows):
    """Limits by name: what each arm uses, and at most how much."""
    uses, most = zip(*rows.values(), strict=True)
    return Limits(tuple(rows), np.array(uses, float), np.array(most, float))


def random_gains(rows, arms=3, seed=0):
    gains = np.random.default_rng(seed).normal(0.5, 2, size=(rows, arms))
    gains[:, 0] = 0
    return gains


def best_of_linear_program(gains, limits):
    """What a plan could gain if customers could be cut into pieces."""
    rows, arms = gains.shape
    uses = np.tile(limits.uses, (1, rows))
    one = np.kron(np.eye(rows), np.ones((1, arms)))
    return -linprog(-gains.ravel(), uses, limits.most, one, np.ones(rows), method="highs").fun


def test_without_limits_each_gets_what_gains_most():
    gains = random_gains(500)
    plan = best_plan(gains, FREE, keys(500))
    assert (plan.arm == gains.argmax(axis=1)).all() and (plan.probability == 1).all()
    assert plan.gain == pytest.approx(plan.bound) == pytest.approx(gains.max(axis=1).sum())


@pytest.mark.parametrize("seed", range(4))
def test_the_bound_is_that_of_linear_programming_and_the_plan_is_near_it(seed):
    gains, scarce = random_gains(400, 4, seed), limits(
        budget=((0, 1.5, 0.4, 3), 150), cap=((0, 1, 0, 0), 60), stock=((0, 1, 1, 0), 100)
    )  # fmt: skip
    plan = best_plan(gains, scarce, keys(400), seed=seed)
    assert (scarce.used(plan.arm) <= scarce.most + 1e-9).all()
    assert plan.bound == pytest.approx(best_of_linear_program(gains, scarce), rel=1e-5)
    # A solution of the program at a corner cuts at most one customer for each limit.
    assert plan.bound - 3 * gains.max() <= plan.gain <= plan.bound + 1e-9


@pytest.mark.parametrize("seed", range(20))
def test_small_plans_beside_all_that_are_possible(seed):
    gains, scarce = random_gains(6, 3, seed), limits(budget=((0, 2, 1), 5), cap=((0, 1, 0), 2))
    possible = [
        gains[np.arange(6), list(arms)].sum()
        for arms in product(range(3), repeat=6)
        if (scarce.used(np.array(arms)) <= scarce.most).all()
    ]
    plan = best_plan(gains, scarce, keys(6))
    assert (scarce.used(plan.arm) <= scarce.most).all()
    assert plan.gain <= max(possible) + 1e-9 <= plan.bound + 1e-6
    assert plan.gain >= 0.75 * max(possible)


def test_equal_customers_share_what_is_scarce():
    gains = np.tile([0.0, 3, 2], (100, 1))
    plan = best_plan(gains, limits(stock=((0, 1, 0), 30), cap=((0, 0, 1), 50)), keys(100))
    assert np.bincount(plan.arm).tolist() == [20, 30, 50]


def test_nobody_gets_an_arm_that_harms_or_that_he_may_not_get():
    gains = random_gains(300)
    eligible = np.random.default_rng(1).random((300, 3)) < 0.5
    plan = best_plan(gains, FREE, keys(300), eligible, explore=0.3)
    assert (eligible[np.arange(300), plan.arm] | (plan.arm == 0)).all()
    exploited = plan.arm[~plan.explored]
    assert (gains[~plan.explored][np.arange(len(exploited)), exploited] >= 0).all()


def test_order_of_rows_does_not_matter():
    gains, scarce = random_gains(300), limits(budget=((0, 2, 1), 120))
    order = np.random.default_rng(2).permutation(300)
    plan = best_plan(gains, scarce, keys(300), explore=0.1)
    other = best_plan(gains[order], scarce, keys(300).iloc[order], explore=0.1)
    assert (plan.arm[order] == other.arm).all() and (plan.probability[order] == other.probability).all()


def test_exploration_has_the_share_and_the_probabilities_that_are_logged():
    gains = np.tile([0.0, 1, 2], (30_000, 1))
    plan = best_plan(gains, FREE, keys(30_000), explore=0.3)
    assert plan.explored.mean() == pytest.approx(0.3, abs=0.01)
    assert np.bincount(plan.arm) / 30_000 == pytest.approx([0.1, 0.1, 0.8], abs=0.01)
    assert plan.probability == pytest.approx(np.array([0.1, 0.1, 0.8])[plan.arm])
    assert (best_plan(gains, FREE, keys(30_000), explore=0.3, seed=1).arm != plan.arm).any()


def test_limits_hold_with_exploration_and_exploration_beyond_a_limit_is_refused():
    gains, scarce = random_gains(2_000), limits(budget=((0, 1, 1), 300))
    assert scarce.used(best_plan(gains, scarce, keys(2_000), explore=0.1).arm) <= 300
    with pytest.raises(ConfigError, match="budget"):
        best_plan(gains, limits(budget=((0, 1, 1), 10)), keys(2_000), explore=0.1)


def test_what_is_scarce_is_explored_as_seldom_as_is_said_and_probabilities_come_true():
    gains, scarce = np.tile([0.0, 1, 2], (1_000, 1)), limits(cap=((0, 0, 1), 200))
    accepted, seeds = np.array([1, 1, 0.2]), range(50)
    plans = [best_plan(gains, scarce, keys(1_000), explore=0.3, seed=seed, accepted=accepted) for seed in seeds]
    drawn = np.mean([np.bincount(plan.arm[plan.explored], minlength=3) for plan in plans], axis=0)
    assert drawn == pytest.approx([100, 100, 20], rel=0.1)
    for arm in range(3):
        # The mean of the inverse probability of an arm is 1, whoever gets it.
        inverse = np.mean([np.where(plan.arm == arm, 1 / plan.probability, 0).mean() for plan in plans])
        assert inverse == pytest.approx(1, abs=0.06)
