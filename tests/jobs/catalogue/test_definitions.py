"""What a declaration meant on a day."""

from __future__ import annotations

from datetime import date

from jobs.catalogue.history import continued, on_day
from quanyu.catalogue.definitions import Definition

ONE, TWO, THREE = date(2024, 7, 1), date(2024, 7, 2), date(2024, 7, 3)


def meaning(text, name="scene.tag"):
    return Definition("tag", name, text)


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
