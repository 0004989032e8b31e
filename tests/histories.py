"""Random histories of a small retailer: sales, late and corrected files, records that move between customers."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

from shop import Retailer
from small_day import RECEIPTS

MEMBERS = """
describes: Members.
owner: crm
reads: {path: "members/{day}.csv", format: csv}
delivers: changes
freshness: none
person:
  - {kind: member, scope: brand, value: card}
  - {kind: phone, value: phone}
fills:
  people: {display_name: "name"}
"""
# Any file may correct all rows of its day.
CORRECTED = RECEIPTS.replace("freshness: none", "freshness: none\nends_share: 1")
PRODUCTS = """
describes: What is sold.
owner: merchandise
reads: {path: "products/{day}.csv", format: csv}
delivers: snapshot
freshness: none
deleted_when: absent
volume: {at_least: 0}
fills:
  products: {sku: sku, product: sku, category: category, style: category}
"""
LOOKS = """
describes: Looks at items.
owner: digital
reads: {path: "looks/{day}.csv", format: csv}
delivers: events
freshness: none
ends_share: 1
person:
  - {kind: member, scope: brand, value: card}
fills:
  events: {event_id: look, kind: "'view'", at: "to_timestamp(at, 'yyyy-MM-dd HH:mm:ss')", sku: sku, is_bot: "false"}
"""
OWN = '''
"""Views that add up, that look at the order of facts, and that look at each fact from the day."""
from quanyu.grammar.feature import Feature, FeatureView, Gap, Grouping, days
from quanyu.model.entities import Customer, Style
from quanyu.model.trade import OrderLines, Orders


class Ever(FeatureView):
    """All time, of what adds up."""

    entity, owner, over = Customer, "growth", OrderLines
    where = "status = 'paid'"

    lines = Feature("count(*)", "Lines.", unit="lines")
    spend = Feature("sum(amount)", "Spent.", unit="currency")
    mean = Feature("avg(amount)", "Mean.", unit="currency", type="double")
    last = Feature("datediff(as_of, max(ordered_at))", "Days since the last.", unit="days")
    drinks = Feature("count(*)", "Drinks.", unit="lines", where="products.category = 'drinks'")


class OrderGaps(FeatureView):
    """Gaps between orders."""

    entity, owner, over, within = Customer, "growth", Orders, days(90)
    derived = {"gap": Gap("ordered_at")}

    longest = Feature("max(gap)", "Longest gap.", unit="days")


class Weights(FeatureView):
    """Sums that depend on the age of each order."""

    entity, owner, over = Customer, "growth", Orders

    age = Feature("sum(datediff(as_of, ordered_at))", "Ages of all orders.", unit="days")


class Tastes(FeatureView):
    """What a customer spends by category."""

    entity, owner, over, within = Customer, "growth", OrderLines, days(90)
    groups = Grouping({"category": "products.category"}, {"spend": "sum(amount)"})

    favourite = Feature("max_by(category, spend)", "Category with most spent.")
    share = Feature("max(spend) / sum(spend)", "Its share.", type="double")


class Baskets(FeatureView):
    """Lines by what is known of their order."""

    entity, owner, over = Customer, "growth", OrderLines

    small = Feature("count(*)", "Lines of small orders.", unit="lines", where="orders.amount < 40")


class StyleLines(FeatureView):
    """Lines of a style, to which the item of a line leads."""

    entity, owner, over = Style, "merchandise", OrderLines

    lines = Feature("count(*)", "Lines.", unit="lines")
    month = Feature("count(*)", "Lines of a month.", unit="lines", within=days(30))
'''
FIRST = date(2024, 3, 1)
CARDS, SKUS = [f"M{n}" for n in range(1, 9)], [f"A{n}" for n in range(4)]
JOBS = ("customers", "activity", "item_paths")
# Frames compute all else from facts.
INGESTED = ("ingest.members", "ingest.products", "ingest.receipts", "ingest.looks", "identities")
BEFORE = (*INGESTED, *JOBS)


class History:
    """Random days of a small retailer: what lands before each run, and the day of the run."""

    def __init__(self, shop, seed):
        self.shop, self.chance, self.slips, self.day = shop, random.Random(seed), 0, FIRST
        self.numbers: dict[date, int] = {}
        sources = {"members": MEMBERS, "receipts": CORRECTED, "products": PRODUCTS, "looks": LOOKS}
        for name, text in sources.items():
            shop.declare(f"sources/{name}.yml", text)
        shop.declare("features/own.py", OWN)
        self.members(FIRST, CARDS)
        self.products(FIRST)
        self.receipts(FIRST, 30, spread=300)
        self.looks(FIRST, 60, spread=320)

    def members(self, day, cards):
        rows = [f"{card},{self.phone(card)},Name {card}" for card in cards]
        self.shop.land(f"members/{day}.csv", "\n".join(["card,phone,name", *rows]) + "\n")

    def phone(self, card):
        return f"1376543210{card[1:]}"

    def products(self, day):
        rows = [f"{sku},{self.chance.choice(['drinks', 'home'])}" for sku in self.chance.sample(SKUS, 3)]
        self.shop.land(f"products/{day}.csv", "\n".join(["sku,category", *rows]) + "\n")

    def receipts(self, day, number, spread=2):
        """Receipts of a day, some of long ago and of the next days; an earlier file of the day is replaced."""
        rows, self.numbers[day] = [], number
        for _ in range(number):
            self.slips += 1
            at = day - timedelta(days=self.chance.randint(-1, spread))
            card = self.chance.choice([*CARDS[:5], ""])
            phone = "" if card else self.phone(self.chance.choice(CARDS))
            rows.append(f"s{self.slips},{card},{phone},{at} 10:00:00,{self.chance.choice(SKUS)},{self.slips % 90}.50")
        self.shop.land(f"receipts/{day}.csv", "\n".join(["slip,card,phone,at,sku,paid", *rows]) + "\n")

    def looks(self, day, number, spread=30):
        """Looks of a day and of some days before; an earlier file of the day is replaced."""
        rows = ["look,card,at,sku"]
        for place in range(number):
            at = day - timedelta(days=self.chance.randint(0, spread))
            card = self.chance.choice([*CARDS, ""])
            rows.append(f"{day}-{place},{card},{at} 09:00:00,{self.chance.choice(SKUS)}")
        self.shop.land(f"looks/{day}.csv", "\n".join(rows) + "\n")

    def go_on(self):
        """Skip some days, and let something happen."""
        before, self.day = self.day, self.day + timedelta(days=self.chance.choice([0, 1, 1, 1, 28, 89, 200]))
        happens = self.chance.choice(["sale", "late", "corrected", "merged", "products", "nothing"])
        if happens in ("sale", "merged") and self.day > before:
            self.receipts(self.day, 3)
            self.looks(self.day, 3)
        if happens == "late" and self.day > before + timedelta(days=1):
            self.receipts(before + timedelta(days=1), 3)
        if happens == "corrected":
            self.receipts(before, self.numbers.get(before, 3))
        if happens == "merged" and self.day > before:
            # A card takes the phone of another, so that records move between customers.
            one, other = self.chance.sample(CARDS, 2)
            rows = ["card,phone,name", f"{one},{self.phone(other)},Name {one}"]
            self.shop.land(f"members/{self.day}.csv", "\n".join(rows) + "\n")
        if happens == "products":
            self.products(self.day)


DAYS = [date(2024, 3, day) for day in range(1, 4)]


def joined_home(folder: Path) -> None:
    """Three days: M1 buys with the card, somebody by phone; on the third day the phone is found to be that of M1."""
    shop = Retailer(folder)
    history = History(shop, 0)
    history.members(DAYS[0], ["M1"])
    history.looks(DAYS[0], 0)
    for day in DAYS:
        if day == DAYS[2]:
            shop.land(f"members/{day}.csv", f"card,phone,name\nM1,{history.phone('M8')},Name M1\n")
        rows = [f"{day}-1,M1,,{day} 09:00:00,A0,1.00", f"{day}-2,,{history.phone('M8')},{day} 09:00:00,A0,10.00"]
        shop.land(f"receipts/{day}.csv", "\n".join(["slip,card,phone,at,sku,paid", *rows]) + "\n")
        shop.run(str(day), *INGESTED, "customers")
    shop.close()
