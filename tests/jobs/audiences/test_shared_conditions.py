"""A condition that several rules name is one column of truth, and what rules make of the columns is what they say."""

from __future__ import annotations

import pyarrow as pa
import pytest
from sqlglot import exp

from jobs.audiences.shared_conditions import BITS, NUMBER, SharedConditions, number_where
from quanyu.errors import ExpressionError
from quanyu.grammar.audience import Audience
from quanyu.model.entities import Customer

HEAD = "describes: d\nowner: o\ngoal: care\npurpose: messages\n"
OTHER = {"name": "two", "file": "two.yml", "describes": "d", "owner": "o", "goal": "care", "purpose": "messages"}
MEASURE = 'measures: {some: {over: orders, value: "count(*)", within: %s days}}\n'


def conditions(retailer, **rules: str) -> tuple[SharedConditions, dict[str, exp.Expr]]:
    """The conditions of some audiences, and the rule of each over them."""
    for name, rule in rules.items():
        retailer.declare(f"audiences/{name}.yml", HEAD + (rule if "who:" in rule else f"who: {rule}\n"))
    catalogue = retailer.context("2024-07-01").catalogue
    shared = SharedConditions(catalogue, Customer)
    return shared, {name: shared.rule(catalogue.audiences[name]) for name in rules}


def test_rules_share_a_condition_however_they_write_it(retailer):
    shared, _ = conditions(
        retailer,
        one="value.orders = 3 and value.spend > 20",
        two="value.orders <> 3 or (value.spend > 20)",
        three="not (value.orders = 3) and audience.one",
    )
    assert [sql.rpartition(" as ")[2] for sql in shared.selected()] == ["_holds_0", "_holds_1"]
    assert [*shared.names] == ["value.orders", "value.spend"]


def test_measures_of_one_name_and_texts_that_differ_by_a_capital_are_not_shared(retailer):
    shared, _ = conditions(
        retailer,
        one=MEASURE % 30 + "who: some > 1\n",
        two=MEASURE % 60 + "who: some > 1 and preference.favourite_category = 'a'\n",
        three="preference.favourite_category = 'A'",
    )
    assert len(shared.selected()) == 4


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("value.orders = 3 and value.spend > 20", (True, False, False, False)),
        ("value.orders <> 3 and value.spend > 20", (False, False, True, False)),
        ("not (value.orders = 3 or value.spend > 20)", (False, False, False, True)),
        ("value.orders = 3 and not value.spend > 20 or not value.orders = 3", (False, True, True, True)),
    ],
)
def test_a_rule_counts_the_rows_that_fulfil_it(retailer, rule, holds):
    shared, rules = conditions(retailer, one=rule)
    rows = [(True, True), (True, False), (False, True), (False, False)]
    for row, inside in zip(rows, holds, strict=True):
        columns = pa.table({**{f"_holds_{n}": [truth] for n, truth in enumerate(row)}, NUMBER: [7]})
        assert number_where(rules["one"], columns) == 7 * inside, row
    many = pa.table({**{f"_holds_{n}": [row[n] for row in rows] for n in (0, 1)}, NUMBER: [1, 10, 100, 1000]})
    assert number_where(rules["one"], many) == sum(10**n for n, inside in enumerate(holds) if inside)
    assert number_where(rules["one"], many.slice(0, 0)) == 0
    assert shared.sql(rules["one"]).count("_holds_") == str(rules["one"]).count("_holds_")


def test_more_conditions_than_one_number_has_bits_are_counted_apart(retailer):
    shared, _ = conditions(retailer)
    above = [shared.rule(Audience(**OTHER, who=f"value.orders >= {n}")) for n in range(1, BITS + 4)]
    spark = retailer.context("2024-07-01").lake.spark
    profiles = spark.createDataFrame([(n,) for n in (1, 2, 2, BITS + 2)], "value__orders bigint")
    combinations = shared.combinations(profiles)
    assert combinations.num_rows == 3
    assert [number_where(rule, combinations) for rule in above] == [4, 3, *[1] * BITS, 0]


def test_an_audience_that_leads_to_itself_and_an_unknown_one_are_refused(retailer):
    shared, _ = conditions(retailer, one="value.orders = 3")
    with pytest.raises(ExpressionError, match="depends on itself"):
        shared.rule(Audience(**OTHER, who="audience.two or value.orders = 3"))
    with pytest.raises(ExpressionError, match="is unknown"):
        shared.rule(Audience(**OTHER, who="audience.nobody"))
