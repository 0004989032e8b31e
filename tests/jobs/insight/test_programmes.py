"""Who counts for the lift of a programme and what they bought, on a retailer whose lift can be counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import pyarrow as pa
import pytest

from jobs.consent.facts import held_out
from jobs.insight.lift.programmes import Programme, groups, programmes
from jobs.insight.lift.steps import lift_rows
from quanyu.grammar.audience import Audience
from quanyu.grammar.journey import Journey
from quanyu.group_differences import Group
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.entities import Customer
from quanyu.model.identity import Identities, IdentityEvents
from quanyu.model.outcomes import ExportMembers, memberships_of
from quanyu.model.trade import Orders

DAY = date(2024, 9, 1)
EARLY, LATE = date(2024, 6, 1), date(2024, 8, 15)
SHANGHAI = timezone(timedelta(hours=8))


def write(context, table, rows):
    context.lake.prepare(table)
    schema = context.lake.arrow(place_of(table)).schema
    receipt = Receipt("test", DAY.isoformat(), "test", "", {})
    context.lake.append_rows(place_of(table), pa.Table.from_pylist(rows, schema), receipt, {"out": len(rows)})


def order(number, who, day, amount, kind="purchase", status="paid"):
    return {
        "source": "shop", "person_key": who, "order_id": f"o{number}", "kind": kind, "status": status, "amount": amount,
        "ordered_at": datetime(day.year, day.month, day.day, 12, tzinfo=SHANGHAI), "feed_day": day, "recorded_on": day,
    }  # fmt: skip


def identity(who, customer, since=EARLY, until=None):
    return {"source": "shop", "person_key": who, "customer_id": customer, "valid_from": since, "valid_to": until}


def stay(who, entered, holdout=False, left=None, audience="winback"):
    return {"audience": audience, "customer_id": who, "entered_on": entered, "left_on": left, "holdout": holdout}


@pytest.fixture
def context(retailer):
    retailer.declare("base.yml", (retailer.conf / "base.yml").read_text() + "holdout: {share: 50 %, salt: s}\n")
    context = retailer.context(DAY.isoformat())
    write(context, Identities, [
        *(identity(f"p{n}", f"c{n}") for n in range(6)), identity("p6", "old", EARLY, LATE), identity("p6", "c0", LATE),
    ])  # fmt: skip
    write(context, IdentityEvents, [
        {"number": 1, "day": LATE, "event": "merge", "customer_id": "c0", "other_id": "old", "source": "shop",
         "person_key": "p6", "person": 6, "cause": "phone"},
    ])  # fmt: skip
    write(context, memberships_of(Customer), [
        # c0 took over the stay of the id that was merged into it.
        stay("old", EARLY, left=LATE), stay("c0", EARLY), stay("c1", EARLY), stay("c2", EARLY, True), stay("c3", LATE),
        # Only the first entry counts.
        stay("c4", EARLY, left=date(2024, 6, 2)), stay("c4", date(2024, 7, 1)), stay("c5", EARLY, audience="other"),
    ])  # fmt: skip
    write(context, Orders, [
        order(1, "p0", EARLY + timedelta(days=1), 10), order(2, "p0", EARLY + timedelta(days=30), 5),
        # On the day of entry, after the horizon, and what is no purchase.
        order(3, "p1", EARLY, 70), order(4, "p1", EARLY + timedelta(days=31), 80),
        order(5, "p1", EARLY + timedelta(days=5), 90, "return"), order(6, "p2", EARLY + timedelta(days=2), 3),
        order(7, "p3", LATE + timedelta(days=1), 40), order(8, "p4", date(2024, 7, 5), 100),
        order(9, "p6", EARLY + timedelta(days=3), 7),
    ])  # fmt: skip
    return context


def test_purchases_in_the_horizon_after_the_first_entry_count_for_all_who_were_assigned(context):
    measured = groups(context, [Programme("audience", "winback", 0.1, "winback")])
    treated, control = (measured["audience", "winback", held_out] for held_out in (False, True))
    # c0 has the orders of p6 too, by the merge; c1 and c4 bought nothing in time; c3 entered too late.
    assert (treated.customers, treated.buyers, treated.spend, treated.squares) == (3, 1, 22.0, 22.0**2)
    assert (control.customers, control.buyers, control.spend) == (1, 1, 3.0)


def test_rows_of_the_lift_say_both_outcomes_and_warn_of_a_wrong_split():
    measured = {("audience", "winback", False): Group(900, 90, 9_000.0, 200_000.0),
                ("audience", "winback", True): Group(100, 5, 400.0, 4_000.0)}  # fmt: skip
    conversion, spend = lift_rows(Programme("audience", "winback", 0.1), measured, 30, DAY)
    assert (conversion["mean"], conversion["mean_held_out"], conversion["lift"]) == (0.1, 0.05, pytest.approx(0.05))
    assert (spend["mean"], spend["mean_held_out"], spend["lift"]) == (10, 4, 6)
    assert (conversion["verdict"], spend["verdict"], spend["split_p_value"]) == ("no difference shown", "more", 1)
    wrong = lift_rows(Programme("audience", "winback", 0.2), measured, 30, DAY)
    assert {row["verdict"] for row in wrong} == {"split is wrong"}


def test_a_journey_counts_entries_from_its_start_on(context):
    measured = groups(context, [Programme("journey", "letters", 0.1, "winback", date(2024, 7, 1))])
    assert {key: (one.customers, one.spend) for key, one in measured.items()} == {
        ("journey", "letters", False): (1, 100.0)
    }


def sent(who, since, export="winback.drop", status="sent"):
    return {"export": export, "customer_id": who, "kind": "phone", "address_hash": "x", "status": status,
            "since": since}  # fmt: skip


def test_an_export_counts_members_from_the_first_sending_on_sent_or_not(context):
    july, june = date(2024, 7, 1), date(2024, 6, 15)
    # Nobody was sent before July, and c1 never is; one of several exports begins for all.
    write(context, ExportMembers, [sent("c0", july), sent("c4", july), sent("c1", june, status="withheld"),
                                   sent("c0", date(2024, 7, 9), "winback.meta")])  # fmt: skip
    exports = ("winback.drop", "winback.meta")
    measured = groups(context, [Programme("export", "winback.all", 0.5, "winback", exports=exports)])
    nothing = {row["customer_id"] for row in held_out(context, "no_audience").collect()}
    # c3 came too late; the first stay of c4 was over; orders of c0 and c2 are of June and of the day itself.
    treated, spend = {"c0", "c1", "c4"} - nothing, {"c1": 80.0, "c4": 100.0}
    assert treated and len(treated) < 3
    one = measured["export", "winback.all", False]
    assert (one.customers, one.spend) == (len(treated), sum(spend.get(who, 0) for who in treated))
    control = measured.get(("export", "winback.all", True), Group())
    assert (control.customers, control.spend) == (len({"c2"} - nothing), 0)


def test_where_a_journey_treated_the_members_before_an_export_only_newcomers_count(context):
    july = date(2024, 7, 1)
    write(context, memberships_of(Customer), [stay("new", july), stay("c1", july + timedelta(days=9))])
    write(context, ExportMembers, [sent("c0", july)])
    declared = [Programme("export", "winback.drop", 0.5, "winback", exports=("winback.drop",))]
    assert groups(context, declared)["export", "winback.drop", False].customers == 3
    letters = Journey.model_construct(name="letters", enters="winback", starts=EARLY)
    context.__dict__["catalogue"] = replace(context.catalogue, journeys={"letters": letters})
    # c1 was there before the first sending, and so was c4 at an earlier time; c0 is in the holdout of everybody.
    measured = groups(context, declared)
    assert {key: one.customers for key, one in measured.items()} == {("export", "winback.drop", False): 1}
    letters = Journey.model_construct(name="letters", enters="winback", starts=july)
    context.__dict__["catalogue"] = replace(context.catalogue, journeys={"letters": letters})
    assert groups(context, declared)["export", "winback.drop", False].customers == 3


def test_exports_that_share_a_holdout_are_one_programme_and_one_that_sent_nobody_has_no_groups(context):
    def audience(name, *places, holdout=0.1):
        return Audience(name=name, file="", describes="All.", owner="growth", goal="care", who="true", purpose="ads",
                        holdout=holdout, send_to=places)  # fmt: skip

    audiences = [audience("one", "drop"), audience("two", "drop", "meta"), audience("none"),
                 audience("plain", "drop", holdout=0)]  # fmt: skip
    declared = replace(context.catalogue, audiences={one.name: one for one in audiences})
    listed = [one for one in programmes(declared) if one.kind == "export"]
    assert {one.name: one.exports for one in listed} == {
        "one.drop": ("one.drop",), "two.all": ("two.drop", "two.meta")
    }  # fmt: skip
    assert groups(context, listed) == {}


def test_the_holdout_of_everybody_follows_merges_and_is_kept_by_the_gate(context):
    import hashlib

    share = context.settings.holdout.share

    def is_drawn(customer):
        return int(hashlib.sha256(f"s:{customer}".encode()).hexdigest()[:8], 16) < share * 2**32

    out = {customer for customer in ("c1", "c2", "c3", "c4", "c5") if is_drawn(customer)}
    out |= {"c0"} if is_drawn("c0") or is_drawn("old") else set()
    assert 0 < len(out) < 6
    gate = {row["customer_id"] for row in held_out(context, "no_audience").collect()}
    assert gate == out
    assert {row["customer_id"] for row in held_out(context, "winback").collect()} == out | {"c2"}
    measured = groups(context, [Programme("everything", "everything", share)])
    assert measured["everything", "everything", True].customers == len(out)
    assert measured["everything", "everything", False].customers == 6 - len(out)


def test_without_a_share_nobody_is_held_out_of_everything(retailer):
    context = retailer.context(DAY.isoformat())
    write(context, Identities, [identity("p0", "c0")])
    assert held_out(context, "winback").collect() == []
