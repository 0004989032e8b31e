"""A retailer whose campaigns drew customers into arms, with a true effect that depends on how often they had come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shop import Retailer
from small_day import MEMBERS, RECEIPTS

ANSWERS = '''
"""Who answers a campaign."""
from ml.tasks.binary_classification import BinaryClassification
from quanyu.grammar.model_spec import AnyOf, Baseline, Cutoffs, MetricGate, ModelSpec
from quanyu.grammar.offers.assignments import CampaignAssignments
from quanyu.model.entities import Customer

class Answers(ModelSpec):
    """A purchase within ten days of a campaign."""
    entity, owner, population = Customer, "growth", "value.orders_ever > 0"
    label = AnyOf("orders", horizon_days=10, where="kind = 'purchase'")
    task, cutoffs = BinaryClassification(), Cutoffs(history_days=0)
    features = ("value.orders_ever",)
    baseline = Baseline("value.orders_ever", "more")
    experiment = CampaignAssignments()
    gates = (MetricGate("auc", at_least=0.5),)
'''
SPRING = """
describes: A letter, or a scarf, in spring.
owner: growth
campaign: C3
model: answers
budget: 150
explore: 20 %
offers:
  letter: {arm: mail, cost: 1, margin: 10, when: value.orders_ever >= 2}
  scarf: {arm: gift, cost: 1, margin: 10, sku: S1}
"""
SOURCES = {
    "members": MEMBERS.replace("hours: 72", "hours: 2000"),
    "receipts": RECEIPTS,
    "assignments": """
describes: Who was drawn into which arm.
owner: growth
reads: {path: "assignments/{day}.csv", format: csv}
delivers: events
freshness: none
person: [{kind: member, scope: brand, value: card}]
fills:
  assignments: {campaign: campaign, arm: arm, probability: probability, assigned_at: at}
""",
    "campaigns": """
describes: Campaigns as they are announced.
owner: growth
reads: {path: "campaigns/{day}.csv", format: csv}
delivers: changes
freshness: none
fills:
  campaigns: {campaign: campaign, channel: channel, starts_on: starts, arms: arms}
""",
    "stock": """
describes: Stock of stores.
owner: supply
reads: {path: "stock/{day}.csv", format: csv}
delivers: snapshot
freshness: none
deleted_when: absent
fills:
  stock: {place: place, sku: sku, on_hand: pieces}
""",
}
FIRST, DRAWS, LAST = "2024-03-01", "2024-03-02", "2024-03-11"
DELIVERED = {
    FIRST: ("members", "receipts"), DRAWS: ("assignments",), LAST: ("receipts", "campaigns", "stock"),
}  # fmt: skip
PEOPLE = 450
REFUSED = 30
"""The first of them have not agreed to messages."""


def retailer_with_campaigns(folder: Path) -> None:
    """Ingest a campaign of which the outcome is known, and one that is announced on the last day, and plan it.

    The mail of the first brought those to buy who had come more than three times, and nobody else.
    """
    shop = Retailer(folder)
    for name, text in SOURCES.items():
        shop.declare(f"sources/{name}.yml", text)
    shop.declare("ml/answers.py", ANSWERS)
    shop.declare("offers/spring.yml", SPRING)
    (shop.home / "person.key").write_text("a" * 64)
    random = np.random.default_rng(5)
    cards, visits = [f"M{number}" for number in range(PEOPLE)], random.integers(1, 7, PEOPLE)
    consent = np.where(np.arange(PEOPLE) < REFUSED, "withdrawn", "granted")
    _land(shop, "members", FIRST, {
        "card": cards, "phone": [f"1371{n:07}" for n in range(PEOPLE)],
        "email": [f"{card}@mail.example" for card in cards], "name": cards, "joined": "2024-01-01", "consent": consent,
    })  # fmt: skip
    before = np.repeat(np.arange(PEOPLE), visits)
    _receipts(shop, FIRST, "2024-02-20", [cards[person] for person in before])
    treated = random.random(PEOPLE) < 0.5
    bought = np.flatnonzero(random.random(PEOPLE) < np.where(treated & (visits > 3), 0.95, 0.1))
    _land(shop, "assignments", DRAWS, {
        "campaign": "C1", "card": cards, "arm": np.where(treated, "mail", "control"), "probability": 0.5,
        "at": f"{DRAWS} 09:00:00",
    })  # fmt: skip
    _receipts(shop, LAST, "2024-03-08", [cards[person] for person in bought])
    arms = "mail:1;gift:1;control:1"
    _land(shop, "campaigns", LAST, {"campaign": ["C3"], "channel": "email", "starts": "2024-03-18", "arms": arms})
    _land(shop, "stock", LAST, {"place": ["S01", "S02"], "sku": "S1", "pieces": [3, 2]})
    for day, feeds in DELIVERED.items():
        shop.run(day, *(f"ingest.{name}" for name in feeds), "identities")
    shop.run(LAST, "customers", "consent_answers", "features.value", "plans")
    shop.close()


def _receipts(shop: Retailer, day: str, bought_on: str, cards: list[str]) -> None:
    slips = [f"{day}-{number}" for number in range(len(cards))]
    _land(shop, "receipts", day, {
        "slip": slips, "card": cards, "phone": "", "at": f"{bought_on} 10:00:00", "sku": "S1", "paid": "9.00",
    })  # fmt: skip


def _land(shop: Retailer, feed: str, day: str, columns: dict[str, object]) -> None:
    shop.land(f"{feed}/{day}.csv", pd.DataFrame(columns).to_csv(index=False))
