"""A lost value is null for that customer only, and is reported by name: in features, measures and rules."""

from dataclasses import replace
from datetime import date

import pytest
from specification import rule, scene, spec
from specification.memory import MemoryContext, MemoryLake

from jobs.audiences import rules
from quanyu.grammar.feature import Feature, FeatureView
from quanyu.model.entities import Customer
from quanyu.model.trade import Orders
from quanyu.point_in_time.profiles import lost_note, profiles

DAY = date(2024, 7, 1)


class Ratio(FeatureView):
    """Ratios of what was bought."""

    entity, owner, over = Customer, "growth", Orders

    per_piece = Feature("sum(amount) / sum(pieces)", "Paid per piece.", unit="currency")
    spent = Feature("sum(amount)", "Spent.", unit="currency")
    # Keys of a case have a prefix that ends with a colon.
    store_no = Feature(
        "max(cast(substring_index(store, ':', -1) as int))", "Greatest number of a store.", unit="number"
    )
    store_or_none = Feature(
        "max(if(store rlike ':[0-9]+$', cast(substring_index(store, ':', -1) as int), null))", "On purpose.",
        unit="number",
    )  # fmt: skip
    either = Feature("sum(amount) / nullif(sum(pieces), 0)", "Null on purpose.", unit="currency")


AUDIENCE = rule(
    "value.spend / value.orders >= 10 and per_piece > 1",
    per_piece={"over": "orders", "value": "sum(amount) / sum(pieces)"},
)
CASE = spec(
    Ratio,
    as_of=str(DAY),
    given={
        Orders: """
            customer | ordered_at | amount              | pieces | store
            ann      | 2024-06-01 | 50                  | 2      | 12
            bob      | 2024-06-01 | 50                  | 0      | c45
            bob      | 2024-06-02 | 0                   | 0      | 7
            cat      | 2024-06-01 | 9999999999999999.99 | 1      | 1
            cat      | 2024-06-02 | 9999999999999999.99 | 1      | 1
            dan      | 2022-06-01 | 0                   | 1      |
        """
    },
    expect={"eve": {}},
).case


@pytest.fixture(scope="module")
def context(spec_session, specified):
    spec_session.conf.set("spark.sql.session.timeZone", "Asia/Shanghai")
    chosen = replace(specified.catalogue, audiences={AUDIENCE.name: AUDIENCE})
    return MemoryContext(chosen, MemoryLake(spec_session, [CASE]), date(1900, 1, 1))


def by_customer(rows):
    return {row.customer_id.removeprefix(CASE.prefix): row for row in rows.collect()}


def test_a_feature_names_what_it_cannot_compute(context):
    chosen = with_ratio(context)
    rows = by_customer(profiles(chosen, Customer, [f"ratio.{name}" for name in Ratio.features], DAY))
    assert {who: row._lost for who, row in rows.items()} == {
        "ann": [], "bob": ["ratio.per_piece", "ratio.store_no"],
        "cat": ["ratio.per_piece", "ratio.spent", "ratio.either"], "dan": [], "eve": [],
    }  # fmt: skip
    assert [rows["bob"].ratio__per_piece, rows["bob"].ratio__spent, rows["cat"].ratio__spent] == [None, 50, None]
    stores = [rows["bob"].ratio__store_no, rows["bob"].ratio__store_or_none, rows["ann"].ratio__store_no]
    assert stores == [None, 7, 12]
    assert [rows["eve"].ratio__per_piece, rows["eve"].ratio__spent] == [None, 0]


def with_ratio(context, **declared):
    catalogue = replace(context.catalogue, views=context.catalogue.views | {"ratio": Ratio}, **declared)
    return MemoryContext(catalogue, context.lake, context.day)


def test_a_rule_and_a_measure_name_what_they_cannot_compute(context):
    rows = rules.evaluate_rules(context, Customer, [DAY]).collect()
    lost = {(row.customer_id.removeprefix(CASE.prefix), row.lost) for row in rows if row.lost}
    assert lost == {
        ("bob", "rule__per_piece"), ("cat", "rule__per_piece"), ("dan", "rule.who"), ("eve", "rule.who"),
        ("cat", "value.spend"),
    }  # fmt: skip
    assert {row.customer_id.removeprefix(CASE.prefix) for row in rows if row.audience} == {"ann"}
    members = rules.members_of_all(context, Customer, [DAY]).collect()
    assert {row.customer_id for row in members} == {f"{CASE.prefix}ann"}


def test_the_note_on_lost_values_counts_customers():
    note = lost_note("value.spend", 1, Customer)
    assert note.startswith("value.spend cannot be computed for 1 customer: ")
    assert "2 customers" in lost_note("value.spend", 2, Customer)


def test_a_tag_names_what_it_cannot_compute(context):
    tags = scene("dear", dear="10 / ratio.spent > 1")
    chosen = with_ratio(context, tags={"dear": tags})
    rows = by_customer(profiles(chosen, Customer, ["dear.dear"], DAY))
    assert {who: row._lost for who, row in rows.items()} == {
        "ann": [], "bob": [], "cat": ["ratio.spent"], "dan": ["dear.dear"], "eve": ["dear.dear"],
    }  # fmt: skip
    assert {who: row.dear__dear for who, row in rows.items()} == dict.fromkeys(
        ["ann", "bob", "cat", "dan", "eve"], False
    )
