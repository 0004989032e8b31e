"""Comparison of two lakes: differences are counted and named, without values of rows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO

import pyarrow as pa
import pytest
from rich.console import Console

from jobs.verify.compare import Difference, compare
from jobs.verify.origin import origin
from jobs.verify.proof import Proof
from jobs.verify.report import report
from quanyu import discover
from quanyu.config.settings import load_settings
from quanyu.engine.session import Engine
from quanyu.lake import Lake, place_of
from quanyu.lake.receipt import Receipt
from quanyu.run.runner import Context

DAY = date(2024, 7, 1)
ORDER = {
    "source": "shop", "person_key": "p1", "order_id": "o1", "ordered_at": datetime(2024, 7, 1, 10, tzinfo=UTC),
    "kind": "purchase", "status": "paid", "amount": Decimal("10.00"), "feed_day": DAY, "recorded_on": DAY,
}  # fmt: skip
PAIR = {"a": 1, "b": 2, "levels": 3, "weight": 0.1, "weights": [0.1, 0.2], "batch": 1}


@pytest.fixture
def lakes(tmp_path):
    """Two empty lakes of the default conf folder."""
    settings = [load_settings("conf", tmp_path / name) for name in ("one", "other")]
    return [Lake(one, Engine(one)) for one in settings]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    return discover.load(load_settings("conf", tmp_path_factory.mktemp("home")))


def write(lake, table, *rows):
    lake.prepare(table)
    schema = lake.arrow(place_of(table)).schema
    full = [{**dict.fromkeys(table.schema()), **row} for row in rows]
    lake.append_rows(place_of(table), pa.Table.from_pylist(full, schema), Receipt("job", str(DAY), "run", ""), {})


def differences(lakes, catalogue):
    return [one for comparison in compare(*lakes, catalogue.tables) for one in comparison.differences]


def orders(lakes, catalogue, left, right):
    """Differences between two lists of orders."""
    for lake, rows in zip(lakes, (left, right), strict=True):
        write(lake, catalogue.tables["orders"], *rows)
    return differences(lakes, catalogue)


def order(number, **other):
    return {**ORDER, "order_id": f"o{number}", **other}


def test_the_order_of_rows_does_not_matter(lakes, catalogue):
    rows = [order(n) for n in range(5)]
    assert orders(lakes, catalogue, rows, rows[::-1]) == []
    assert [(c.rows_a, c.rows_b, c.rows_that_differ) for c in compare(*lakes, catalogue.tables)] == [(5, 5, 0)]


def test_one_cell_is_found_in_its_column_and_feed(lakes, catalogue):
    one = [order(1), order(2), order(3, source="pos")]
    differences = orders(lakes, catalogue, one, [one[0], one[1], {**one[2], "amount": Decimal("10.01")}])
    assert differences == [Difference("silver/orders", "amount", 1, labels=("pos",))]


def test_null_differs_from_a_value_and_not_from_null(lakes, catalogue):
    one = [order(1), order(2, channel="online")]
    differences = orders(lakes, catalogue, one, [order(1), order(2)])
    assert differences == [Difference("silver/orders", "channel", 1, labels=("shop",))]


def test_a_time_differs_by_a_microsecond(lakes, catalogue):
    later = ORDER["ordered_at"].replace(microsecond=1)
    differences = orders(lakes, catalogue, [order(1)], [order(1, ordered_at=later)])
    assert [(one.column, one.rows) for one in differences] == [("ordered_at", 1)]


def test_rows_that_only_one_lake_has_are_counted_by_lake(lakes, catalogue):
    differences = orders(lakes, catalogue, [order(1), order(2)], [order(2), order(3, source="pos"), order(4)])
    assert differences == [Difference("silver/orders", "", 0, only_a=1, only_b=2, labels=("pos", "shop"))]


def test_all_rows_of_a_table_that_only_one_lake_has_differ(lakes, catalogue):
    write(lakes[1], catalogue.tables["orders"], order(1), order(2))
    [comparison] = compare(*lakes, catalogue.tables)
    assert (comparison.rows_a, comparison.rows_b, comparison.rows_that_differ) == (0, 2, 2)
    assert comparison.differences[0].only_b == 2


@pytest.mark.parametrize(
    ("changed", "columns"),
    [
        ({"weight": 0.1 * (1 + 1e-10), "weights": [0.1, 0.2 * (1 - 1e-10)]}, []),
        ({"weight": 0.1 * (1 + 2e-9)}, ["weight"]),
        ({"weights": [0.1, 0.2 * (1 + 2e-9)]}, ["weights"]),
        ({"weights": [0.1]}, ["weights"]),
        ({"weight": float("nan")}, ["weight"]),
        ({"levels": 4}, ["levels"]),
    ],
)
def test_doubles_may_differ_by_one_in_a_thousand_million_and_nothing_else_may(lakes, catalogue, changed, columns):
    pairs = catalogue.tables["identity_pairs"]
    write(lakes[0], pairs, PAIR, {**PAIR, "a": 5, "weights": []})
    write(lakes[1], pairs, {**PAIR, "a": 5, "weights": []}, {**PAIR, **changed})
    assert [(one.column, one.rows) for one in differences(lakes, catalogue)] == [(name, 1) for name in columns]


def test_rows_with_a_repeated_key_are_compared_completely(lakes, catalogue):
    columns = {"_file": "string", "_row": "bigint", "said": "string"}
    for lake, words in zip(lakes, (["x", "y", "y"], ["y", "x", "z"]), strict=True):
        lake.ensure_table("bronze/feed", columns, [])
        rows = pa.table({"_file": ["f"] * 3, "_row": pa.array([1, 1, 1], pa.int64()), "said": words})
        lake.append_rows("bronze/feed", rows, Receipt("job", str(DAY), "run", ""), {})
    assert differences(lakes, catalogue) == [Difference("bronze/feed", "", 0, only_a=1, only_b=1)]


@pytest.mark.parametrize(
    ("place", "column", "labels", "words"),
    [
        ("silver/order_lines", "kind", ("pos",), "sources/pos.yml: fills.order_lines.kind: if(cast(quantity as int)"),
        ("silver/order_lines", "", ("pos",), "sources/pos.yml: fills.order_lines"),
        ("silver/orders", "person_key", ("pos",), "sources/pos.yml: person: member: card_no, phone: mobile"),
        ("silver/identifiers", "value", ("pos",), "sources/pos.yml: person: member: card_no, phone: mobile"),
        ("bronze/pos", "item_code", (), "sources/pos.yml: reads"),
        ("quarantine/pos", "reasons", (), "sources/pos.yml: person, drops, fills"),
        ("gold/value", "", (), "features/customers/value.py: Value: customers with facts"),
        ("gold/profile_customer", "value__spend", (), "features/customers/value.py: Value.spend: sum(amount)"),
        ("gold/memberships_customer", "", ("winback",), "audiences/winback.yml: who: value.orders_ever >= 2"),
        ("gold/scores_customer", "score", ("churn",), "ml/churn.py: churn"),
        ("gold/customers", "city", (), "step customers: Combine what all sources know of each customer, a row each."),
        ("gold/identity_cuts", "rule", (), "the steps of gold"),
    ],
)
def test_a_difference_is_traced_to_its_declaration(tmp_path, place, column, labels, words):
    context = Context(load_settings("conf", tmp_path), DAY)
    assert words in origin(context.catalogue, context.steps.values(), place, column, labels)


def test_a_difference_in_a_part_is_traced_to_the_features_that_it_belongs_to(tmp_path):
    context = Context(load_settings("conf", tmp_path), DAY)
    plans = context.catalogue.views["value"].plans(context.catalogue.tables)
    total = next(iter(plans["spend"].parts()))
    words = origin(context.catalogue, context.steps.values(), "gold/value", total, ())
    assert [line.partition("Value.")[2].partition(":")[0] for line in words.splitlines()] == ["spend", "average_order"]


def test_the_report_names_what_differs_and_no_value_of_a_row(lakes, catalogue):
    one = [order(1), order(2, person_key="p-secret"), order(3)]
    other = [order(1, person_key="p-hidden"), one[1], order(4, store="secret street")]
    differing = orders(lakes, catalogue, one, other)
    named = {one: f"made by {one.column}" for one in differing}
    comparisons = tuple(compare(*lakes, catalogue.tables))
    runs = (run_of("sail"), run_of("spark"))
    screen = Console(file=StringIO(), width=150)
    screen.print(report(Proof(DAY, "from nothing", runs, comparisons, named, ("gold/decisions",))))
    text = screen.file.getvalue()
    for words in ("silver/orders", "person_key", "made by person_key", "1 only on sail", "1 of 1 tables differ"):
        assert words in text
    assert "secret" not in text
    assert "hidden" not in text
    assert "o4" not in text


def run_of(engine):
    from jobs.verify.days import EngineRun

    return EngineRun(engine, (), 1.0)
