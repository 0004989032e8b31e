"""A retailer of eight customers whose second day uses every step: new, corrected and merged data, messages, an export.

Everything that the steps of a day can do happens on it, in a second or two.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from pasts import pasts
from shop import Retailer, copy_registry

FIRST, SECOND = "2024-07-01", "2024-07-02"
MEMBERS = """
describes: Members.
owner: crm
reads: {path: "members/{day}.csv", format: csv}
delivers: changes
freshness: {hours: 72}
person:
  - {kind: member, scope: brand, value: card}
  - {kind: phone, value: phone}
  - {kind: email, value: email}
fills:
  people: {display_name: "name", joined_on: "cast(joined as date)"}
  consents: {purpose: "'messages'", channel: "'any'", changed_at: "cast(joined as timestamp)", state: "consent"}
"""
CONSENTS = """
describes: Answers to the question about advertisements.
owner: legal
reads: {path: "consents/{day}.csv", format: csv}
delivers: events
freshness: {hours: 72}
person: [{kind: member, scope: brand, value: card}]
fills:
  consents: {purpose: "'ads'", channel: "'any'", changed_at: "cast(at as timestamp)", state: "state"}
"""
RECEIPTS = """
describes: Till receipts.
owner: retail
reads: {path: "receipts/{day}.csv", format: csv}
delivers: events
freshness: none
person:
  - {kind: member, scope: brand, value: card}
  - {kind: phone, value: phone}
fills:
  orders: {order_id: slip, ordered_at: at, kind: "'purchase'", status: "'paid'", amount: paid, channel: "'store'"}
  order_lines:
    {order_id: slip, line: "1", ordered_at: at, kind: "'sale'", status: "'paid'", sku: sku, quantity: "1", amount: paid}
"""
PRODUCTS = """
describes: What is sold.
owner: merchandise
reads: {path: "products/{day}.csv", format: csv}
delivers: snapshot
freshness: none
deleted_when: absent
fills:
  products: {sku: sku, product: name, category: category, list_price: price}
"""
OUTLETS = """
describes: Shops of others that sell our goods.
owner: channel
reads: {path: "outlets/{day}.csv", format: csv}
delivers: changes
freshness: none
fills:
  outlets: {outlet: number, city: city}
"""
IN_ULM = """
describes: Outlets in Ulm.
owner: channel
entity: outlet
goal: activate
who: outlet.city = 'Ulm'
purpose: analytics
"""
BUYERS = """
describes: Customers who bought.
owner: growth
goal: new_product
measures:
  orders_30d: {over: orders, value: "count(*)", within: 30 days}
who: value.spend >= 20 and orders_30d >= 1
purpose: ads
send_to: [drop]
"""
LEAVING = """
describes: Customers who may leave.
owner: growth
goal: churn_warning
who: churn.score > 0
purpose: messages
holdout: 1 %
"""
THANKS = """
describes: Writes to those who may leave, twice.
owner: growth
enters: leaving
starts: 2024-07-01
steps:
  - message: {channel: email, subject: "Dear {{ name }}", body: "How are you?"}
  - wait: 1 days
  - message: {channel: email, subject: "Dear {{ name }} again", body: "Still well?"}
"""
PEOPLE = {
    FIRST: [f"M{n},1376543210{n},m{n}@mail.example,Name {n},2024-06-0{n},granted" for n in range(1, 7)],
    # A name, a withdrawn consent, a phone that another person had before, and a new person.
    SECOND: [
        "M1,13765432101,m1@mail.example,Another Name,2024-06-01,granted",
        "M2,13765432102,m2@mail.example,Name 2,2024-07-02,withdrawn",
        "M7,13765432107,m7@mail.example,Name 7,2024-07-02,granted",
    ],
}
ANSWERS = {FIRST: ["M1,2024-06-01,granted", "M2,2024-06-01,granted"],
           SECOND: ["M3,2024-07-02,granted", "M1,2024-07-02,withdrawn"]}  # fmt: skip
SLIPS = {
    FIRST: [f"s{n},M{n},,2024-06-2{n} 10:00:00,A{n % 2},{n}0.00" for n in range(1, 6)]
    + ["s8,,13765432199,2024-06-28 10:00:00,A1,25.00", "s9,M1,,2024-06-29 10:00:00,A1,much"],
    SECOND: ["t1,M1,,2024-07-02 10:00:00,A0,12.50", "t2,,13765432107,2024-07-02 11:00:00,A1,30.00",
             "t3,M4,,2024-07-02 12:00:00,A1,a lot", "t4,M7,13765432199,2024-07-02 13:00:00,A2,21.00"],
}  # fmt: skip
GOODS = {FIRST: ["A0,Tea,drinks,5.00", "A1,Coffee,drinks,7.00"], SECOND: ["A1,Coffee,drinks,8.00", "A2,Cup,home,9.00"]}
SHOPS = {FIRST: ["1,Ulm", "2,Bonn"], SECOND: ["1,Bonn", "2,Ulm", "3,Ulm"]}
HEADS = {
    "members": "card,phone,email,name,joined,consent", "consents": "card,at,state",
    "receipts": "slip,card,phone,at,sku,paid", "products": "sku,name,category,price",
    "outlets": "number,city",
}  # fmt: skip
STEPS = (
    "ingest.consents", "ingest.members", "ingest.outlets", "ingest.products", "ingest.receipts",
    "identities", "customers", "activity", "customer_attributes", "item_paths", "referral_events", "consent_answers",
    "features.categories", "features.engagement", "features.outlet_orders", "features.preference",
    "features.product_sales", "features.recency", "features.value", "item_buyers",
    "associations", "next_items", "size_fits", "track.identity",
    "train.campaign_response", "train.campaign_uplift", "train.churn", "train.first_order", "train.lifetime",
    "train.next_purchase",
    "scores", "monitor", "profile.customer", "profile.outlet", "profile.product", "memberships.customer",
    "memberships.outlet", "audience_days",
    "export.buyers.drop", "undeclared_exports", "export_results", "journeys", "send", "tag_statistics", "definitions",
    "audience_insight", "programme_lift", "metrics", "upkeep",
)  # fmt: skip


# When the home is copied: before each step, and before all other views, which are written by the same code.
OTHER_VIEWS = "other views"
MOMENTS = tuple(moment for step in STEPS for moment in ((OTHER_VIEWS, step) if step == "track.identity" else (step,)))


def declared(shop: Retailer) -> None:
    """Declare the feeds, audiences and the journey, and write the files of both days to landing."""
    sources = {
        "members": MEMBERS, "consents": CONSENTS, "receipts": RECEIPTS, "products": PRODUCTS, "outlets": OUTLETS,
    }  # fmt: skip
    for name, text in sources.items():
        shop.declare(f"sources/{name}.yml", text)
    shop.declare("audiences/in_ulm.yml", IN_ULM)
    shop.declare("audiences/buyers.yml", BUYERS)
    shop.declare("audiences/leaving.yml", LEAVING)
    shop.declare("journeys/thanks.yml", THANKS)
    (shop.home / "person.key").write_text("a" * 64)
    files = {"members": PEOPLE, "consents": ANSWERS, "receipts": SLIPS, "products": GOODS, "outlets": SHOPS}
    for feed, days in files.items():
        for day, rows in days.items():
            shop.land(f"{feed}/{day}.csv", "\n".join([HEADS[feed], *rows]) + "\n")


def crowned(shop: Retailer) -> None:
    """Register a champion of churn, trained on random customers, because the shop has too little history."""
    from ml.churn import Churn
    from ml.lifecycle.champions.meaning import meaning
    from ml.lifecycle.evaluate import evaluate
    from ml.lifecycle.registry import Registry
    from ml.lifecycle.tracking import Dataset
    from ml.lifecycle.train import train

    day = date.fromisoformat(FIRST)
    context = shop.context(FIRST)
    copy_registry(shop.home)
    cutoffs = tuple(Churn.training_cutoffs(day, day - timedelta(days=400)))
    random = np.random.default_rng(1)

    def people(cutoff: date) -> pd.DataFrame:
        frame = pd.DataFrame(random.uniform(0, 300, (600, len(Churn.features))), columns=list(Churn.features))
        frame = frame.assign(**pasts(random, 600))
        frame["customer_id"] = [f"customer-{n}" for n in range(600)]
        frame["rfm.monetary"] = "5"
        frame["cutoff"] = pd.Timestamp(cutoff)
        frame["label"] = random.uniform(-300, 300, 600) < frame["recency.days_since_order"] - frame["value.spend"] / 2
        return frame

    training = pd.concat([people(cutoff) for cutoff in cutoffs])
    trained = train(Churn, training)
    evaluation = evaluate(Churn, trained, people(Churn.test_cutoff(day)), training=training)
    data = Dataset(day, {}, Churn.test_cutoff(day), cutoffs)
    now = meaning(context.catalogue, Churn)
    recorded = Registry.of(context.settings).record(Churn, trained, evaluation, data, now)
    assert recorded.champion, evaluation.gates


def steps_at(shop: Retailer, moment: str) -> list[str]:
    """The steps that run at a moment: one, or all other views and profiles."""
    if moment != OTHER_VIEWS:
        return [moment]
    others = [name for name in shop.context(FIRST).steps if name not in STEPS]
    undisturbed = [name for name in others if not name.startswith(("features.", "profile."))]
    assert undisturbed == [], "a step whose commits are not disturbed"
    return others


def lived(folder: Path) -> None:
    """Run the first day, then the second step by step, with a copy before each step and after the last."""
    shop = Retailer(folder / "shop")
    declared(shop)
    crowned(shop)
    shop.run(FIRST)
    for number, moment in enumerate(MOMENTS):
        shop.close()
        shop.copy(folder / str(number))
        shop.run(SECOND, *steps_at(shop, moment))
    shop.close()
    shop.copy(folder / str(len(MOMENTS)))
