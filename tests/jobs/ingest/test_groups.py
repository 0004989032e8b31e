"""Rows of a feed that are grouped to one row: what is aggregated, and which groups are bad."""

import pytest

from jobs.ingest.mapping.groups import groups_of
from jobs.ingest.mapping.mapping import rows_of
from quanyu.feeds.source import Source
from quanyu.model.trade import Orders

SOURCE = Source.model_validate(
    {
        "name": "till", "file": "till.yml", "describes": "Receipts.", "owner": "retail", "delivers": "events",
        "reads": {"path": "till/{day}.csv", "format": "csv"}, "freshness": "none",
        "fills": {
            "orders": {
                "one_row_per": "no", "order_id": "no", "ordered_at": "min(cast(at as timestamp))",
                "kind": "if(sum(cast(paid as decimal(18, 2))) < 0, 'return', 'purchase')", "status": "'paid'",
                "amount": "sum(cast(paid as decimal(18, 2)))", "pieces": "sum(cast(qty as bigint))", "channel": "way",
            }
        },
    }
)  # fmt: skip
MOST, LARGEST = "9999999999999999.99", str(2**63 - 1)
ROWS = [
    ("a", "2024-06-02 10:00:00", "10.10", "1", "store"),
    ("a", "2024-06-01 10:00:00", "-0.10", None, "online"),
    ("b", "2024-06-01 10:00:00", "-1", None, "store"),
    ("c", "2024-06-01 10:00:00", MOST, "1", "store"),
    ("c", "2024-06-01 10:00:00", MOST, "1", "store"),
    ("d", "2024-06-01 10:00:00", "1", LARGEST, "store"),
    ("d", "2024-06-01 10:00:00", "1", LARGEST, "store"),
]


@pytest.fixture(scope="module")
def staged(spec_session):
    spec_session.conf.set("spark.sql.session.timeZone", "Asia/Shanghai")
    rows = [("f.csv", number, *row) for number, row in enumerate(ROWS)]
    return spec_session.createDataFrame(
        rows, "_file string, _row bigint, no string, at string, paid string, qty string, way string"
    ).selectExpr(
        "*", "date'2024-06-02' as _day", "cast(null as string) as _drop", "cast(array() as array<string>) as _reasons",
        "struct(1 as grouped) as _to_orders", "struct('p' as person_key) as _person",
    )  # fmt: skip


def test_a_group_is_one_row_and_a_sum_without_values_is_null(staged):
    rows = {row.order_id: row for row in rows_of(staged, "orders", SOURCE, Orders).collect()}
    assert sorted(rows) == ["a", "b", "c", "d"]
    assert [(rows[no].kind, rows[no].pieces, rows[no].channel) for no in "ab"] == [
        ("purchase", 1, "online"), ("return", None, "store"),
    ]  # fmt: skip
    assert (str(rows["a"].amount), str(rows["b"].amount)) == ("10.00", "-1.00")


def test_a_group_whose_sum_does_not_fit_is_bad(staged):
    groups = groups_of(staged, "orders", SOURCE, Orders).collect()
    bad = {row.order_id: row._why for row in groups if row._why}
    assert sorted(bad) == ["c", "d"]
    lost = "cannot be computed from the rows: too large, or a division by 0"
    assert {f"orders.amount: {lost}", f"orders.kind: {lost}"} <= set(bad["c"])
    assert bad["d"] == [f"orders.pieces: {lost}"]


@pytest.mark.parametrize(
    ("column", "text", "words"),
    [
        (
            "amount",
            "sum(paid)",
            "sum needs a number, and 'paid' is a text (string): write cast(paid as dec",
        ),
        ("pieces", "max(qty)", "as text '9' comes after '100', so cast what is aggregated to bigint"),
        ("amount", "avg(qty) / count(*)", "avg needs a number"),
        ("ordered_at", "max(at)", "so cast what is aggregated to timestamp"),
        ("amount", "sum(cast(qty as int)) + length(qty)", "qty is outside of an aggregate"),
    ],
)
def test_an_aggregate_over_text_is_refused_where_a_number_is_wanted(column, text, words):
    columns = {**SOURCE.fills["orders"].columns, column: text}
    fill = SOURCE.fills["orders"].model_copy(update={"columns": columns})
    problems = SOURCE.model_copy(update={"fills": {"orders": fill}}).problems({"orders": Orders}).found
    assert [problem.key for problem in problems] == [f"fills.orders.{column}"]
    assert words in problems[0].message
