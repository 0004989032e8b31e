"""The specification harness: how tables are read, default values, and reports of wrong expectations."""

from types import ModuleType

import pytest
from specification import ascii_table, rule, spec
from specification.comparison import same

from features.customers.recency import Recency
from features.customers.value import Value
from quanyu.model.people import Activity, Consents, Customers, Identifiers, People
from quanyu.model.touch import Messages
from quanyu.model.trade import OrderLines, Orders, Products

ZONE = "Asia/Shanghai"


def facts(table, text):
    return ascii_table.facts(table, text, "case1:", ZONE)


def test_a_table_is_read_by_its_header_and_an_empty_cell_is_null():
    rows = ascii_table.cells("""
        customer | amount | channel
        ann      | 10     |
        bob      | null   | store
    """)
    assert rows == [
        {"customer": "ann", "amount": "10", "channel": None},
        {"customer": "bob", "amount": None, "channel": "store"},
    ]


def test_a_row_of_another_width_than_the_header_is_refused():
    with pytest.raises(ValueError, match="3 cells under a header of 2"):
        ascii_table.cells("a | b\n1 | 2 | 3")


def test_an_order_is_a_paid_purchase_known_on_its_own_day_unless_the_case_says_otherwise():
    row = facts(Orders, "customer | ordered_at\nann | 2024-06-30 10:00:00")[0]
    assert row == {
        "source": "spec", "person_key": "case1:ann", "order_id": "case1:orders-0", "ordered_at": "2024-06-30 10:00:00",
        "kind": "purchase", "status": "paid", "amount": None, "pieces": None, "channel": None, "store": None,
        "guide": None, "updated_at": None, "incomplete": None, "feed_day": "2024-06-30", "recorded_on": "2024-06-30",
        "replaced_on": None, "campaign": None, "outlet": None, "_file": None, "_row": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("table", "text", "column", "value"),
    [
        (OrderLines, "customer | ordered_at\nann | 2024-06-30", "kind", "sale"),
        (OrderLines, "customer | ordered_at\nann | 2024-06-30", "line", "0"),
        (OrderLines, "customer | ordered_at | sku\nann | 2024-06-30 | lamp", "sku", "case1:lamp"),
        (Products, "sku\nlamp", "sku", "case1:lamp"),
        (Products, "sku\nlamp", "recorded_on", "2000-01-01"),
        (Messages, "customer | at\nann | 2024-06-30", "status", "sent"),
        (Consents, "customer | changed_at\nann | 2024-06-30", "state", "granted"),
        (People, "customer | person\nann | c1", "person_key", "case1:c1"),
        (People, "customer | person\nnull | null", "person_key", None),
        (Orders, "customer | ordered_at | recorded_on\nann | 2024-06-30 | 2024-07-02", "feed_day", "2024-07-02"),
        (Orders, "customer | ordered_at\nann | 2024-06-30T20:00:00Z", "recorded_on", "2024-07-01"),
    ],
)
def test_a_column_that_is_not_named_has_its_ordinary_value(table, text, column, value):
    assert facts(table, text)[0][column] == value


@pytest.mark.parametrize(
    ("table", "text", "message"),
    [
        (Orders, "customer | order_at\nann | 2024-06-30", "orders has no column order_at"),
        (Orders, "customer | amount\nann | 1", "orders: a case gives ordered_at"),
    ],
)
def test_an_unknown_or_missing_column_is_reported(table, text, message):
    with pytest.raises(ValueError, match=message):
        facts(table, text)


@pytest.mark.parametrize(
    ("value", "expected", "equal"),
    [
        (1, True, False),
        (True, 1, False),
        (0, None, False),
        (None, None, True),
        (1, 1.0, True),
        (0.1 + 0.2, 0.3, True),
        (0.3001, 0.3, False),
        (["a"], ["a"], True),
        (["a", "b"], ["b", "a"], False),
    ],
)
def test_values_are_the_same_but_for_the_last_digits_of_doubles(value, expected, equal):
    assert same(value, expected) is equal


def of(*checks):
    """A module of cases, like a specification file."""
    module = ModuleType(f"cases_{checks[0].case.number}")
    for number, check in enumerate(checks):
        setattr(module, f"test_{number}", check)
    return module


def problems(specified, *checks):
    module = of(*checks)
    return [specified.problems(module, check.case) for check in checks]


ONE = {Orders: "customer | ordered_at | amount\nann | 2024-06-30 | 10"}


@pytest.mark.parametrize(
    ("target", "facts", "expect", "message"),
    [
        (Recency, ONE, {"ann": dict(days_since_order=2)}, "ann: days_since_order is 1, right: 2"),
        (Recency, ONE, {"ann": dict(orders_30d=2)}, "ann: orders_30d is 1, right: 2"),
        (Recency, ONE, {"ann": dict(days=2)}, "ann: there is no days; there are customer_id, as_of"),
        (Recency, ONE, {"ann": None}, "ann: there is a row"),
        (rule("value.orders = 1"), ONE, {"bob"}, "inside: ['ann'], right: ['bob']"),
        (rule("value.orders = 1"), ONE, {"ann": dict(inside=False)}, "ann: inside is True, right: False"),
        (rule("value.order = 1"), ONE, {"ann"}, "unknown column 'value.order'"),
        ("winback", ONE, {"ann"}, "inside: [], right: ['ann']"),
        (Customers, {}, {"ann": dict(persons=2)}, "ann: persons is 1, right: 2"),
        (Activity, ONE, "customer | kind", "not expected: {'customer': 'ann', 'kind': 'order'}"),
        (Activity, {}, "customer | kind\nann | order", "missing: {'customer': 'ann', 'kind': 'order'}"),
    ],
)
def test_a_wrong_expectation_is_reported(specified, target, facts, expect, message):
    check = spec(target, as_of="2024-07-01", given=facts, expect=expect)
    messages = problems(specified, check)[0]
    assert len(messages) == 1
    assert message in messages[0]


def test_cases_of_a_file_are_separate_although_they_share_names(specified):
    lines = "customer | order_id | ordered_at | amount\nann | 1 | 2024-06-01 |"
    few = spec(Value, as_of="2024-07-01", given={Orders: f"{lines} 10"}, expect={"ann": dict(orders=1, spend=10)})
    other = spec(Value, as_of="2024-07-01", given={Orders: f"{lines} 20"}, expect={"ann": dict(orders=1, spend=20)})
    earlier = spec(Value, as_of="2024-05-01", given={Orders: f"{lines} 40"}, expect={"ann": dict(orders=0, spend=0)})
    assert problems(specified, few, other, earlier) == [[], [], []]


def test_a_case_that_cannot_be_computed_leaves_the_others_of_its_file_alone(specified):
    cannot = rule("m > 0", m=dict(over="orders", value="max(no_such_column)"))
    facts = {Orders: "customer | ordered_at | store\nann | 2024-06-30 | main"}
    checks = [spec(cannot, as_of="2024-07-01", given=facts, expect=set())]
    checks += [spec(rule("true"), as_of="2024-07-01", given=facts, expect={"ann"}) for _ in range(3)]
    first, *others = problems(specified, *checks)
    assert first[0].startswith("cannot be computed: ")
    assert others == [[], [], []]


def test_cases_in_several_zones_stand_in_one_file(specified):
    def of_zone(zone, orders):
        facts = {Orders: "customer | ordered_at | recorded_on\nann | 2024-06-30T20:00:00Z | 2024-06-30"}
        return spec(Value, zone=zone, as_of="2024-06-30", given=facts, expect={"ann": dict(orders=orders)})

    assert (
        problems(specified, of_zone("Asia/Shanghai", 0), of_zone("UTC", 1), of_zone("America/New_York", 1)) == [[]] * 3
    )


def test_all_cases_of_a_file_that_ask_for_the_same_are_one_computation(specified, monkeypatch):
    from quanyu.point_in_time import view_parts

    compute, days = view_parts.compute, []
    monkeypatch.setattr(view_parts, "compute", lambda *a: days.append(a[2:]) or compute(*a))
    checks = [spec(Value, as_of=f"2024-07-0{n}", given=ONE, expect={"ann": dict(orders=1)}) for n in (1, 2, 3)]
    assert problems(specified, *checks) == [[], [], []]
    assert [len(of_call) for of_call in days] == [3]


def test_an_expected_tag_is_of_the_scene_that_the_case_names(specified):
    check = spec(Recency, tags="retention", as_of="2024-07-01", given=ONE, expect={"ann": dict(newcomer=True)})
    [[message]] = problems(specified, check)
    assert message.startswith("ann: there is no newcomer; there are")


def test_identities_are_made_for_every_record_of_a_customer_and_for_no_stranger():
    facts = {
        Orders: "customer | source | person | ordered_at\nann | pos | c1 | 2024-06-30\nzoe | pos | c2 | 2024-06-30",
        People: "customer | source\nann | crm\nnull | crm",
    }
    check = spec(Value, as_of="2024-07-01", given=facts, strangers={"zoe"}, expect={"bob": dict(orders=0)})
    prefix = check.case.prefix
    persons = {(r["source"], r["person_key"].removeprefix(prefix), r["customer_id"]) for r in check.case.persons()}
    assert persons == {("pos", "c1", f"{prefix}ann"), ("crm", "ann", f"{prefix}ann"), ("spec", "bob", f"{prefix}bob")}
    assert {row["recorded_on"] for row in check.case.identifiers()} == {"2000-01-01"}


def test_identifiers_that_a_case_gives_are_all_there_are():
    facts = {Identifiers: "customer | value | recorded_on\nann | 1 | 2024-07-01"}
    check = spec(Value, as_of="2024-07-01", given=facts, expect={"bob": None})
    assert [(row["value"], row["recorded_on"]) for row in check.case.identifiers()] == [("1", "2024-07-01")]
