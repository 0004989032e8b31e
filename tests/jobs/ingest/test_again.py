"""Days that are redelivered, late, in parts or in another order: silver is the result of all deliveries together."""

from __future__ import annotations

import itertools
import random
from datetime import date

import pytest
from shop import Retailer
from till import TILL

from examples import thorough
from jobs.ingest.steps import replay
from quanyu.errors import ConfigError

HEAD = "receipt,line,at,item,amount\n"
SHOP = """
describes: Orders of a shop, a row per change.
owner: ecommerce
reads: {path: "shop/{day}.csv", format: csv}
delivers: changes
freshness: none
fills:
  orders:
    order_id: number
    ordered_at: "'2024-01-01 09:00:00'"
    kind: "'purchase'"
    status: state
    updated_at: changed
"""
CATALOGUE = """
describes: The catalogue.
owner: merchandise
reads: {path: "catalogue/{day}.csv", format: csv}
delivers: snapshot
freshness: none
deleted_when: absent
volume: {at_least: 0}
fills:
  products: {sku: sku, product: name}
"""


def line(receipt, number, amount, at="2024-01-01 10:00:00"):
    return f"{receipt},{number},{at},a,{amount}\n"


def current(retailer, table, *columns):
    rows = retailer.rows(f"silver/{table}", *columns, "replaced_on")
    return [tuple(str(value) for value in row[:-1]) for row in rows if row[-1] is None]


def orders(retailer):
    return current(retailer, "orders", "order_id", "amount", "pieces")


@pytest.fixture
def till(retailer):
    retailer.declare("sources/till.yml", TILL)
    return retailer


@pytest.mark.long
def test_a_receipt_that_arrives_in_parts_is_the_sum_of_them(till):
    till.land("till/2024-01-01/s.csv", HEAD + line("r1", 1, "10.00") + line("r1", 2, "5.00"))
    till.ingest("till", "2024-01-01")
    till.land("till/2024-01-02/s.csv", HEAD + line("r1", 3, "7.00") + line("r2", 1, "1.00"))
    till.ingest("till", "2024-01-02")
    assert orders(till) == [("r1", "22.00", "3"), ("r2", "1.00", "1")]
    # A redelivered line replaces the earlier one; an identical one does not count twice.
    till.land("till/2024-01-03/s.csv", HEAD + line("r1", 2, "6.00") + line("r1", 1, "10.00"))
    till.ingest("till", "2024-01-03")
    assert orders(till) == [("r1", "23.00", "3"), ("r2", "1.00", "1")]
    assert till.ingest("till", "2024-01-03").rows_out == 0


def test_lines_without_a_key_add_up_and_an_identical_line_is_a_repetition(retailer):
    alone = TILL[: TILL.index("  order_lines:")] + TILL[TILL.index("  orders:") :]
    retailer.declare("sources/till.yml", alone)
    retailer.land("till/2024-01-01/s.csv", HEAD + 2 * line("r1", "", "10.00"))
    retailer.ingest("till", "2024-01-01")
    assert orders(retailer) == [("r1", "20.00", "2")]
    retailer.land("till/2024-01-02/s.csv", HEAD + 2 * line("r1", "", "10.00") + line("r1", "", "3.00"))
    retailer.ingest("till", "2024-01-02")
    assert orders(retailer) == [("r1", "23.00", "3")]


def test_a_receipt_with_a_line_in_quarantine_is_held_back_until_it_is_fixed(till):
    good, bad = line("r1", 1, "100.00") + line("r2", 1, "50.00"), line("r1", 2, "x")
    till.land("till/2024-01-01/s.csv", HEAD + good + bad)
    outcome = till.ingest("till", "2024-01-01")
    assert orders(till) == [("r2", "50.00", "1")]
    assert current(till, "order_lines", "order_id", "line") == [("r2", "1")]
    assert (outcome.rows_in, outcome.quarantined, outcome.facts.accepted) == (3, 2, 1)
    reasons = dict(till.rows("quarantine/till", "_row", "reasons"))
    assert reasons[1] == ["orders: another row of the same order_id is in quarantine"]
    till.land("till/2024-01-01/s.csv", HEAD + good + line("r1", 2, "1.00"))
    till.ingest("till", "2024-01-01")
    assert orders(till) == [("r1", "101.00", "2"), ("r2", "50.00", "1")]
    assert till.rows("quarantine/till", "_row") == []


@pytest.mark.long
def test_a_receipt_whose_second_part_is_bad_is_held_back_with_its_first(till):
    till.land("till/2024-01-01/s.csv", HEAD + line("r1", 1, "10.00"))
    till.ingest("till", "2024-01-01")
    till.land("till/2024-01-02/s.csv", HEAD + line("r1", 2, "x") + line("r2", 1, "1.00"))
    till.ingest("till", "2024-01-02")
    assert orders(till) == [("r2", "1.00", "1")]
    assert current(till, "order_lines", "order_id", "line") == [("r2", "1")]
    assert len(till.rows("quarantine/till", "_row")) == 2
    till.land("till/2024-01-02/s.csv", HEAD + line("r1", 2, "2.00") + line("r2", 1, "1.00"))
    till.ingest("till", "2024-01-03")
    assert orders(till) == [("r1", "12.00", "2"), ("r2", "1.00", "1")]
    assert current(till, "order_lines", "order_id", "line") == [("r1", "1"), ("r1", "2"), ("r2", "1")]
    assert till.rows("quarantine/till", "_row") == []


def test_a_source_may_publish_an_incomplete_receipt_without_its_sums(till):
    till.declare(
        "sources/till.yml", TILL.replace("one_row_per: receipt", "one_row_per: receipt\n    when_incomplete: mark")
    )
    till.land("till/2024-01-01/s.csv", HEAD + line("r1", 1, "10.00") + line("r1", 2, "x") + line("r2", 1, "5.00"))
    till.ingest("till", "2024-01-01")
    assert current(till, "orders", "order_id", "amount", "pieces", "incomplete") == [
        ("r1", "None", "None", "True"),
        ("r2", "5.00", "1", "False"),
    ]
    assert current(till, "order_lines", "order_id", "line") == [("r1", "1"), ("r2", "1")]


def test_a_day_without_rows_changes_nothing(till):
    till.land("till/2024-01-01/s.csv", HEAD + line("r1", 1, "10.00"))
    till.ingest("till", "2024-01-01")
    context = till.context("2024-01-02")
    with pytest.raises(ConfigError, match="no row of 2024-01-02"):
        replay(context, context.catalogue.sources["till"], frozenset([date(2024, 1, 2)]))
    till.land("till/2024-01-01/s.csv", HEAD)
    breaches = till.breached("till", "2024-01-01").breaches
    assert "0 rows of 2024-01-01, which had 1 before" in breaches["held back 2024-01-01"]
    assert orders(till) == [("r1", "10.00", "1")]


def test_the_first_rows_may_be_those_of_a_corrected_file(till):
    till.land("till/2024-01-01/s.csv", HEAD)
    till.ingest("till", "2024-01-01")
    till.land("till/2024-01-01/s.csv", HEAD + line("r1", 1, "10.00"))
    till.ingest("till", "2024-01-01")
    assert orders(till) == [("r1", "10.00", "1")]


@pytest.mark.long
def test_a_redelivered_day_with_only_its_corrected_rows_is_held_back(till):
    many = "".join(line(f"r{n}", 1, "10.00") for n in range(9))
    till.land("till/2024-01-01/s.csv", HEAD + many)
    till.ingest("till", "2024-01-01")
    till.land("till/2024-01-01/s.csv", HEAD + line("r1", 1, "11.00"))
    assert "held back 2024-01-01" in till.breached("till", "2024-01-02").breaches
    assert len(orders(till)) == 9
    # Fewer than half are missing, but more than a fifth.
    till.land("till/2024-01-01/s.csv", HEAD + "".join(many.splitlines(keepends=True)[:5]))
    assert "would end" in till.breached("till", "2024-01-02").breaches["held back 2024-01-01"]
    assert len(orders(till)) == 9
    till.declare("sources/till.yml", TILL + "ends_share: 0.5\n")
    till.ingest("till", "2024-01-02")
    assert len(orders(till)) == 5


def test_each_file_and_each_day_is_judged_by_itself(till):
    till.declare("sources/till.yml", TILL.replace("bad_share: 0.9", "bad_share: 0.1"))
    good = HEAD + "".join(line(f"g{n}", 1, "1.00") for n in range(20))
    bad = HEAD + "".join(line(f"b{n}", 1, "x" if n < 5 else "1.00") for n in range(10))
    till.land("till/2024-01-01/good.csv", good)
    till.land("till/2024-01-01/bad.csv", bad)
    for day in ("2024-01-01", "2024-01-02", "2024-01-05"):
        till.land(f"till/{day}/more.csv", good.replace("g", day))
        breaches = till.breached("till", day).breaches
        assert "5 of 10 rows are bad" in breaches["held back till/2024-01-01/bad.csv"]
        assert not [order for order, *_ in orders(till) if order.startswith("b")]
    assert len(orders(till)) == 80
    assert len(till.rows("quarantine/till", "_row")) == 10
    till.declare("sources/till.yml", TILL)
    till.ingest("till", "2024-01-05")
    assert len([order for order, *_ in orders(till) if order.startswith("b")]) == 5


def test_many_small_bad_files_hold_their_day_back(till):
    till.declare("sources/till.yml", TILL.replace("bad_share: 0.9", "bad_share: 0.1"))
    for n in range(4):
        rows = "".join(line(f"r{n}{k}", 1, "x" if k < 2 else "1.00") for k in range(4))
        till.land(f"till/2024-01-01/{n}.csv", HEAD + rows)
    assert "8 of 16 rows are bad" in till.breached("till", "2024-01-01").breaches["held back 2024-01-01"]


def test_a_correction_of_a_day_counts_whatever_times_it_has(retailer):
    retailer.declare("sources/shop.yml", SHOP)
    head = "number,state,changed\n"
    retailer.land("shop/2024-01-02.csv", head + "1,paid,2024-01-02 12:00:00\n2,paid,2024-01-02 12:00:00\n")
    retailer.ingest("shop", "2024-01-02")
    retailer.land("shop/2024-01-02.csv", head + "1,cancelled,2024-01-02 09:00:00\n2,paid,2024-01-02 12:00:00\n")
    retailer.ingest("shop", "2024-01-03")
    assert current(retailer, "orders", "order_id", "status") == [("1", "cancelled"), ("2", "paid")]


def test_a_time_beyond_the_day_is_quarantined_and_late_rows_are_counted(retailer):
    retailer.declare("sources/shop.yml", SHOP)
    head = "number,state,changed\n"
    retailer.land("shop/2024-01-02.csv", head + "1,paid,2024-01-04 12:00:00\n2,paid,2024-01-03 05:59:00\n")
    outcome = retailer.ingest("shop", "2024-01-02")
    assert outcome.quarantined == 1
    assert current(retailer, "orders", "order_id") == [("2",)]
    [(reasons,)] = retailer.rows("quarantine/shop", "reasons")
    assert reasons == ["orders.updated_at: is more than 6 hours after the end of its feed day"]
    retailer.land("shop/2024-01-03.csv", head + "2,pending,2024-01-01 05:59:00\n")
    assert "1 row came too late for orders" in " ".join(retailer.ingest("shop", "2024-01-03").notes)
    assert current(retailer, "orders", "order_id", "status") == [("2", "paid")]


def test_a_late_snapshot_ends_no_key_and_restores_none(retailer):
    retailer.declare("sources/catalogue.yml", CATALOGUE)
    retailer.land("catalogue/2024-01-01.csv", "sku,name\na,A\nb,B\n")
    retailer.ingest("catalogue", "2024-01-01")
    retailer.land("catalogue/2024-01-03.csv", "sku,name\na,A\nc,C\n")
    retailer.ingest("catalogue", "2024-01-03")
    assert current(retailer, "products", "sku") == [("a",), ("c",)]
    retailer.land("catalogue/2024-01-02.csv", "sku,name\na,A\nb,B\nd,D\n")
    retailer.ingest("catalogue", "2024-01-04")
    assert current(retailer, "products", "sku") == [("a",), ("c",)]


# Each case: source, its declaration, table, columns, and files in the order in which their versions were written.
WORLDS = {
    "receipts": ("till", TILL, "orders", ("order_id", "amount", "pieces"), [
        ("till/2024-01-01/a.csv", HEAD + line("r1", 1, "10.00") + line("r2", 1, "1.00") + line("r3", 1, "3.00")),
        ("till/2024-01-02/a.csv", HEAD + line("r1", 2, "5.00") + line("r4", 1, "x") + line("r4", 2, "1.00")),
        ("till/2024-01-03/a.csv", HEAD + line("r1", 1, "11.00") + line("r3", 2, "x") + line("r5", 1, "1.00")),
        ("till/2024-01-02/b.csv", HEAD + line("r4", 3, "1.00") + line("r2", 2, "4.00")),
        ("till/2024-01-02/a.csv", HEAD + line("r1", 2, "6.00") + line("r4", 1, "9.00") + line("r4", 2, "1.00")),
    ]),
    "changes": ("shop", SHOP, "orders", ("order_id", "status"), [
        ("shop/2024-01-01.csv", "number,state,changed\n1,pending,2024-01-01 10:00:00\n2,paid,2024-01-01 10:00:00\n"),
        ("shop/2024-01-02.csv", "number,state,changed\n1,paid,2024-01-02 10:00:00\n3,paid,2024-01-02 10:00:00\n"),
        ("shop/2024-01-03.csv", "number,state,changed\n1,pending,2024-01-02 09:30:00\n2,pending,2024-01-03 10:00:00\n"),
        ("shop/2024-01-02.csv", "number,state,changed\n1,paid,2024-01-02 09:00:00\n4,paid,2024-01-02 10:00:00\n"),
    ]),
    "snapshots": ("catalogue", CATALOGUE, "products", ("sku", "product"), [
        ("catalogue/2024-01-01.csv", "sku,name\na,A\nb,B\n"),
        ("catalogue/2024-01-02.csv", "sku,name\na,A2\nc,C\nd,D\n"),
        ("catalogue/2024-01-03.csv", "sku,name\na,A2\nb,B3\nc,C3\n"),
        ("catalogue/2024-01-02.csv", "sku,name\na,A2\nc,C\ne,E\n"),
    ]),
}  # fmt: skip


def _orders_of(files, seed):
    """Two orders of the files (four in make test-long), in which the versions of one path stay in order."""
    numbers = range(len(files))
    possible = [
        order
        for order in itertools.permutations(numbers)
        if all(
            order.index(i) < order.index(j) for i, j in itertools.combinations(numbers, 2) if files[i][0] == files[j][0]
        )
    ]
    return random.Random(seed).sample(possible, 4 if thorough() else 2)


@pytest.mark.parametrize(
    "world", [pytest.param(name, marks=() if name == "snapshots" else pytest.mark.long) for name in WORLDS]
)
def test_any_order_and_repetition_of_the_same_deliveries_gives_the_same_tables(world, tmp_path):
    source, text, table, columns, files = WORLDS[world]
    at_once = Retailer(tmp_path / "once")
    at_once.declare(f"sources/{source}.yml", text)
    for path, content in files:
        at_once.land(path, content)
    at_once.run("2024-01-09", f"ingest.{source}")
    right = current(at_once, table, *columns)
    assert right
    for number, order in enumerate(_orders_of(files, world)):
        retailer = Retailer(tmp_path / str(number))
        retailer.declare(f"sources/{source}.yml", text)
        for at in order:
            retailer.land(*files[at])
            retailer.run("2024-01-09", f"ingest.{source}", force=True)
            if at % 2:
                context = retailer.context("2024-01-09")
                day = date.fromisoformat(files[at][0].split("/")[1][:10])
                replay(context, context.catalogue.sources[source], frozenset([day]))
        assert current(retailer, table, *columns) == right, [files[at][0] for at in order]
        retailer.close()
    at_once.close()
