"""An identifier that its record no longer has reaches nobody from that day on, while objections stay in force."""

from __future__ import annotations

from datetime import date

import pytest
from consents import DAY, customers, declared, inside, land, member, reasons, took
from members import CRM
from shop import Retailer, template

from jobs.consent.facts import Question
from jobs.exports.members import answers
from jobs.journeys.sending.addresses import addresses
from quanyu.grammar.audience import Audience
from quanyu.model.people import Identifiers
from quanyu.point_in_time import as_of
from quanyu.store import Message

NEXT = "2024-07-02"
OLD, NEW = "13912345671", "13912345679"
ADS = Question("ads", "any", ("phone",))
ORDERS = """
describes: Orders.
owner: me
reads: {path: "orders/{day}.csv", format: csv}
delivers: events
freshness: none
person:
  - {kind: member, scope: brand, value: card}
  - {kind: phone, value: phone}
  - {kind: phone_sha256, value: hash}
  - {kind: email, value: mail}
  - {kind: external_userid, scope: w1, value: wecom}
  - {kind: device, scope: app, value: device}
fills:
  orders: {order_id: "no", ordered_at: at, kind: "'purchase'", status: "'paid'", amount: "5"}
"""
LISTED = "on a list of what must never be contacted"


def ordered(shop, *rows):
    shop.declare("sources/orders.yml", ORDERS)
    lines = [f"{n},{DAY} 10:00:00,{row}" for n, row in enumerate(rows)]
    shop.land(f"orders/{DAY}.csv", "\n".join(["no,at,card,phone,hash,mail,wecom,device", *lines]) + "\n")
    shop.run(DAY, "ingest.orders")


def _first_day(folder):
    retailer = declared(folder)
    ordered(retailer, f"M1,{OLD},,m1@shop.cn,w-old,", f",{OLD},,,,")
    land(retailer, "crm", DAY, member(1, OLD, wecom="w-old"), member(2, "13912345672"))
    agreed = [f"M{n},{purpose},any,2024-06-01,granted" for n in (1, 2) for purpose in ("ads", "messages")]
    land(retailer, "answers", DAY, *agreed)
    took(retailer)
    retailer.close()


@pytest.fixture
def shop(tmp_path):
    """A member with an order that contains her phone, mailbox and WeCom contact; she changes all of them on day two."""
    retailer = Retailer.at(template("ended_identifiers", _first_day)).copy(tmp_path / "shop")
    yield retailer
    retailer.close()


def changed(shop, *rows):
    land(shop, "crm", NEXT, *rows)
    return took(shop, NEXT)


def test_an_export_leaves_out_ended_identifiers_of_an_order(shop):
    audience = Audience(name="w", file="w.yml", describes="d", owner="o", goal="churn_warning", who="true",
                        purpose="ads", send_to=("drop",))  # fmt: skip
    context = changed(shop, member(1, NEW, "new@shop.cn", "w-new"))
    inside(context, "w", ("M1", "M2"))
    values = {row["value"] for row in answers(context, audience, ("phone", "email")).where("reason is null").collect()}
    assert values == {f"+86{NEW}", "+8613912345672", "new@shop.cn", "m2@shop.cn"}


@pytest.mark.parametrize(("kind", "new"), [("phone", f"+86{NEW}"), ("external_userid", "w-new")])
def test_a_journey_uses_the_newer_address(shop, kind, new):
    context = changed(shop, member(1, NEW, "new@shop.cn", "w-new"))
    [one] = [customer for customer, name in customers(context).items() if name == "M1"]
    message = Message("k", "j", "i", "s", one, "test", "t", date(2024, 7, 2))
    assert addresses(context, kind, frozenset())([message])["k"].to == new


def test_reachability_shrinks_but_not_as_of_an_earlier_day(shop):
    context = changed(shop, "M1,,,")
    shop.run(NEXT, "customers")
    rows = context.lake.rows("gold/customers", ["customer_id", "reachable_by", "persons"]).to_pylist()
    [row] = [row for row in rows if customers(context)[row["customer_id"]] == "M1"]
    # The order of a guest remains hers.
    assert (row["reachable_by"], row["persons"]) == ([], 4)
    days = [date.fromisoformat(DAY), date.fromisoformat(NEXT)]
    phones = as_of.facts(context, Identifiers, *days).where(f"kind = 'phone' and value like '%{OLD}'").collect()
    assert {str(row["as_of"]) for row in phones} == {DAY}


def test_a_suppression_list_bars_an_address_that_ended(shop):
    shop.declare("sources/letters.yml", """
describes: Letters.
owner: legal
reads: {path: "letters/{day}.csv", format: csv}
delivers: events
freshness: none
person: [{kind: phone, value: phone}]
fills:
  suppressions: {purpose: "'any'", channel: "'any'"}
""")  # fmt: skip
    shop.land(f"letters/{DAY}.csv", f"phone\n{OLD}\n")
    shop.run(DAY, "ingest.letters")
    changed(shop, member(1, NEW))
    land(shop, "crm", "2024-07-03", member(2, OLD))
    by_address = reasons(took(shop, "2024-07-03"), ADS)
    assert by_address["M2", f"+86{OLD}"] == LISTED and by_address["M1", f"+86{NEW}"] is None


def test_a_merge_that_the_source_revokes_is_split_with_its_reason_in_the_log(retailer):
    text = CRM.replace("  - {kind: phone", "  - {kind: member, scope: b, value: merged}\n  - {kind: phone")
    retailer.declare("sources/crm.yml", text)
    for day, into in ((DAY, ""), (NEXT, "1"), ("2024-07-03", "")):
        retailer.land(f"crm/{day}.csv", f"card,name,phone,merged\n1,Ann,,\n2,Bob,,{into}\n")
        retailer.run(day, "ingest.crm", "identities")
    log = retailer.rows("gold/identity_events", "number", "day", "event", "cause")
    events = [(str(day), event, cause) for _, day, event, cause in sorted(log)]
    assert [event[:2] for event in events] == [(DAY, "mint"), (DAY, "mint"), (NEXT, "merge"), ("2024-07-03", "split")]
    assert events[-1][2]
