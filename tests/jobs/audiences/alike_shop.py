"""A retailer of 240 members, half of whom buy often, with two seeds and a lookalike of them."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

from shop import Retailer, template
from tills import till

from quanyu.run.runner import Outcome, perform

MEMBERS = """
describes: Members.
owner: crm
reads: {path: "members/{day}.csv", format: csv}
delivers: changes
freshness: {hours: 720}
person: [{kind: member, scope: brand, value: card}]
fills:
  people: {city: city, joined_on: "cast(joined as date)"}
  consents: {purpose: "'ads'", channel: "'any'", changed_at: "timestamp'2024-01-01'", state: "consent"}
"""
SEED = "describes: A seed.\nowner: growth\ngoal: care\nwho: {who}\npurpose: analytics\n"
LIKE = """
describes: Who is like a seed.
owner: growth
goal: upsell
who: value.orders >= 1
purpose: ads
holdout: 20 %
alike:
  seeds: [anybody, frequent]
  size: 20 %
  by: neighbours
  features: [value.orders, value.average_order]
  least: 10
"""
MEMBERSHIPS = "memberships.customer"
STEPS = ("ingest.members", "ingest.till", "identities", "customers", "activity", "features.value", MEMBERSHIPS)
FIRST = date(2024, 7, 1)
CUSTOMERS, KIND, REFUSES = 240, 120, 7


def day(number: int) -> str:
    return str(FIRST + timedelta(days=number - 1))


def _first_day(folder: Path) -> None:
    """A third of all buys often and little; of them every other one lives in Ulm, and so is known to be good."""
    chance, shop = random.Random(3), Retailer(folder)
    for name, text in {"sources/members": MEMBERS, "sources/till": till(), "audiences/like": LIKE}.items():
        shop.declare(f"{name}.yml", text)
    shop.declare("audiences/frequent.yml", SEED.format(who="customer.city = 'Ulm'"))
    shop.declare("audiences/anybody.yml", SEED.format(who="customer.joined_on < date'2024-01-01'"))
    # Another key would give other customer ids, and so draw another half to be hidden.
    (shop.home / "person.key").write_text("a" * 64)
    members, slips = ["card,city,joined,consent"], ["slip,card,at,paid"]
    for number in range(CUSTOMERS):
        often = number < KIND
        joined = "2023-05-01" if chance.random() < 0.3 else "2024-05-01"
        consent = "withdrawn" if number % REFUSES == 0 else "granted"
        members.append(f"M{number},{'Ulm' if often and number % 2 else 'Bonn'},{joined},{consent}")
        for order in range(chance.randint(4, 6) if often else chance.randint(1, 2)):
            paid = chance.randint(5, 15) if often else chance.randint(40, 90)
            slips.append(f"s{number}-{order},M{number},2024-06-{chance.randint(1, 28):02} 10:00:00,{paid}.00")
    shop.land(f"members/{day(1)}.csv", "\n".join(members) + "\n")
    shop.land(f"till/{day(1)}.csv", "\n".join(slips) + "\n")
    run(shop, 1)
    shop.close()


def first_day(folder: Path) -> Retailer:
    """A copy of the retailer after its first day, in a folder."""
    return Retailer.at(template("alike", _first_day)).copy(folder)


def run(shop: Retailer, number: int, *steps: str) -> Outcome:
    """Run steps of a day, all by default, and return the outcome of the last."""
    context = shop.context(day(number))
    return [perform(context, context.step(name)).outcome for name in steps or STEPS][-1]


def numbers(shop: Retailer) -> dict[str, int]:
    """Number of the member behind each customer."""
    cards = shop.rows("silver/identifiers", "person_key", "value")
    by_person = {person: int(value.removeprefix("M")) for person, value in cards}
    owners = shop.rows("gold/identities", "person_key", "customer_id")
    return {customer: by_person[person] for person, customer in owners}


def inside(shop: Retailer, audience: str = "like") -> set[int]:
    rows = shop.rows("gold/memberships_customer", "audience", "customer_id", "left_on")
    return {numbers(shop)[customer] for name, customer, left_on in rows if name == audience and left_on is None}
