"""After a merge of customers, consent, activity and memberships move to the remaining id; after a split, back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from shop import Retailer
from tills import IN_STORE, till

from jobs.steward import commands
from jobs.steward.directory import Directory

CRM = """
describes: Members.
owner: e
reads: {path: "crm/{day}.csv", format: csv}
delivers: changes
freshness: {hours: 72}
person:
  - {kind: member, scope: brand, value: card}
fills:
  people: {display_name: "name", joined_on: "cast(joined as date)"}
  consents:
    purpose: "'messages'"
    channel: "'any'"
    changed_at: "cast(joined as timestamp)"
    state: "consent"
"""
BUYERS = "describes: Who bought.\nowner: growth\ngoal: care\nwho: value.spend > 15\npurpose: messages\n"
CARE = "describes: Cares.\nowner: growth\nenters: buyers\nstarts: 2024-07-01\nsteps:\n  - wait: 9 days\n"
STEPS = (
    "ingest.crm",
    "ingest.web",
    "ingest.till",
    "identities",
    "customers",
    "activity",
    "features.value",
    "memberships.customer",
    "journeys",
)
TABLES = ("gold/customers", "gold/activity", "gold/memberships_customer")


@pytest.fixture
def shop(retailer: Retailer) -> Iterator[Retailer]:
    retailer.declare("sources/crm.yml", CRM)
    retailer.declare("sources/web.yml", CRM.replace("crm/", "web/"))
    retailer.declare("sources/till.yml", till(IN_STORE))
    retailer.declare("audiences/buyers.yml", BUYERS)
    retailer.declare("journeys/care.yml", CARE)
    people = ["ann,M1,2024-06-01,granted", "bob,M2,2024-06-02,withdrawn", "eve,M3,2024-06-03,granted"]
    retailer.land("crm/2024-07-01.csv", "\n".join(["name,card,joined,consent", *people]) + "\n")
    # Most feeds have a record of Ann, so that her id remains.
    retailer.land("web/2024-07-01.csv", "\n".join(["name,card,joined,consent", people[0]]) + "\n")
    slips = [f"s{n},M{n},2024-07-01 10:00:00,{n}0.00" for n in (1, 2, 3)]
    retailer.land("till/2024-07-01.csv", "\n".join(["slip,card,at,paid", *slips]) + "\n")
    return retailer


def judged(shop: Retailer, verdict: str) -> None:
    """Note a steward's override for ann and bob, as the command does."""
    context = shop.context("2024-07-01")
    directory = Directory(context)
    one, other = (next(r for r in directory.find(f"member={card}") if r.source == "crm") for card in ("M1", "M2"))
    commands._note(context, context.catalogue.tables["identity_verdicts"], {
        "decided_at": datetime.now(UTC), "verdict": verdict, "a_source": one.source, "a_key": one.person_key,
        "b_source": other.source, "b_key": other.person_key, "why": "she said so", "by": "steward",
    })  # fmt: skip


def after(shop: Retailer, day: int) -> dict[str, list[tuple[object, ...]]]:
    shop.run(f"2024-07-{day:02}", *STEPS)
    return {place: shop.rows(place) for place in TABLES}


def ids(shop: Retailer) -> list[str]:
    """Customer ids of the three cards."""
    context = shop.context("2024-07-01")
    return [str(Directory(context).customer_of(Directory(context).find(f"member=M{n}")[0])) for n in (1, 2, 3)]


def consenting(shop: Retailer) -> set[str]:
    """Customers who consent to messages on any channel."""
    return {
        one for one, consents in shop.rows("gold/customers", "customer_id", "consents") if "messages:any" in consents
    }


def stays(shop: Retailer) -> set[tuple[object, ...]]:
    return {row[1:4] for row in shop.rows("gold/memberships_customer")}


def walkers(shop: Retailer) -> list[tuple[object, ...]]:
    return shop.rows("gold/journey_instances", "customer_id", "status")


def test_a_merge_moves_everything_to_the_remaining_customer_and_a_split_moves_it_back(shop):
    before = after(shop, 1)
    ann, bob, eve = ids(shop)
    entered = date(2024, 7, 1)
    assert stays(shop) == {(bob, entered, None), (eve, entered, None)}
    assert walkers(shop) == sorted([(bob, "active"), (eve, "active")])
    assert consenting(shop) == {ann, eve}

    judged(shop, "same")
    merged = after(shop, 2)
    assert ids(shop) == [ann, ann, eve]
    # The strictest consent counts; rows of other customers are unchanged.
    assert consenting(shop) == {eve}
    for place in TABLES:
        changed = {str(row) for row in before[place]} ^ {str(row) for row in merged[place]}
        assert changed and not [row for row in changed if eve in row], place
    # The membership continues under the remaining id, from the day on which it began.
    assert stays(shop) == {(ann, entered, None), (bob, entered, date(2024, 7, 2)), (eve, entered, None)}
    assert {row[2] for row in merged["gold/activity"]} == {ann, eve}
    assert walkers(shop) == sorted([(ann, "active"), (eve, "active")])

    judged(shop, "open")
    parted = after(shop, 3)
    assert ids(shop) == [ann, bob, eve]
    assert parted["gold/customers"] == before["gold/customers"]
    assert parted["gold/activity"] == before["gold/activity"]
    # Alone, ann has not bought enough, and bob's membership continues without a gap.
    assert stays(shop) == {(ann, entered, date(2024, 7, 3)), (bob, entered, None), (eve, entered, None)}
    # The walk belongs to bob, whose record entered, not to ann.
    assert walkers(shop) == sorted([(bob, "active"), (eve, "active")])
