"""An event does not hold on to an identifier that a record untied, or that another person was given."""

from __future__ import annotations

import pytest
from members import CRM

from jobs.consent.facts import Moment, addresses
from jobs.unify import records
from quanyu.run import perform

SHOP = """\
describes: Orders.
owner: me
reads: {path: "shop/{day}.csv", format: csv}
delivers: events
freshness: none
person:
  - {kind: member, scope: b, value: card}
  - {kind: phone, value: phone}
fills:
  orders: {order_id: "no", ordered_at: at, kind: "'purchase'", status: "'paid'", amount: paid}
"""
OLD, NEW = "13812345401", "13812345409"


def taken(retailer, day, crm="", shop=""):
    if crm:
        retailer.land(f"crm/{day}.csv", "card,name,phone\n" + crm)
        retailer.ingest("crm", day)
    if shop:
        lines = (f"{day}-{n},{day} 10:00:00,{row},5\n" for n, row in enumerate(shop.split()))
        retailer.land(f"shop/{day}.csv", "no,at,card,phone,paid\n" + "".join(lines))
        retailer.ingest("shop", day)


def phones(retailer, day=None):
    """Phones that each feed still shows, with how many records show them."""
    context = retailer.context("2024-07-09")
    rows = records.identifiers(context, day).where("kind = 'phone'").toArrow().to_pylist()
    return sorted((row["source"], row["value"][-4:]) for row in rows)


@pytest.fixture
def feeds(retailer):
    retailer.declare("sources/crm.yml", CRM)
    retailer.declare("sources/shop.yml", SHOP)
    taken(retailer, "2024-07-01", f"1,Ann,{OLD}\n", f"1,{OLD} ,{OLD}")
    return retailer


def test_what_a_record_tells_its_events_tell_too(feeds):
    assert phones(feeds) == [("crm", "5401"), ("shop", "5401"), ("shop", "5401")]


def test_a_phone_that_is_untied_ceases_in_older_events_too(feeds):
    taken(feeds, "2024-07-02", f"1,Ann,{NEW}\n")
    assert phones(feeds) == [("crm", "5409")]
    rows = addresses(feeds.context("2024-07-09"), Moment.now()).where("kind = 'phone'").collect()
    assert not any(OLD in row["value"] for row in rows)


def test_a_phone_given_to_another_is_that_persons_alone(feeds):
    taken(feeds, "2024-07-02", f"1,Ann,{NEW}\n")
    taken(feeds, "2024-07-03", f"2,Bob,{OLD}\n")
    assert phones(feeds) == [("crm", "5401"), ("crm", "5409")]


def test_a_phone_that_was_shared_stays_that_of_whom_still_tells_it(feeds):
    taken(feeds, "2024-07-02", f"2,Bob,{OLD}\n", f"2,{OLD}")
    taken(feeds, "2024-07-03", "", f"2,{OLD}")
    taken(feeds, "2024-07-04", f"1,Ann,{NEW}\n")
    # Told by a record since before, so the events that name no other person keep it, and those of card 1 do not.
    assert phones(feeds) == [("crm", "5401"), ("crm", "5409"), ("shop", "5401"), ("shop", "5401")]


@pytest.mark.parametrize("first", ["crm", "shop"])
def test_an_event_of_a_later_day_tells_it_anew(feeds, first):
    taken(feeds, "2024-07-02", f"1,Ann,{NEW}\n")
    taken(feeds, "2024-07-05", "", f"3,{OLD} ,{OLD}")
    assert phones(feeds) == [("crm", "5409"), ("shop", "5401"), ("shop", "5401")]


def test_an_event_that_comes_late_is_of_its_own_day(feeds):
    taken(feeds, "2024-07-04", f"1,Ann,{NEW}\n")
    feeds.land("shop/2024-07-03.csv", f"no,at,card,phone,paid\nx,2024-07-03 10:00:00,1,{OLD},5\n")
    feeds.ingest("shop", "2024-07-05")
    assert phones(feeds) == [("crm", "5409")]


@pytest.mark.parametrize("registers", ["2024-07-03", "2024-07-04"])
def test_a_phone_that_comes_back_with_another_holder_makes_no_one_person_of_two(retailer, registers):
    retailer.declare("sources/crm.yml", CRM)
    retailer.declare("sources/shop.yml", SHOP)
    deliveries = {"2024-07-01": (f"1,王小明,{OLD}\n", f",{OLD}"), "2024-07-02": (f"1,王小明,{NEW}\n", "")}
    for day in ("2024-07-01", "2024-07-02", "2024-07-03", "2024-07-04"):
        crm, shop = deliveries.get(day, (f"2,李雪梅,{OLD}\n" * (day == registers), f",{OLD}" * (day == "2024-07-03")))
        taken(retailer, day, crm, shop)
        context = retailer.context(day)
        perform(context, context.step("identities"))
    rows = retailer.rows("gold/identities", "source", "customer_id", "valid_to")
    members = [customer for source, customer, valid_to in rows if source == "crm" and valid_to is None]
    assert len(members) == len(set(members)) == 2
