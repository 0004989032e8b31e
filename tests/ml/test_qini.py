"""Qini curve, coefficient and uplift among the first, by hand, by an unrelated library's figures, and by properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.uplift.experiment import Experiment
from ml.uplift.qini import UpliftRanking, qini_interval, uplift_interval
from quanyu.errors import ConfigError

SCIKIT_UPLIFT = -0.054817943033335696
#             treated  outcome  score
BY_HAND = """
              1        1        4
              0        0        3
              1        0        2
              0        1        1
"""


def experiment(treated, outcome, probability=None, customers=None):
    rows = len(treated)
    probability = np.full(rows, 0.5) if probability is None else np.asarray(probability, float)
    flags, labels = np.asarray(treated, bool), np.asarray(outcome, float)
    return Experiment(np.zeros((rows, 1)), flags, labels, probability, customers)


def by_hand(order=(0, 1, 2, 3)):
    treated, outcome, scores = np.array([line.split() for line in BY_HAND.split("\n") if line.strip()], float).T
    order = list(order)
    return UpliftRanking(experiment(treated[order], outcome[order]), scores[order])


def test_curve_of_four_rows():
    rows, gains = by_hand().curve()
    # The treated with the outcome comes first; the control with it takes all back: 1 - 1 * 2 / 2.
    assert rows.tolist() == [0, 1, 2, 3, 4]
    assert gains.tolist() == [0, 1, 1, 1, 0]


def test_coefficient_of_the_perfect_order_is_1_and_of_its_reverse_minus_1():
    perfect = by_hand()
    # Area below 0, 1, 1, 1, 0: 3; that of the diagonal: 0.
    assert perfect.qini() == pytest.approx(1)
    # Reversed: control with the outcome first: 0, 0 (no treated), -1 (1 of 1 control... 0 - 1 * 1 / 1), -.5, 0.
    assert UpliftRanking(perfect.experiment, -perfect.scores).curve()[1].tolist() == [0, 0, -1, -0.5, 0]


def test_uplift_among_the_first_half():
    # Of the first two rows, the treated has the outcome and the control has not.
    assert by_hand().uplift_at(0.5) == 1
    assert by_hand().uplift_at(1) == 0


def test_equal_scores_are_a_random_order():
    ranking = UpliftRanking(experiment([1, 1, 0, 0, 0], [1, 1, 1, 0, 0]), np.ones(5))
    assert ranking.qini() == pytest.approx(0)
    assert ranking.uplift_at(0.3) == pytest.approx(ranking.uplift_at(1)) == pytest.approx(1 - 1 / 3)


def test_figures_of_scikit_uplift():
    random = np.random.default_rng(1)
    treated, outcome = random.random(500) < 0.4, random.random(500) < 0.3
    ranking = UpliftRanking(experiment(treated, outcome), np.round(random.random(500), 2))
    # `qini_auc_score` of scikit-uplift 0.5.1 on these rows.
    assert ranking.qini() == pytest.approx(SCIKIT_UPLIFT, abs=1e-12)


@given(st.permutations(range(4)))
def test_order_of_rows_does_not_matter(order):
    assert by_hand(order).qini() == pytest.approx(by_hand().qini())


@given(st.integers(0, 10_000))
def test_only_the_order_of_scores_matters_and_no_ranking_is_better_than_the_perfect_one(seed):
    random = np.random.default_rng(seed)
    rows, scores = experiment(np.arange(60) % 2, random.random(60) < 0.4), np.round(random.normal(size=60), 1)
    ranking = UpliftRanking(rows, scores)
    if rows.outcome.any():
        assert UpliftRanking(rows, 3 * scores + 7).qini() == pytest.approx(ranking.qini())
        assert ranking.qini() <= 1 + 1e-12


def test_rows_count_by_the_inverse_probability_of_their_arm():
    # Two kinds of customers with the same effect; the second, whose outcomes are common, is treated more often.
    random, rows = np.random.default_rng(3), 60_000
    common = random.random(rows) < 0.5
    probability = np.where(common, 0.8, 0.2)
    treated = random.random(rows) < probability
    outcome = random.random(rows) < np.where(common, 0.6, 0.1) + 0.1 * treated
    weighted = UpliftRanking(experiment(treated, outcome, probability), np.ones(rows)).uplift_at(1)
    assert weighted == pytest.approx(0.1, abs=0.015)
    assert UpliftRanking(experiment(treated, outcome), np.ones(rows)).uplift_at(1) > 0.3


def test_drawing_a_row_twice_is_having_it_twice():
    rows = experiment([1, 0, 1, 0, 1, 0], [1, 0, 0, 1, 1, 0])
    scores, draws = np.array([6.0, 5, 4, 3, 2, 1]), np.array([2, 1, 0, 1, 1, 3])
    repeated = np.repeat(np.arange(6), draws)
    twice = UpliftRanking(rows.select(repeated), scores[repeated])
    assert UpliftRanking(rows, scores).qini(draws.astype(float)) == pytest.approx(twice.qini())


def test_intervals_hold_the_figure_and_are_wider_where_rows_are_of_few_customers():
    random = np.random.default_rng(5)
    treated, scores = random.random(400) < 0.5, random.random(400)
    outcome = random.random(400) < 0.2 + 0.3 * treated * scores
    each, few = (
        qini_interval(UpliftRanking(experiment(treated, outcome, customers=customers), scores))
        for customers in (None, np.arange(400) // 40)
    )
    assert each.low < each.value < each.high and each.value == few.value
    top = uplift_interval(UpliftRanking(experiment(treated, outcome), scores), 0.3)
    assert top.low < top.value < top.high


@pytest.mark.parametrize(
    ("treated", "outcome", "probability", "words"),
    [
        ([1, 1], [0, 1], [0.5, 0.5], "both arms"),
        ([1, 0], [0, 1], [0.5, 1.0], "between 0 and 1"),
        ([1, 0], [0, np.nan], [0.5, 0.5], "finite"),
    ],
)
def test_rows_from_which_nothing_can_be_learned_are_refused(treated, outcome, probability, words):
    with pytest.raises(ConfigError, match=words):
        experiment(treated, outcome, probability)


def test_other_outcomes_than_0_and_1_have_no_qini_curve():
    with pytest.raises(ConfigError, match="0 or 1"):
        UpliftRanking(experiment([1, 0], [0, 2.5]), np.zeros(2))
