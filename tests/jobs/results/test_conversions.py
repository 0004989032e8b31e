"""Purchases go back to platforms of those who consent, each once, and count as sent by a receipt alone."""

import hashlib
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from ad_server import ACCOUNT, TOKEN, Kiosk, serving
from consents import DAY, customers, declared, inside, land, member, took
from shop import ROOT, Retailer, template

from jobs.exports import destinations
from quanyu.errors import RejectedError, RetryableError

NEXT = "2024-07-02"
TILL = """
describes: Receipts.
owner: retail
reads: {path: "till/{day}.csv", format: csv}
delivers: changes
freshness: none
person: [{kind: member, scope: brand, value: card}]
fills:
  orders: {order_id: slip, ordered_at: at, kind: kind, status: status, amount: paid}
"""
HEAD = "slip,at,kind,status,paid,card\n"
AUDIENCE = """
describes: Customers who lapsed.
owner: growth
goal: activate
who: value.orders > 0
purpose: ads
holdout: 50 %
send_to: [kiosk_main]
"""
STEP = "conversions.kiosk_main"
PLATFORMS = {**destinations.platforms(), "kiosk": Kiosk}


def sell(shop, day, *rows):
    shop.land(f"till/{day}.csv", HEAD + "".join(f"{row}\n" for row in rows))


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def key(slip):
    return sha(f"till/{slip}")


def keys(server):
    return sorted(row["key"] for row in server.conversions)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("KIOSK_TOKEN", TOKEN)
    monkeypatch.setattr(destinations, "platforms", lambda: PLATFORMS)
    monkeypatch.setattr("jobs.exports.http.FIRST_WAIT", 0.01)
    with serving() as server:
        yield server


def _ingested(folder):
    shop = declared(folder)
    shop.declare("sources/till.yml", TILL)
    shop.declare("sources/ad_results.yml", (ROOT / "conf" / "sources" / "ad_results.yml").read_text())
    land(shop, "crm", DAY, *(member(n, f"1391234560{n}") for n in range(1, 6)))
    agreed = [f"M{n},ads,any,2024-06-01,granted" for n in (1, 2, 3, 5)]
    land(shop, "answers", DAY, *agreed, "M5,ads,any,2024-06-02,withdrawn")
    sell(
        shop, DAY,
        "a1,2024-07-01 10:00:00,purchase,paid,20.50,M1", "a2,2024-06-28 10:00:00,purchase,paid,9,M2",
        "a3,2024-07-01 10:00:00,return,paid,-9,M1", "a4,2024-07-01 10:00:00,purchase,cancelled,9,M1",
        "a5,2024-06-20 10:00:00,purchase,paid,9,M1", "a6,2024-07-01 10:00:00,purchase,paid,9,M4",
        "a7,2024-07-01 10:00:00,purchase,paid,9,M5",
    )  # fmt: skip
    ingested(shop, DAY)
    shop.close()


def ingested(shop, day):
    shop.run(day, "ingest.till")
    took(shop, day)


@pytest.fixture
def shop(tmp_path, server):
    shop = Retailer.at(template("conversions", _ingested)).copy(tmp_path)
    shop.declare("platforms/kiosk_main.yml", ACCOUNT.format(url=server.url))
    yield shop
    shop.close()


def reported(shop, day=DAY, **more):
    return shop.run(day, STEP, **more)[STEP]


def stored(shop):
    rows = shop.table("gold/export_conversions").to_pylist()
    return {row["order_key"]: (str(row["sent_on"]), row["status"]) for row in rows}


def test_new_purchases_of_those_who_consent_are_reported_in_the_platforms_form(shop, server):
    outcome = reported(shop)
    assert keys(server) == sorted([key("a1"), key("a2")])
    one = next(row for row in server.conversions if row["key"] == key("a1"))
    assert one["identifiers"] == {"phone": sha("8613912345601"), "email": sha("m1@shop.cn")}
    assert (one["amount"], one["currency"]) == ("20.50", "CNY")
    assert datetime.fromisoformat(one["at"]) == datetime(2024, 7, 1, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert stored(shop) == {key("a1"): (DAY, "sent"), key("a2"): (DAY, "sent")}
    assert (outcome.facts.sent, outcome.facts.withheld) == (2, 2)


def test_each_purchase_is_reported_once_and_who_withdraws_no_more(shop, server):
    reported(shop)
    reported(shop, force=True)
    land(shop, "answers", NEXT, "M2,ads,any,2024-07-02,withdrawn", "M4,ads,any,2024-07-02,granted")
    sell(shop, NEXT, "b1,2024-07-02 10:00:00,purchase,paid,5,M1", "b2,2024-07-02 10:00:00,purchase,paid,5,M2")
    ingested(shop, NEXT)
    reported(shop, NEXT)
    # M4 consents now: what they bought within the last days is news to the platform.
    assert keys(server) == sorted(map(key, ("a1", "a2", "a6", "b1")))
    assert stored(shop)[key("b1")] == (NEXT, "sent")


def test_nobody_in_the_holdout_of_the_account_is_reported(shop, server):
    shop.declare("audiences/winback.yml", AUDIENCE)
    inside(shop.context(DAY), "winback", ("M1", "M2"), held_out=("M1",))
    reported(shop)
    assert keys(server) == [key("a2")]


def test_nothing_counts_as_reported_without_a_receipt(shop, server):
    server.failures = [503, 503, 503, 503]
    with pytest.raises(RetryableError):
        reported(shop)
    assert stored(shop) == {}
    reported(shop)
    assert len(keys(server)) == 2


def test_a_rejected_purchase_is_named_as_such_and_is_not_sent_again(shop, server):
    server.rejected = {key("a1")}
    outcome = reported(shop)
    assert stored(shop)[key("a1")] == (DAY, "rejected")
    assert outcome.alerts == {"rejected": "1 purchase rejected by kiosk"}
    server.rejected = set()
    reported(shop, force=True)
    assert keys(server) == [key("a2")]


@pytest.mark.parametrize(("reason", "status"), [("BAD_CURRENCY", "rejected"), ("BUSY", "failed")])
@pytest.mark.parametrize("state", ["done", "pending"])
def test_exactly_the_purchases_that_the_platform_names_have_failed(shop, server, state, reason, status):
    server.rejected, server.reason, server.state = {key("a2")}, reason, state
    outcome = reported(shop)
    if state == "pending":
        assert set(stored(shop).values()) == {(DAY, "pending")}
        server.state, server.rejected = "done", set()
        server.polled = "done"
        outcome = reported(shop)
        status = "sent" if status == "failed" else status
    rows = {row["order_key"]: row for row in shop.table("gold/export_conversions").to_pylist()}
    assert (rows[key("a1")]["status"], rows[key("a1")]["reason"]) == ("sent", None)
    assert rows[key("a2")]["status"] == status
    assert rows[key("a2")]["reason"] == (None if status == "sent" else reason)
    assert (outcome.facts.rejected, outcome.run_again) == (int(status == "rejected"), status == "failed")
    # What passes is sent again by the next run, and nothing else.
    server.rejected = set()
    reported(shop, force=True)
    again = {"rejected": "rejected", "failed": "sent", "sent": "sent"}[status]
    assert stored(shop)[key("a2")] == (DAY, again)
    assert keys(server) == sorted([key("a1"), *([key("a2")] if again == "sent" else [])])


@pytest.mark.parametrize("state", ["done", "pending"])
def test_those_that_the_platform_names_and_those_that_it_only_counts_are_rejected(shop, server, state):
    server.rejected, server.dropped, server.state = {key("a2")}, 1, state
    outcome = reported(shop)
    if state == "pending":
        assert outcome.facts.rejected == 0
        outcome = reported(shop)
    assert outcome.facts.rejected == 2


def test_a_batch_that_the_platform_has_forgotten_is_reported_again(shop, server):
    server.state = "pending"
    reported(shop)
    server.state, server.forgotten = "done", {"b1"}
    outcome = reported(shop)
    assert set(stored(shop).values()) == {(DAY, "sent")} and not outcome.run_again
    assert (server.batches, len(server.conversions)) == (2, 4)


def test_batches_hold_as_many_as_the_platform_takes(shop, server):
    sell(shop, NEXT, *(f"c{n},2024-07-02 10:00:00,purchase,paid,9,M1" for n in range(3)))
    land(shop, "answers", NEXT)
    ingested(shop, NEXT)
    reported(shop, NEXT)
    assert (server.batches, len(server.conversions)) == (3, 5)


@pytest.mark.parametrize(("state", "status", "calls"), [("done", "sent", 2), ("failed", "sent", 4)])
def test_a_pending_batch_is_asked_for_and_a_failed_one_sent_again(shop, server, state, status, calls):
    server.state = "pending"
    assert reported(shop).run_again
    assert set(stored(shop).values()) == {(DAY, "pending")}
    server.polled, server.state = state, "done"
    outcome = reported(shop)
    assert set(stored(shop).values()) == {(DAY, status)} and not outcome.run_again
    assert len(server.conversions) == calls


def test_while_consents_are_late_nothing_is_reported(shop, server):
    outcome = reported(shop, "2024-07-08")
    assert outcome.notes[0].startswith("no purchase is reported: ") and outcome.run_again
    assert server.conversions == []


def test_a_batch_that_is_refused_is_an_error_without_identifiers(shop, server):
    server.state = "failed"
    with pytest.raises(RejectedError) as refused:
        reported(shop)
    assert "refused 2 purchases" in str(refused.value) and "139" not in str(refused.value)
    assert customers(shop.context(DAY)) and stored(shop) == {}
