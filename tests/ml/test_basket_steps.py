"""The steps of next items in a home: planted companions, what a later day adds, and when they are fitted again."""

from io import StringIO

import numpy as np
import pyarrow.compute as pc
import pytest
from rich.console import Console
from shop import Retailer

from jobs.entities.one_entity import OneEntity
from jobs.entities.page import page
from jobs.steward.directory import Directory
from ml.baskets.purchases import out_of_stock
from ml.baskets.stage import BasketStage
from quanyu.model.entities import Customer
from quanyu.run.runner import Result

RECEIPTS = """
describes: Till receipts.
owner: retail
reads: {path: "receipts/{day}.csv", format: csv}
delivers: events
freshness: none
person: [{kind: member, scope: brand, value: card}]
fills:
  order_lines:
    {order_id: slip, line: "1", ordered_at: at, kind: kind, status: status, sku: sku, quantity: "1", amount: "1.00"}
"""
PRODUCTS = """
describes: What is sold.
owner: merchandise
reads: {path: "products/{day}.csv", format: csv}
delivers: events
freshness: none
fills:
  products: {sku: sku, style: style, category: category, size: size}
"""
STOCK = """
describes: Stock of stores.
owner: supply
reads: {path: "stock/{day}.csv", format: csv}
delivers: events
freshness: none
fills:
  stock: {place: store, sku: sku, on_hand: pieces, on_the_way: coming}
"""
DAY, LATER = "2024-06-30", "2024-07-01"
STEPS = ("associations", "next_items", "size_fits")
PLACES = ("gold/associations", "gold/next_items", "gold/size_fits")
# Who has bought tea and no cup, though most buy both.
LACKING = range(120, 140)


def slips():
    """Half of the customers buy a style of tea with a cup, in both quarters; all buy something else too."""
    random, number = np.random.default_rng(4), 0
    for month in ("2024-02", "2024-05"):
        for card in range(140):
            goods = {f"f{random.integers(0, 12)}", f"f{random.integers(0, 12)}"}
            if card % 2 == 0 and card not in LACKING:
                goods |= {"cup", f"tea{random.integers(1, 3)}"}
            if card in LACKING:
                goods |= {"tea1"}
            for sku in sorted(goods):
                number += 1
                yield f"s{number},M{card},{month}-{random.integers(1, 28):02} 10:00:00,sale,paid,{sku}"


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A home in which the steps of the day have run, and a copy in which the next day was known already."""
    shop = Retailer(tmp_path_factory.mktemp("baskets") / "shop")
    shop.declare("sources/receipts.yml", RECEIPTS)
    shop.declare("sources/products.yml", PRODUCTS)
    shop.declare("sources/stock.yml", STOCK)
    shop.land(f"products/{DAY}.csv", "sku,style,category,size\ntea1,tea,drinks,S\ntea2,tea,drinks,M\ncup,,home,one\n")
    ignored = [f"x1,M121,{DAY} 11:00:00,sale,cancelled,cup", f"x2,M122,{DAY} 11:00:00,return,paid,cup"]
    head = "slip,card,at,kind,status,sku"
    shop.land(f"receipts/{DAY}.csv", "\n".join([head, *slips(), *ignored]) + "\n")
    bought = [f"z{card},M{card},{LATER} 10:00:00,sale,paid,cup" for card in LACKING]
    shop.land(f"receipts/{LATER}.csv", "\n".join([head, *bought]) + "\n")
    # Of f0 one store has some, f1 is on the way, and of tea one of two items is there: all but the cup may be bought.
    stock = ["s1,cup,0,0", "s2,cup,-1,", "s1,f0,0,0", "s2,f0,3,0", "s1,f1,0,2", "s1,tea1,0,0", "s1,tea2,1,"]
    shop.land(f"stock/{DAY}.csv", "\n".join(["store,sku,pieces,coming", *stock]) + "\n")
    shop.run(DAY, "ingest.stock", "ingest.products", "ingest.receipts", "identities")
    shop.close()
    ahead = shop.copy(tmp_path_factory.mktemp("ahead"))
    ahead.run(LATER, "ingest.receipts", "identities")
    outcomes = shop.run(DAY, *STEPS)
    ahead.run(DAY, *STEPS)
    yield shop, ahead, outcomes
    shop.close()
    ahead.close()


def lacking(shop):
    """Customers with a neglected cup, each with what explains it."""
    rows = shop.table("gold/next_items", where=pc.field("list") == "neglected").to_pylist()
    return {row["customer_id"]: row["because"] for row in rows if row["item"] == "cup"}


def test_planted_companions_are_found_and_those_who_lack_one_neglect_it(known):
    shop, _, outcomes = known
    pairs = {(row["item"], row["companion"]) for row in shop.table("gold/associations").to_pylist()}
    assert pairs == {("tea", "cup"), ("cup", "tea")}
    assert outcomes["associations"].facts.replicated == 1
    # A cancelled purchase and a return are no purchases.
    assert len(lacking(shop)) == len(LACKING) and set(lacking(shop).values()) == {"tea"}


def test_an_item_of_which_no_place_has_any_is_out_of_stock(known):
    shop, _, _ = known
    assert out_of_stock(shop.context(DAY)).to_pylist() == ["cup"]
    assert out_of_stock(shop.context("2024-06-29")).to_pylist() == [], "nothing was known of stock"


def test_what_became_known_after_the_day_changes_nothing(known):
    shop, ahead, _ = known
    for place in PLACES:
        keys = [(name, "ascending") for name in shop.table(place).column_names if name not in ("score", "share")]
        assert shop.table(place).sort_by(keys).equals(ahead.table(place).sort_by(keys)), place
        assert shop.table(place).num_rows


def test_the_next_day_has_new_lists_of_pairs_that_are_not_fitted_again_for_a_week(known):
    _, ahead, _ = known
    outcomes = ahead.run(LATER, *STEPS)
    assert outcomes["associations"].notes == (f"fitted on {DAY}; next on 2024-07-07 or later",)
    assert lacking(ahead) == {}
    assert set(ahead.table("gold/next_items")["as_of"].to_pylist()) == {ahead.context(LATER).day}
    # The cup was new to them, and is what most had bought in the month before.
    facts = outcomes["next_items"].facts
    assert (facts.new_customers, facts.new_recall, facts.plain_new_recall) == (len(LACKING), 1.0, 1.0)
    assert "recall at 5 of new" in reported(outcomes)
    forced = ahead.run(LATER, "associations", force=True)["associations"]
    assert "2024-04-03 to 2024-07-01" in forced.notes[0]


def reported(outcomes):
    results = [Result(name, "done", 1.0, outcome) for name, outcome in outcomes.items()]
    console = Console(width=120, file=StringIO())
    for panel in BasketStage().report(results):
        console.print(panel)
    return console.file.getvalue()


def test_the_summary_says_how_the_lists_foretold_last_baskets(known):
    _, _, outcomes = known
    facts, said = outcomes["next_items"].facts, reported(outcomes)
    assert facts.customers == 70 and f"{facts.recall_at_10:.3f}" in said and f"{facts.plain_recall:.3f}" in said
    assert "sizes right, own; plain: the most worn" in said
    assert facts.new_customers == 0 and "recall at 5 of new" not in said, "nobody bought in the last month"


def test_the_pages_of_a_customer_and_of_a_product_show_what_is_bought_next(known):
    shop, _, _ = known
    context = shop.context(DAY)
    customer = min(lacking(shop))
    product = OneEntity(context, context.catalogue.entities["product"], "tea2")
    shown = {"customer": OneEntity(context, Customer, customer, Directory(context)), "product": product}
    console = Console(width=120, file=StringIO())
    for one in shown.values():
        console.print(page(one))
    said = console.file.getvalue()
    assert "May buy next" in said and "cup (with tea)" in said and "Bought with it" in said
