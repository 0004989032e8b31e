"""Intervals, the check of the split and power, against published figures and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from quanyu.group_differences import Group, of_conversion, of_spend, split_p_value, verdict


def group(spending):
    return Group(len(spending), int((spending > 0).sum()), float(spending.sum()), float((spending**2).sum()))


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    # Newcombe 1998, table II, method 10, to four digits.
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((10, 10), (0, 20), 0.6791, 1.0),
     ((0, 10), (0, 20), -0.1611, 0.2775)],
)  # fmt: skip
def test_the_interval_of_conversions_is_the_published_one(one, other, low, high):
    groups = (Group(total, count) for count, total in (one, other))
    difference = of_conversion(*groups)
    assert (difference.low, difference.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_the_interval_of_spending_is_that_of_welch():
    random = np.random.default_rng(5)
    assigned, control = (np.round(random.exponential(mean, size), 2) for mean, size in ((60, 900), (50, 120)))
    difference = of_spend(group(assigned), group(control))
    interval = stats.ttest_ind(assigned, control, equal_var=False).confidence_interval(0.95)
    assert difference.lift == pytest.approx(assigned.mean() - control.mean())
    assert (difference.low, difference.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_the_split_is_checked_as_by_chisquare():
    assert split_p_value(880, 120, 0.1) == pytest.approx(stats.chisquare([880, 120], [900, 100]).pvalue)
    assert split_p_value(0, 0, 0.1) is split_p_value(10, 2, 0.0) is None


def test_a_difference_as_large_as_the_detectable_one_is_shown_four_times_of_five():
    random = np.random.default_rng(7)
    base = of_conversion(Group(9000, 900), Group(1000, 100))
    shown = 0
    for _ in range(800):
        buyers = random.binomial([9000, 1000], [0.1 + base.detectable, 0.1])
        shown += of_conversion(Group(9000, int(buyers[0])), Group(1000, int(buyers[1]))).low > 0
    assert 0.76 < shown / 800 < 0.9


@pytest.mark.parametrize(
    ("assigned", "control", "split", "words"),
    [
        (Group(9000, 1200), Group(1000, 70), 0.5, "more"),
        (Group(9000, 700), Group(1000, 130), 0.5, "less"),
        (Group(9000, 900), Group(1000, 99), 0.5, "no difference shown"),
        (Group(9000, 900), Group(49, 5), 0.5, "not yet measurable"),
        (Group(900, 8), Group(100, 1), 0.5, "not yet measurable"),
        (Group(9000, 1200), Group(1000, 70), 0.0009, "split is wrong"),
    ],
)
def test_what_is_said_of_a_programme(assigned, control, split, words):
    assert verdict(assigned, control, of_conversion(assigned, control), split) == words
