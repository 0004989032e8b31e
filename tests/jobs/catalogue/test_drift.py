"""The population stability index, its reference week, and when a drift is warned of."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from jobs.catalogue.drift import REFERENCE_VALID, by_chance, has_drifted, psi, unmeasured
from jobs.catalogue.moving import moving_names
from jobs.catalogue.statistics import MOST_VALUES, statistics
from jobs.catalogue.steps import next_row

AGES = """
describes: Made with the day.
entity: customer
owner: growth
tags:
  years: {value: "datediff(as_of, customer.joined_on) / 365", means: Years since joining.}
  overdue: {value: recency.days_since_order / value.orders, means: Days per order.}
  late: {when: recency.days_since_order > 10, means: Late.}
  band: {of: recency.days_since_order, edges: [10], names: [new, old], means: New or old.}
  gap: {value: "if(recency.days_since_order is null, 0, value.orders)", means: A number if he bought.}
"""
START = date(2024, 7, 1)
RANDOM = np.random.default_rng(3)


def numbers(shift=0.0, many=4000):
    return pa.chunked_array([RANDOM.normal(shift, 1, many)])


def recorded(columns, meaning="a"):
    """Rows of one tag from START on, one for each (day, column)."""
    rows = []
    for day, column in columns:
        key = {"entity": "customer", "tag": "scene.tag", "day": START + timedelta(day), "definition_digest": meaning}
        rows.append(next_row(key, column, rows))
    return rows


def test_the_index_is_that_of_the_literature():
    assert psi({"a": 60_000, "b": 40_000}, {"a": 50_000, "b": 50_000}) == pytest.approx(
        0.1 * math.log(1.2) - 0.1 * math.log(0.8), abs=1e-5
    )
    assert psi({"a": 7, "b": 3}, {"a": 70, "b": 30}) < 0.01


def test_an_empty_bin_gives_a_finite_index():
    assert 1 < psi({"a": 1000}, {"b": 1000}) < math.inf


def test_two_samples_of_one_population_stay_below_the_index_by_chance():
    bins, exceeded = 10, 0
    for _ in range(500):
        one, other = RANDOM.multinomial(60, [1 / bins] * bins, 2)
        exceeded += psi(dict(enumerate(one)), dict(enumerate(other))) > by_chance(60, 60, bins)
    assert exceeded <= 3
    # With so few, an index above 0.2 says nothing.
    assert by_chance(60, 60, bins) > 0.2


def test_nothing_is_measured_in_the_reference_week():
    rows = recorded([(0, numbers()), (6, numbers(3)), (7, numbers())])
    assert [row["drift"] is None for row in rows] == [True, True, False]


def test_a_shift_is_warned_of_and_noise_is_not():
    rows = recorded([(0, numbers()), (7, numbers()), (8, numbers(1))])
    assert [has_drifted(row) for row in rows] == [False, False, True]
    assert rows[1]["drift"] < 0.02


def test_a_shift_among_few_entities_is_not_warned_of():
    rows = recorded([(0, numbers(many=8)), (7, numbers(0.5, many=8))])
    assert not has_drifted(rows[1])


@pytest.mark.parametrize(("values", "drifted"), [(["a"] * 600 + ["b"] * 400, False), (["a"] * 200 + ["c"] * 800, True),
                                                 (["a"] * 600 + [None] * 400, True)])  # fmt: skip
def test_classes_and_unknown_values_drift_too(values, drifted):
    before = pa.chunked_array([["a"] * 600 + ["b"] * 400])
    rows = recorded([(0, before), (7, pa.chunked_array([pa.array(values, pa.string())]))])
    assert has_drifted(rows[1]) is drifted


def test_a_number_that_the_day_alone_changes_is_not_measured():
    earlier = recorded([(0, numbers())])
    key = {"entity": "customer", "tag": "scene.tag", "day": START + timedelta(7), "definition_digest": "a"}
    assert has_drifted(next_row(key, numbers(5), earlier))
    row = next_row(key, numbers(5), earlier, moves=True)
    assert (row["drift"], unmeasured(row, True)) == (None, "it moves with the day")


@pytest.mark.parametrize(("different", "measured"), [(MOST_VALUES - 1, True), (MOST_VALUES, False), (1000, False)])
def test_a_text_with_more_values_than_are_listed_is_not_measured(different, measured):
    before, after = (pa.chunked_array([[f"{where} {n % different}" for n in range(4000)]]) for where in "ab")
    first, second = recorded([(0, before), (7, after)])
    assert has_drifted(second) is measured
    assert (unmeasured(first, False) == "") is measured


@pytest.mark.parametrize(("single", "measured"), [(MOST_VALUES - 2, True), (MOST_VALUES - 1, False)])
def test_values_of_a_single_entity_are_not_listed_and_count_as_other(single, measured):
    column = pa.chunked_array([["often"] * 500 + [f"name {n}" for n in range(single)]])
    first, second = recorded([(0, column), (7, column)])
    assert (first["values"], unmeasured(first, False) == "") == (["often"], measured)
    assert (second["drift"] == 0) is measured


def test_numbers_made_with_the_day_move_and_states_and_windows_do_not(retailer):
    retailer.declare("tags/ages.yml", AGES)
    catalogue = retailer.context("2024-07-01").catalogue
    moving = moving_names(catalogue, catalogue.entities["customer"])
    assert {"recency.days_since_order", "ages.years", "ages.overdue"} <= moving
    assert not moving & {"ages.late", "ages.band", "ages.gap", "value.orders", "categories.days_since_third"}
    assert "shelf_stock.days_since_check" not in moving_names(catalogue, catalogue.entities["outlet"])


def test_another_definition_and_another_quarter_begin_a_new_reference_week():
    rows = recorded([(0, numbers())])
    key = {"entity": "customer", "tag": "scene.tag", "day": START + timedelta(7)}
    assert next_row({**key, "definition_digest": "b"}, numbers(5), rows)["reference_from"] == key["day"]
    late = {**key, "definition_digest": "a", "day": START + REFERENCE_VALID + timedelta(1)}
    assert next_row(late, numbers(5), rows)["drift"] is None


def test_bins_are_fixed_by_the_reference():
    first, second = recorded([(0, numbers()), (1, numbers(2))])
    assert second["edges"] == first["edges"] and sum(second["bins"]) == 4000 and second["bins"] != first["bins"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([1, 2, 3, None], {"with_value": 3, "mean": 2.0, "quantiles": [1, 1.1, 1.5, 2, 2.5, 2.9, 3]}),
        ([True, False, False, False], {"mean": 0.25, "values": ["false", "true"], "counts": [3, 1]}),
        (["x", "y", "x"], {"values": ["x"], "counts": [2], "mean": None}),
        (["x", "known", "x"], {"values": ["x", "known"], "counts": [2, 1]}),
        ([["x", "y", "y"], ["x"], []], {"with_value": 3, "values": ["x"], "counts": [2]}),
        ([date(1970, 1, 2), date(1970, 1, 4)], {"mean": 2.0}),
    ],
)
def test_statistics_of_each_type(column, expected):
    """A text is listed if several entities have it or if it is declared: else it says something of a single one."""
    row = statistics(pa.chunked_array([column]), None, {"known"})
    assert {name: row[name] for name in expected} == expected


def test_a_column_without_any_value_has_statistics():
    row = statistics(pa.chunked_array([pa.array([None, None], pa.float64())]), None)
    assert (row["entities"], row["with_value"], row["bins"]) == (2, 0, [0])
