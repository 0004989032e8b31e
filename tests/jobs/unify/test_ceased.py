"""Events lose an identifier that their record dropped, or that was reassigned to another person."""

from __future__ import annotations

import pytest
from members import CRM
from shop import Retailer, template

from jobs.consent.facts import Moment, identifiers_of_records
from jobs.unify.records import reader
from quanyu.run.runner import perform

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


def deliver(retailer, day, crm="", shop=""):
    if crm:
        retailer.land(f"crm/{day}.csv", "card,name,phone\n" + crm)
        retailer.ingest("crm", day)
    if shop:
        lines = (f"{day}-{n},{day} 10:00:00,{row},5\n" for n, row in enumerate(shop.split()))
        retailer.land(f"shop/{day}.csv", "no,at,card,phone,paid\n" + "".join(lines))
        retailer.ingest("shop", day)


def phones(retailer, day=None):
    """Current phones of each feed, one per record that has them."""
    context = retailer.context("2024-07-09")
    rows = reader.identifiers(context, day).where("kind = 'phone'").toArrow().to_pylist()
    return sorted((row["source"], row["value"][-4:]) for row in rows)


def _first_day(folder):
    retailer = Retailer(folder)
    retailer.declare("sources/crm.yml", CRM)
    retailer.declare("sources/shop.yml", SHOP)
    deliver(retailer, "2024-07-01", f"1,Ann,{OLD}\n", f"1,{OLD} ,{OLD}")
    retailer.close()


@pytest.fixture
def feeds(tmp_path):
    retailer = Retailer.at(template("ceased", _first_day)).copy(tmp_path / "shop")
    yield retailer
    retailer.close()


def test_events_have_the_identifiers_of_their_record(feeds):
    assert phones(feeds) == [("crm", "5401"), ("shop", "5401"), ("shop", "5401")]


def test_a_dropped_phone_ends_in_older_events_too(feeds):
    deliver(feeds, "2024-07-02", f"1,Ann,{NEW}\n")
    assert phones(feeds) == [("crm", "5409")]
    rows = identifiers_of_records(feeds.context("2024-07-09"), Moment.now())
    rows = rows.where("shown_kind = 'phone' and stands").collect()
    assert not any(OLD in row["value"] for row in rows)


def test_a_reassigned_phone_belongs_to_its_new_holder_alone(feeds):
    deliver(feeds, "2024-07-02", f"1,Ann,{NEW}\n")
    deliver(feeds, "2024-07-03", f"2,Bob,{OLD}\n")
    assert phones(feeds) == [("crm", "5401"), ("crm", "5409")]


def test_a_shared_phone_remains_with_the_record_that_still_has_it(feeds):
    deliver(feeds, "2024-07-02", f"2,Bob,{OLD}\n", f"2,{OLD}")
    deliver(feeds, "2024-07-03", "", f"2,{OLD}")
    deliver(feeds, "2024-07-04", f"1,Ann,{NEW}\n")
    # Another record has had it all along: events that name no other person retain it, and those of card 1 do not.
    assert phones(feeds) == [("crm", "5401"), ("crm", "5409"), ("shop", "5401"), ("shop", "5401")]


@pytest.mark.parametrize("first", ["crm", "shop"])
def test_a_later_event_brings_a_dropped_phone_back(feeds, first):
    deliver(feeds, "2024-07-02", f"1,Ann,{NEW}\n")
    deliver(feeds, "2024-07-05", "", f"3,{OLD} ,{OLD}")
    assert phones(feeds) == [("crm", "5409"), ("shop", "5401"), ("shop", "5401")]


def test_a_late_event_counts_for_its_own_day(feeds):
    deliver(feeds, "2024-07-04", f"1,Ann,{NEW}\n")
    feeds.land("shop/2024-07-03.csv", f"no,at,card,phone,paid\nx,2024-07-03 10:00:00,1,{OLD},5\n")
    feeds.ingest("shop", "2024-07-05")
    assert phones(feeds) == [("crm", "5409")]


@pytest.mark.parametrize("registers", ["2024-07-03", pytest.param("2024-07-04", marks=pytest.mark.long)])
def test_a_phone_that_returns_with_another_holder_does_not_merge_the_two(retailer, registers):
    retailer.declare("sources/crm.yml", CRM)
    retailer.declare("sources/shop.yml", SHOP)
    deliveries = {"2024-07-01": (f"1,王小明,{OLD}\n", f",{OLD}"), "2024-07-02": (f"1,王小明,{NEW}\n", "")}
    for day in ("2024-07-01", "2024-07-02", "2024-07-03", "2024-07-04"):
        crm, shop = deliveries.get(day, (f"2,李雪梅,{OLD}\n" * (day == registers), f",{OLD}" * (day == "2024-07-03")))
        deliver(retailer, day, crm, shop)
        context = retailer.context(day)
        perform(context, context.step("identities"))
    rows = retailer.rows("gold/identities", "source", "customer_id", "valid_to")
    members = [customer for source, customer, valid_to in rows if source == "crm" and valid_to is None]
    assert len(members) == len(set(members)) == 2
