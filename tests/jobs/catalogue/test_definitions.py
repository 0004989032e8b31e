"""What a declaration meant on a day."""

from __future__ import annotations

from datetime import date

import pytest

from jobs.catalogue.drift import continues
from jobs.catalogue.history import continued, on_day
from quanyu.catalogue.definitions import Definition, computed_digests, definitions, is_same
from quanyu.catalogue.recorded import change_words

MINE = """
describes: Own states.
owner: growth
entity: customer
tags:
  first: {when: value.orders > 1, means: Bought twice.}
  second: {when: mine.first and customer.city = 'Ulm', means: Bought twice in Ulm.}
  third: {when: not mine.second, means: The others.}
  apart: {when: value.spend > 10, means: Spent.}
"""

SPENDER = '''
from ml.churn import Churn


class Spender(Churn):
    """Customers who stop, among those of a tag."""

    population = "mine.second"
'''
ONE, TWO, THREE = date(2024, 7, 1), date(2024, 7, 2), date(2024, 7, 3)


def meaning(text, name="scene.tag", inputs=""):
    return Definition("tag", name, text, inputs)


def intervals(rows):
    return [(row["text"], row["valid_from"], row["valid_to"]) for row in rows]


def test_a_definition_holds_until_another_replaces_it():
    first = list(continued([], [meaning("when: a")], ONE))
    assert list(continued(first, [meaning("when: a")], TWO)) == first
    second = list(continued(first, [meaning("when: b")], THREE))
    assert intervals(second) == [("when: a", ONE, THREE), ("when: b", THREE, None)]
    assert [on_day(second, day)["text"] for day in (ONE, TWO, THREE)] == ["when: a", "when: a", "when: b"]
    assert on_day(second, date(2024, 6, 30)) is None


def test_of_two_definitions_on_one_day_the_last_counts():
    rows = list(continued(continued([], [meaning("when: a")], ONE), [meaning("when: b")], ONE))
    assert intervals(rows) == [("when: b", ONE, None)]


def test_a_declaration_that_is_gone_ends_and_may_come_back():
    rows = list(continued(continued([], [meaning("when: a")], ONE), [], TWO))
    assert intervals(rows) == [("when: a", ONE, TWO)]
    assert on_day(rows, TWO) is None
    assert intervals(continued(rows, [meaning("when: a")], THREE))[1] == ("when: a", THREE, None)


def digests_of(retailer, text):
    """What is recorded of tags in statistics, and in the history."""
    retailer.declare("tags/mine.yml", text)
    catalogue = retailer.context("2024-07-01").catalogue
    computed = computed_digests(catalogue, catalogue.entities["customer"])
    return computed, {one.name: one.digest() for one in definitions(catalogue)}


@pytest.mark.parametrize(
    ("before", "after", "changed", "reworded"),
    [
        ("orders > 1", "orders > 2", {"mine.first", "mine.second", "mine.third"}, set()),
        ("= 'Ulm'", "= 'Bonn'", {"mine.second", "mine.third"}, set()),
        ("Bought twice.", "Has bought twice.", set(), {"mine.first"}),
    ],
)
def test_what_a_tag_means_depends_on_all_that_it_is_made_of(retailer, before, after, changed, reworded):
    first, second = digests_of(retailer, MINE), digests_of(retailer, MINE.replace(before, after))
    assert {name for name in first[0] if first[0][name] != second[0][name]} == changed
    assert {name for name in first[1] if first[1][name] != second[1][name]} == changed | reworded


def test_a_score_depends_on_what_its_model_learns_from(retailer):
    first, _ = digests_of(retailer, MINE)
    retailer.declare("ml/spender.py", SPENDER)
    second, _ = digests_of(retailer, MINE)
    third, _ = digests_of(retailer, MINE.replace("orders > 1", "orders > 2"))
    assert second["spender.score"] != third["spender.score"]
    assert first["churn.score"] == second["churn.score"] == third["churn.score"]


def test_a_change_of_an_input_begins_another_definition_of_the_same_text():
    first = list(continued([], [meaning("when: a", inputs="x")], ONE))
    second = list(continued(first, [meaning("when: a", inputs="y")], TWO))
    assert intervals(second) == [("when: a", ONE, TWO), ("when: a", TWO, None)]


def test_a_digest_of_an_earlier_release_without_inputs_is_no_change():
    old, new, newer = (meaning("when: a", inputs=inputs) for inputs in ("", "x", "y"))
    assert is_same(old.computed(), new.computed()) and not is_same(new.computed(), newer.computed())
    assert not is_same(meaning("when: b").computed(), new.computed())
    row = {"definition_digest": old.computed(), "reference_from": ONE}
    assert continues(row, new.computed(), TWO) and not continues(row, meaning("when: b").computed(), TWO)
    numbers = {"entities": 2, "with_value": 2, "mean": 1.0, "values": None, "day": ONE}
    before, after = ({**numbers, "definition_digest": one.computed()} for one in (old, new))
    assert "definition changed" not in change_words(after, before)
    assert "definition changed" in change_words({**numbers, "definition_digest": newer.computed()}, after)
    # From the upgrade on its inputs are known, so that the next change of one is seen.
    upgraded = list(continued(continued([], [old], ONE), [new], TWO))
    assert intervals(upgraded) == [("when: a", ONE, None)]
    assert len(list(continued(upgraded, [newer], THREE))) == 2
