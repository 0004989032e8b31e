"""Expansion of a seed on customers of whom it is known who is alike."""

import numpy as np
import pytest

from ml.lifecycle.train import TooLittleDataError
from ml.lookalike.expansion import choose_seed, expand, neighbours, propensity, seed_lift
from quanyu.errors import ConfigError


def simulated(seed=1, customers=3000):
    """Features of customers, of which the first two decide who is alike, and a third of those alike as a seed."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(customers, 5)) * [1, 1, 1, 100, 0.01]
    alike = random.random(customers) < 1 / (1 + np.exp(4 - 2.5 * matrix[:, 0] - 2.5 * matrix[:, 1]))
    matrix[random.random(matrix.shape) < 0.05] = np.nan
    return matrix, alike, alike & (random.random(customers) < 1 / 3)


@pytest.mark.parametrize("similarity", [propensity, neighbours])
def test_an_expansion_finds_those_who_are_alike(similarity):
    matrix, alike, seed = simulated()
    expansion = expand(similarity(matrix, seed, 0), seed, 300)
    assert len(set(expansion)) == 300 and not seed[expansion].any()
    assert alike[expansion].mean() > 2 * alike[~seed].mean()
    assert seed_lift("alike", matrix, seed, 300, similarity).low > 1.5


@pytest.mark.parametrize("similarity", [propensity, neighbours])
def test_a_seed_of_anybody_is_not_chosen(similarity):
    matrix, _, _ = simulated()
    anybody = {str(number): np.random.default_rng(number).random(len(matrix)) < 0.1 for number in range(4)}
    choice = choose_seed(anybody, matrix, 300, similarity)
    assert choice.chosen == "" and len(choice.lifts) == 4
    assert all(lift.low < 1 < lift.high for lift in choice.lifts)


def test_the_seed_that_finds_its_hidden_half_best_is_chosen_and_small_ones_are_named():
    matrix, _, seed = simulated()
    anybody = np.random.default_rng(3).random(len(matrix)) < 0.05
    few = seed & (np.cumsum(seed) <= 99)
    choice = choose_seed(
        {"mixed": seed | anybody, "alike": seed, "anybody": anybody, "few": few}, matrix, 300, neighbours
    )
    assert (choice.chosen, choice.too_small) == ("alike", ("few",))
    lifts = {lift.name: lift for lift in choice.lifts}
    assert lifts["alike"].low > lifts["mixed"].low > lifts["anybody"].low
    # With three seeds each interval is wider than that of one alone.
    assert lifts["alike"].low < seed_lift("alike", matrix, seed, 300, neighbours).low
    assert choose_seed({"few": few}, matrix, 300).chosen == ""


def test_lift_is_as_computed_by_hand():
    seed = np.arange(30) < 8

    def by_place(matrix, known, random_state):
        return -matrix[:, 0]

    # Four members are known: the first 10 of 26 others hold the hidden four, of which chance finds 10/26.
    lift = seed_lift("first", np.arange(30.0)[:, None], seed, 10, by_place)
    assert (lift.members, lift.size, lift.lift) == (8, 10, pytest.approx(2.6))
    # Of four found of four the exact lower bound is .025 ** (1/4).
    assert (lift.low, lift.high) == (pytest.approx(0.025**0.25 * 2.6), pytest.approx(2.6))
    last = seed_lift("last", -np.arange(30.0)[:, None], seed, 10, by_place)
    assert (last.lift, last.low, last.high) == (0, 0, pytest.approx((1 - 0.025**0.25) * 2.6))
    with pytest.raises(ConfigError, match="27 is asked for, and 26"):
        seed_lift("first", np.arange(30.0)[:, None], seed, 27, by_place)


def test_the_lift_is_that_of_the_audience_that_worth_builds():
    matrix, _, seed = simulated()
    worth = np.exp(np.random.default_rng(1).normal(0, 2.5, len(matrix)))
    known, random = np.zeros(len(seed), dtype=bool), np.random.default_rng(0)
    members = np.flatnonzero(seed)
    known[random.permutation(members)[: len(members) // 2]] = True
    found = expand(neighbours(matrix, known, 0), known, 300, worth)
    by_chance = 300 / (len(seed) - known.sum())
    choice = choose_seed({"alike": seed}, matrix, 300, neighbours, values=worth)
    assert choice.lifts[0].lift == pytest.approx(seed[found].sum() / (len(members) - known.sum()) / by_chance)
    assert choice.lifts[0].lift < 0.7 * choose_seed({"alike": seed}, matrix, 300, neighbours).lifts[0].lift


def test_neighbours_equal_a_slow_computation():
    matrix, _, seed = simulated(2, customers=400)
    assert seed.sum() > 10
    filled = np.where(np.isnan(matrix), np.nanmean(matrix, axis=0), matrix)
    standard = (filled - filled.mean(axis=0)) / np.nanstd(matrix, axis=0)
    members = np.flatnonzero(seed)
    for customer, score in enumerate(neighbours(matrix, seed, 0)):
        cosines = [
            standard[customer]
            @ standard[member]
            / np.linalg.norm(standard[customer])
            / np.linalg.norm(standard[member])
            for member in members
            if member != customer
        ]
        assert score == pytest.approx((1 + np.mean(sorted(cosines)[-10:])) / 2)


def test_of_equal_customers_the_first_comes_first_and_values_weigh():
    scores, seed = np.array([0.5, 0.9, 0.5, 0.9, 0.1]), np.array([False, True, False, False, False])
    assert expand(scores, seed, 3).tolist() == [3, 0, 2]
    assert expand(scores, seed, 2, values=np.array([1.0, 9, 1, 1, 100])).tolist() == [4, 3]


def test_scores_are_the_same_again():
    matrix, _, seed = simulated()
    assert (propensity(matrix, seed, 7) == propensity(matrix, seed, 7)).all()


@pytest.mark.parametrize("similarity", [propensity, neighbours])
def test_a_seed_without_members_is_refused_in_a_sentence(similarity):
    with pytest.raises(TooLittleDataError, match="The seed has 0 members"):
        similarity(np.ones((10, 2)), np.zeros(10, dtype=bool), 0)
