"""Silver names the file and the row that opened each version, and tables say whom their columns identify."""

from __future__ import annotations

import pytest

from quanyu import discover
from quanyu.config.settings import read_settings
from quanyu.errors import ConfigError
from quanyu.grammar.table import Column, Table
from quanyu.model.supply import Prices
from quanyu.model.trade import OrderLines, Orders

PRICES = """
describes: Prices.
owner: merchandise
reads: {path: "prices/{day}.csv", format: csv}
delivers: changes
freshness: none
fills:
  prices: {sku: item, channel: "'store'", price: price}
"""
WEB = """
describes: Orders of the web shop.
owner: ecommerce
reads: {path: "web/{day}.jsonl", format: jsonl}
delivers: changes
freshness: none
person: [{kind: member, scope: brand, value: card}]
fills:
  order_lines:
    each: items
    order_id: "order"
    line: "items._position"
    ordered_at: "at"
    kind: "'sale'"
    status: "'paid'"
    sku: "items.sku"
    amount: "items.amount"
  orders:
    each: items
    one_row_per: [order]
    order_id: "order"
    ordered_at: "min(cast(at as timestamp))"
    kind: "'purchase'"
    status: "'paid'"
    amount: "sum(cast(items.amount as decimal(18, 2)))"
"""
LINE = '{{"order": "{}", "at": "2024-07-01 10:00:00", "card": "M1", "items": [{}]}}\n'
ITEM = '{{"sku": "{}", "amount": "{}"}}'


def versions(retailer):
    return retailer.rows("silver/prices", "sku", "price", "_file", "_row", "replaced_on")


def named(rows):
    return [(sku, str(price), file, row, until and until.isoformat()) for sku, price, file, row, until in rows]


def test_a_version_names_the_row_that_opened_it(retailer):
    retailer.declare("sources/prices.yml", PRICES)
    retailer.land("prices/2024-07-01.csv", "item,price\na,1\nb,2\n")
    retailer.ingest("prices", "2024-07-01")
    # `b` says the same again, in another row: its version stays the one of the first day.
    retailer.land("prices/2024-07-02.csv", "item,price\nb,2\na,3\na,4\n")
    outcome = retailer.ingest("prices", "2024-07-02")
    assert named(versions(retailer)) == [
        ("a", "1.0000", "prices/2024-07-01.csv", 1, "2024-07-02"),
        ("a", "4.0000", "prices/2024-07-02.csv", 3, None),
        ("b", "2.0000", "prices/2024-07-01.csv", 2, None),
    ]
    assert outcome.rows_out == 2


def test_elements_of_a_list_and_groups_name_the_row_of_the_feed(retailer):
    retailer.declare("sources/web.yml", WEB)
    items = ",".join(ITEM.format(sku, amount) for sku, amount in (("a", 1), ("b", 2)))
    retailer.land("web/2024-07-01.jsonl", LINE.format("o1", ITEM.format("c", 3)) + LINE.format("o2", items))
    retailer.ingest("web", "2024-07-01")
    lines = retailer.rows("silver/order_lines", "order_id", "line", "_file", "_row")
    assert lines == [
        ("o1", 1, "web/2024-07-01.jsonl", 1),
        ("o2", 1, "web/2024-07-01.jsonl", 2),
        ("o2", 2, "web/2024-07-01.jsonl", 2),
    ]
    assert retailer.rows("silver/orders", "order_id", "_row") == [("o1", 1), ("o2", 2)]
    assert "_file" not in retailer.table("silver/identifiers").column_names


def test_a_home_of_before_gets_the_columns_and_keeps_its_rows(retailer, monkeypatch):
    retailer.declare("sources/prices.yml", PRICES)
    retailer.land("prices/2024-07-01.csv", "item,price\na,1\nb,2\n")
    monkeypatch.setattr(Prices, "lineage", False)
    retailer.ingest("prices", "2024-07-01")
    assert "_file" not in retailer.table("silver/prices").column_names
    monkeypatch.undo()
    retailer.land("prices/2024-07-02.csv", "item,price\na,3\nb,2\n")
    retailer.ingest("prices", "2024-07-02")
    assert named(versions(retailer)) == [
        ("a", "1.0000", None, None, "2024-07-02"),
        ("a", "3.0000", "prices/2024-07-02.csv", 1, None),
        ("b", "2.0000", None, None, None),
    ]


def test_a_table_says_whom_its_columns_identify(tmp_path, request):
    assert Orders.identifies() == {"person_key": "person_key", "guide": "staff"}
    assert OrderLines.identifies() == {"person_key": "person_key"}
    assert Prices.identifies() == {}
    tables = discover.load(*read_settings(request.config.rootpath / "conf", tmp_path)).tables
    assert tables["value"].identifies() == {"customer_id": "customer_id"}
    assert tables["identity_verdicts"].identifies() == {"a_key": "person_key", "b_key": "person_key"}
    personal = [t for t in tables.values() if t.personal or any(column.pii for column in t.columns.values())]
    assert [table.name for table in personal if not table.identifies()] == []


def test_a_table_cannot_identify_by_a_column_that_it_lacks():
    with pytest.raises(ConfigError, match="unknown column 'guid'; did you mean 'guide'"):

        class Meetings(Table):
            """One meeting."""

            layer, keys, person_columns = "gold", ("guide",), {"guid": "staff"}
            guide = Column("string", "Who.")

    with pytest.raises(ConfigError, match="unknown key 'stuff'; did you mean 'staff'"):

        class Visits(Table):
            """One visit."""

            layer, keys, person_columns = "gold", ("guide",), {"guide": "stuff"}
            guide = Column("string", "Who.")
