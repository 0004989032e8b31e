"""Unusual days: a robust interval from the same weekday of the eight weeks before."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from jobs.metrics.history import Past, year_before
from jobs.metrics.usual import usual
from jobs.metrics.words import change, number, sparkline

DAY = date(2024, 7, 1)


def weeks(*values: float | None) -> dict[date, float]:
    """Values of the same weekday, that of last week first; and of all other days, which must not matter."""
    others = {DAY - timedelta(days=n): 1e6 for n in range(1, 70) if n % 7}
    earlier = {DAY - timedelta(weeks=n): value for n, value in enumerate(values, 1) if value is not None}
    return {**others, **earlier}


CASES = {
    # Median 100.5, absolute deviations .5 .5 .5 1.5 1.5 2.5 2.5 899.5, their median 1.5.
    "one wild week counts little": (
        weeks(100, 100, 101, 99, 102, 98, 103, 1000),
        (100.5 - 3 * 1.4826 * 1.5, 100.5 + 3 * 1.4826 * 1.5),
    ),
    "six weeks are enough": (weeks(10, 12, None, 8, 10, None, 12, 8), (10 - 3 * 1.4826 * 2, 10 + 3 * 1.4826 * 2)),
    # Five of eight are 5: the MAD is 0, and the mean deviation is 3 / 8.
    "most are equal": (weeks(5, 5, 5, 5, 5, 6, 4, 6), (5 - 3 * 1.2533 * 0.375, 5 + 3 * 1.2533 * 0.375)),
    "all are equal": (weeks(7, 7, 7, 7, 7, 7, 7, 7), (7, 7)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_interval_is_three_scaled_median_deviations_around_the_median(name):
    values, (low, high) = CASES[name]
    interval = usual(values, DAY)
    assert (interval.low, interval.high) == (pytest.approx(low), pytest.approx(high))


def test_five_weeks_are_too_few_for_an_interval():
    assert usual(weeks(10, 12, None, 8, 10, None, 12), DAY) is None
    assert usual(weeks(*[None] * 8, 1, 1, 1, 1, 1, 1, 1, 1), DAY) is None


@pytest.mark.parametrize(("value", "mark"), [(107, ""), (108, "high"), (94, ""), (93, "low")])
def test_a_value_outside_of_the_interval_is_marked(value, mark):
    assert Past({**weeks(100, 100, 101, 99, 102, 98, 103, 1000), DAY: value}).mark(DAY) == mark


def test_a_day_without_a_value_is_not_marked():
    assert Past(weeks(7, 7, 7, 7, 7, 7, 7, 7)).mark(DAY) == ""


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(None, "share", "·"), (0.1234, "share", "12.3%"), (1234.5, "currency", "1,234"), (12.345, "stars", "12.35"),
     (3.0, "orders", "3"), (-0.5, "share", "-50.0%")],
)  # fmt: skip
def test_numbers_are_written_in_their_unit(value, unit, text):
    assert number(value, unit) == text


@pytest.mark.parametrize(
    ("then", "now", "unit", "text"),
    [(100, 120, "orders", "+20%"), (-100, -50, "currency", "+50%"), (0.10, 0.125, "share", "+2.5 pp"),
     (0, 5, "orders", "·"), (0, 0, "orders", "+0%"), (None, 5, "orders", "·"), (5, None, "orders", "·")],
)  # fmt: skip
def test_changes_of_shares_are_in_points_and_others_in_per_cent(then, now, unit, text):
    before = DAY - timedelta(days=7)
    past = Past({day: value for day, value in ((before, then), (DAY, now)) if value is not None})
    assert change(past, DAY, before, unit) == text


def test_a_sparkline_has_a_block_per_day_and_a_space_for_a_day_without_a_value():
    assert sparkline([0, 7, None, 14]) == "▁▅ █"
    assert sparkline([3, 3]) == "▁▁"
    assert sparkline([None, None]) == ""


def test_a_leap_day_is_compared_with_the_last_of_february():
    assert year_before(date(2024, 2, 29)) == date(2023, 2, 28)
