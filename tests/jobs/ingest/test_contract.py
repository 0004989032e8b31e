"""The contract of a feed as SQL conditions: every value that would be lost is reported, row by row."""

import pytest
import sqlglot
from asked import ask

from jobs.ingest.mapping.contract import (
    cast_checks,
    constraint_checks,
    members,
    per_group,
    per_row,
    person_columns,
    reasons,
    value_of,
    where_sql,
)
from quanyu.expressions import parse
from quanyu.feeds.fill import Fill
from quanyu.feeds.source import Source
from quanyu.grammar.table import Column, Table
from quanyu.literals import quoted

MORE = "has more than 2 decimal places: write round(x, 2) if it may be rounded"


class Sales(Table):
    """One sale."""

    layer = "silver"
    keys = ("sale_id",)

    sale_id = Column("string", "Key.", required=True)
    kind = Column("string", "Kind.", required=True, values=("sale", "return"))
    amount = Column("decimal(18,2)", "Money.", unit="currency", at_least=0)
    pieces = Column("bigint", "Pieces.", unit="pieces")


def broken(checks, **row):
    """Reasons of the checks that a row fails."""
    return [check.reason for check in checks if ask(check.bad, **row)]


@pytest.mark.parametrize(
    ("text", "kind", "row", "expected"),
    [
        ("paid", "decimal(18,2)", {"paid": "12.50"}, []),
        ("paid", "decimal(18,2)", {"paid": None}, []),
        ("paid", "decimal(18,2)", {"paid": "N/A"}, ["sales.x: not a decimal(18,2)"]),
        ("cast(paid as decimal(18, 2))", "decimal(18,2)", {"paid": "N/A"}, ["sales.x: paid is not a decimal(18, 2)"]),
        ("cast(replace(paid, ',', '.') as decimal(18, 2))", "decimal(18,2)", {"paid": "12,50"}, []),
        ("paid", "decimal(18,2)", {"paid": "1.234"}, [f"sales.x: not a decimal(18,2), {MORE}"]),
        ("paid", "decimal(18,2)", {"paid": "0.0049"}, [f"sales.x: not a decimal(18,2), {MORE}"]),
        ("paid", "decimal(18,2)", {"paid": "12.5000"}, []),
        ("paid", "decimal(18,2)", {"paid": "1e2"}, []),
        ("paid", "decimal(18,2)", {"paid": "1,234"}, ["sales.x: not a decimal(18,2)"]),
        ("paid", "decimal(18,2)", {"paid": "1.23E+11"}, ["sales.x: not a decimal(18,2)"]),
        ("replace(paid, ',', '.')", "decimal(18,2)", {"paid": "1,234"}, [f"sales.x: not a decimal(18,2), {MORE}"]),
        ("round(paid, 2)", "decimal(18,2)", {"paid": "1.235"}, []),
        ("round(paid, 2)", "decimal(18,2)", {"paid": "1.2.3"}, ["sales.x: gives no value from paid"]),
        ("cast(paid as double)", "decimal(18,2)", {"paid": "1.234"}, [f"sales.x: not a decimal(18,2), {MORE}"]),
        ("cast(a as double) + cast(b as double)", "decimal(18,2)", {"a": "0.1", "b": "0.2"}, []),
        ("cast(paid as decimal(18, 4)) * 0.5", "decimal(18,2)", {"paid": "0.05"},
         [f"sales.x: not a decimal(18,2), {MORE}"]),
        ("cast(n as double)", "bigint", {"n": "2.5"},
         ["sales.x: not a bigint, has more than 0 decimal places: write round(x, 0) if it may be rounded"]),
        ("n", "bigint", {"n": "2.0"}, []),
        ("at", "timestamp", {"at": "10:15:00"}, ["sales.x: not a timestamp"]),
        ("at", "timestamp", {"at": "2024-07-01 10:15:00 CST"}, ["sales.x: not a timestamp"]),
        ("at", "timestamp", {"at": "2024-07-01 10:15:00 GMT+8"}, []),
        ("at", "timestamp", {"at": "2024-07-01T10:15:00 Asia/Tokyo"}, []),
        ("at", "timestamp", {"at": "2024-07-01 10:15:00[Asia/Tokyo]"}, ["sales.x: not a timestamp"]),
        ("at", "timestamp", {"at": "1986-05-04 02:30:00"}, ["sales.x: a time that the clocks skip"]),
        ("at", "timestamp", {"at": "1986-05-04 02:30:00+08:00"}, []),
        ("at", "date", {"at": "2024-07-01T00:00:00Z"}, []),
        ("at", "date", {"at": "1990-05-04T16:00:00Z"}, ["sales.x: not a date"]),
        ("born", "date", {"born": "2024-02-30"}, ["sales.x: not a date"]),
        ("cast(paid as int) + cast(tax as int)", "int", {"paid": "1", "tax": "x"}, ["sales.x: tax is not a int"]),
        ("nullif(paid, '0')", "string", {"paid": "0"}, []),
        ("case when paid = 'a' then 'b' end", "string", {"paid": "c"}, []),
        ("split(paid, '-')[1]", "string", {"paid": "abc"}, ["sales.x: gives no value from paid"]),
        ("split(paid, '-')[1]", "string", {"paid": None}, []),
        ("split(paid, '-')[1]", "string", {"paid": "a-b"}, []),
        ("cast(paid as bigint) * cast(n as bigint)", "bigint", {"paid": "9000000000000000000", "n": "2"},
         ["sales.x: gives no value from paid, n"]),
        ("cast(paid as bigint) * 2", "bigint", {"paid": "x"}, ["sales.x: paid is not a bigint"]),
        ("cast(paid as int) / cast(n as int)", "double", {"paid": "1", "n": "0"},
         ["sales.x: gives no value from paid, n"]),
        ("cast(paid as int) / nullif(cast(n as int), 0)", "double", {"paid": "1", "n": "0"}, []),
        ("cast(paid as int) * 1000", "int", {"paid": "2000000000"}, ["sales.x: not a int"]),
    ],
)  # fmt: skip
def test_a_value_that_would_be_lost_is_reported(text, kind, row, expected):
    mapped = value_of(text, Column(kind, "X."), "sales.x")
    assert mapped.name == "x"
    assert broken(mapped.checks, **row) == expected


def test_every_cast_is_checked_row_by_row_even_inside_an_aggregate():
    checks = list(cast_checks(members(parse("sum(cast(paid as decimal(18, 2)))").tree), "sales.amount"))
    assert [broken(checks, paid=value) for value in ("1.5", None)] == [[], []]
    assert broken(checks, paid="x") == ["sales.amount: paid is not a decimal(18, 2)"]
    assert broken(checks, paid="1.234") == [f"sales.amount: paid is not a decimal(18, 2), {MORE}"]
    assert list(cast_checks(members(parse("cast(sum(paid) as int)").tree), "a")) == []
    assert list(cast_checks(members(parse("cast('2024-01-01' as date)").tree), "a")) == []


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"sale_id": "1", "kind": "sale", "amount": "3"}, []),
        ({"sale_id": None, "kind": "sale", "amount": "3"}, ["sales.sale_id: is missing"]),
        ({"sale_id": "1", "kind": "gift", "amount": "3"}, ["sales.kind: kind must be one of sale, return"]),
        ({"sale_id": "1", "kind": "sale", "amount": "-3"}, ["sales.amount: amount must be at least 0"]),
        ({"sale_id": "1", "kind": "sale", "amount": None}, []),
        ({"sale_id": None, "kind": None, "amount": "-3"},
         ["sales.sale_id: is missing", "sales.kind: is missing", "sales.amount: amount must be at least 0"]),
    ],
)  # fmt: skip
def test_what_a_table_declares_is_checked_with_all_reasons(row, expected):
    columns = {"sale_id": "sale_id", "kind": "kind", "amount": "cast(amount as decimal(18,2))"}
    assert broken(constraint_checks(Sales, columns, {}), **row) == expected


def test_a_lost_value_is_not_reported_as_missing_too():
    fill = Fill(table="sales", columns={"sale_id": "concat('pos-', no)", "kind": "'sale'", "amount": "paid"})
    mapped = {column.name: column for column in per_row(fill, Sales)}
    assert list(mapped) == ["sale_id", "kind", "amount"]
    faults = {name: " or ".join(f"({check.bad})" for check in column.checks) for name, column in mapped.items()}
    columns = {"amount": mapped["amount"].sql}
    required = type("Sales", (Table,), {
        "__doc__": "S.", "layer": "silver", "keys": (), "amount": Column("decimal(18,2)", "M.", required=True),
    })  # fmt: skip
    checks = [*mapped["amount"].checks, *constraint_checks(required, columns, faults)]
    assert broken(checks, paid="N/A") == ["sales.amount: not a decimal(18,2)"]
    assert broken(checks, paid=None) == ["sales.amount: is missing"]


def test_in_a_group_columns_without_an_aggregate_come_from_the_last_row():
    fill = Fill(
        table="sales",
        one_row_per=("no",),
        columns={"sale_id": "no", "kind": "kind", "pieces": "sum(cast(n as bigint))"},
    )
    sql = {column.name: column.sql for column in per_group(fill, Sales)}
    assert sql["kind"] == "max_by(`kind`, _order)"
    assert "max_by" not in sql["sale_id"]
    assert "try_cast(sum(" in sql["pieces"]


@pytest.mark.parametrize("text", ["1.5", "4294967297", "1.5e0", "1E+0", "１", " ", "one"])
def test_a_cast_neither_fails_nor_rounds_nor_wraps(text):
    """Spark's CAST outside ANSI mode silently turns '1.5' and 4294967297 into 1."""
    assert ask(value_of("cast(paid as int)", Column("int", "X."), "sales.x").sql, paid=text) is None
    assert ask(where_sql("cast(paid as int) = 1"), paid=text) is False


@pytest.mark.parametrize(("value", "holds"), [("1", True), ("0", False), (None, False), ("x", False)])
def test_a_condition_never_fails_and_null_is_false(value, holds):
    assert ask(where_sql("cast(paid as int) > 0"), paid=value) is holds


@pytest.mark.parametrize("text", ["plain", "it's", "a\\b", "\\'", "中文", "'); drop table x; --"])
def test_a_reason_is_a_literal_whatever_it_holds(text):
    assert sqlglot.parse_one(quoted(text), dialect="spark").name == text


def test_reasons_are_a_list_of_the_checks_that_fail():
    assert reasons([]) == "cast(array() as array<string>)"
    checks = list(constraint_checks(Sales, {"sale_id": "sale_id", "kind": "kind"}, {}))
    parsed = sqlglot.parse_one(reasons(checks), dialect="spark")
    assert len(list(parsed.find_all(sqlglot.exp.Case))) == len(checks) == 3


def test_identifiers_of_a_row_are_read_without_failing():
    source = Source.model_validate({
        "name": "tills", "file": "tills.yml", "describes": "d", "owner": "o", "delivers": "events",
        "reads": {"path": "{day}.csv", "format": "csv"}, "freshness": "none", "fills": {"orders": {"order_id": "no"}},
        "person": [{"kind": "customer_no", "value": "cast(cast(id as double) as bigint)"}],
    })  # fmt: skip
    [sql] = person_columns(source)
    assert [ask(sql, id=value) for value in ("17850.0", None, "x")] == ["17850", None, None]
