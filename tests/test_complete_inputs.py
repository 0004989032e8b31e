"""An audience is updated to a day only from inputs of that day: a missing row does not mean "not a member"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from shop import Retailer, copy_registry, template

from quanyu.errors import QuanyuError
from quanyu.model.entities import Customer
from quanyu.run import audience_days
from quanyu.run.runner import perform

TILL = """
describes: Receipts.
owner: e
reads: {path: "till/{day}.csv", format: csv}
delivers: events
freshness: none
person: [{kind: member, scope: brand, value: card}]
fills:
  orders: {order_id: "slip", ordered_at: "at", kind: "'purchase'", status: "'paid'", amount: "paid", channel: "'store'"}
"""
BUYERS = "describes: Who bought.\nowner: growth\ngoal: care\nwho: value.spend > 15\npurpose: messages\n"
RECENT = BUYERS.replace("value.spend > 15", "recency.days_since_order < 9")
SCORED = BUYERS.replace("value.spend > 15", "churn.score > 0 or value.spend > 15")
SELLING = """
describes: Shops that sell.
owner: growth
entity: store
goal: care
who: store_sales.orders > 0
purpose: analytics
"""
HELLO = """
describes: Says hello.
owner: growth
enters: buyers
starts: 2024-07-01
steps:
  - wait: 5 days
"""
STEPS = (
    "ingest.till", "identities", "customers", "activity", "features.recency", "features.value", "memberships.customer",
    "journeys",
)  # fmt: skip
FIRST = date(2024, 7, 1)


def declared(shop: Retailer) -> Retailer:
    """Declare all but the steps, with the receipts of the first day."""
    shop.declare("sources/till.yml", TILL)
    shop.declare("audiences/buyers.yml", BUYERS)
    shop.declare("audiences/recent.yml", RECENT)
    shop.declare("journeys/hello.yml", HELLO)
    bought(shop, 1, "M1", "M2")
    return shop


def _first_day(folder: Path) -> None:
    shop = declared(Retailer(folder))
    run(shop, 1)
    shop.close()


@pytest.fixture
def new_shop(retailer: Retailer) -> Retailer:
    """A shop without any day."""
    return declared(retailer)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Retailer]:
    """A shop after its first day."""
    retailer = Retailer.at(template("complete_inputs", _first_day)).copy(tmp_path / "shop")
    yield retailer
    retailer.close()


def on(day: int) -> date:
    return FIRST + timedelta(days=day - 1)


def bought(shop: Retailer, day: int, *cards: str) -> None:
    slips = [f"s{day}{card},{card},{on(day)} 10:00:00,20.00" for card in cards]
    shop.land(f"till/{on(day)}.csv", "\n".join(["slip,card,at,paid", *slips]) + "\n")


def run(shop: Retailer, day: int, stops: str = "", steps: tuple[str, ...] = STEPS) -> dict[str, tuple[str, ...]]:
    """Run the steps of a day, one of which may fail, and the others after it. Returns notes by step."""
    context, notes = shop.context(str(on(day))), {}
    if stops:
        context.steps[stops] = replace(context.step(stops), run=_stop)
    for name in steps:
        if name != stops:
            notes[name] = perform(context, context.step(name)).outcome.notes
            continue
        with pytest.raises(QuanyuError):
            perform(context, context.step(name))
    return notes


def _stop(context: object, receipt: object) -> None:
    raise ValueError("on purpose")


def stays(shop: Retailer, audience: str) -> list[tuple[int, int | None]]:
    """Day of entry and of leaving of each stay."""
    rows = [row for row in shop.rows("gold/memberships_customer") if row[0] == audience]
    return sorted(((e - FIRST).days + 1, left and (left - FIRST).days + 1) for _, _, e, left, _ in rows)


def stale(shop: Retailer, day: int) -> dict[str, str]:
    return dict(audience_days.stale(shop.context(str(on(day)))))


def test_a_failed_view_leaves_its_audiences_unchanged_and_others_are_computed(shop):
    assert (stays(shop, "buyers"), stale(shop, 1)) == ([(1, None), (1, None)], {})
    bought(shop, 2, "M3")
    notes = run(shop, 2, stops="features.value")
    assert stays(shop, "buyers") == [(1, None), (1, None)]
    assert stays(shop, "recent") == [(1, None), (1, None), (2, None)]
    words = "features.value stopped or did not run for 2024-07-02"
    assert notes["memberships.customer"] == (f"not updated to the day, nobody enters or leaves: buyers: {words}",)
    assert stale(shop, 2) == {"buyers": f"buyers was evaluated for 2024-07-01, not for 2024-07-02: {words}"}
    assert any("nobody enters hello" in note for note in notes["journeys"])
    # Nobody enters twice, and who entered on the missed day has that day as day of entry.
    bought(shop, 3, "M4")
    run(shop, 3)
    assert (stays(shop, "buyers"), stale(shop, 3)) == ([(1, None), (1, None), (2, None), (3, None)], {})
    assert len(shop.rows("gold/journey_instances")) == 4


@pytest.mark.long
def test_a_failed_view_leaves_the_profile_as_it_was(new_shop):
    catalogue = new_shop.context("2024-07-01").catalogue
    views = [view.step() for view in catalogue.views_of(Customer) if view.step() not in STEPS]
    steps = (
        *STEPS[:4], *views, *STEPS[4:6], "scores", "profile.customer",
    )  # fmt: skip
    run(new_shop, 1, steps=steps)
    before = new_shop.rows("gold/profile_customer")
    assert len(before) == 2
    bought(new_shop, 2, "M3")
    [note] = run(new_shop, 2, stops="features.value", steps=steps)["profile.customer"]
    assert note.startswith("not updated to the day, it stays as it was: features.value stopped or did not run")
    assert new_shop.rows("gold/profile_customer") == before
    run(new_shop, 2, steps=steps)
    assert len(new_shop.rows("gold/profile_customer")) == 3


def test_a_view_that_is_repeated_on_the_same_day_updates_its_audience(new_shop):
    run(new_shop, 1, stops="features.value")
    assert (stays(new_shop, "buyers"), set(stale(new_shop, 1))) == ([], {"buyers"})
    run(new_shop, 1)
    assert (stays(new_shop, "buyers"), stale(new_shop, 1)) == ([(1, None), (1, None)], {})


def test_failed_identities_leave_every_audience_unchanged(shop):
    bought(shop, 2, "M3")
    run(shop, 2, stops="identities")
    assert stays(shop, "buyers") == stays(shop, "recent") == [(1, None), (1, None)]
    assert set(stale(shop, 2)) == {"buyers", "recent"}


def test_a_step_without_changes_counts_for_the_day(shop):
    run(shop, 2)
    run(shop, 2)
    assert (stays(shop, "buyers"), stale(shop, 2)) == ([(1, None), (1, None)], {})


def test_a_model_without_champion_has_no_scores_once_its_step_has_run(new_shop):
    new_shop.declare("audiences/scored.yml", SCORED)
    copy_registry(new_shop.home)
    run(new_shop, 1)
    assert "scores" in stale(new_shop, 1)["scored"]
    run(
        new_shop, 2, steps=(*STEPS[:4], "features.engagement", "features.preference", *STEPS[4:6], "scores", *STEPS[6:])
    )
    assert (stays(new_shop, "scored"), stale(new_shop, 2)) == ([(2, None), (2, None)], {})


def test_an_audience_without_a_file_stays_unchanged_until_it_is_declared_ended(shop):
    (shop.conf / "audiences" / "recent.yml").unlink()
    [note] = run(shop, 2)["memberships.customer"]
    assert note == (
        "recent has no file any more and stays unchanged, with 2 customers: restore audiences/recent.yml; to end the"
        " audience, add a line `ended: DAY`"
    )
    assert stays(shop, "recent") == [(1, None), (1, None)]
    shop.declare("audiences/recent.yml", RECENT + "ended: 2024-07-02\n")
    assert run(shop, 3)["memberships.customer"] == ()
    assert (stays(shop, "recent"), stale(shop, 3)) == ([(1, 2), (1, 2)], {})


def test_an_audience_that_is_about_another_entity_now_has_no_members_of_the_first(shop):
    shop.declare("audiences/recent.yml", SELLING)
    assert "recent is about stores now: 2 customers left it" in run(shop, 2)["memberships.customer"]
    assert stays(shop, "recent") == [(1, 2), (1, 2)]
    assert run(shop, 3)["memberships.customer"] == ()
    assert stays(shop, "recent") == [(1, 2), (1, 2)]
    assert len(stays(shop, "buyers")) == 2


def test_held_out_customers_stay_held_out_whatever_share_is_declared(new_shop):
    new_shop.declare("audiences/buyers.yml", BUYERS + "holdout: 99.9 %\n")
    run(new_shop, 1)
    assert [row[4] for row in new_shop.rows("gold/memberships_customer") if row[0] == "buyers"] == [True, True]
    # Both leave the audience and enter again, with no holdout declared any more.
    new_shop.declare("audiences/buyers.yml", BUYERS.replace("> 15", "> 1500"))
    run(new_shop, 2)
    assert stays(new_shop, "buyers") == [(1, 2), (1, 2)]
    new_shop.declare("audiences/buyers.yml", BUYERS)
    bought(new_shop, 3, "M3")
    run(new_shop, 3)
    assert sorted(row[2:] for row in new_shop.rows("gold/memberships_customer") if row[0] == "buyers") == [
        (on(1), on(2), True), (on(1), on(2), True), (on(3), None, False), (on(3), None, True), (on(3), None, True),
    ]  # fmt: skip


def test_a_repeated_day_gives_the_same_stays(shop):
    run(shop, 2)
    before = shop.rows("gold/memberships_customer")
    shop.declare("audiences/buyers.yml", BUYERS.replace("> 15", "> 1500"))
    run(shop, 2)
    assert stays(shop, "buyers") == [(1, 2), (1, 2)]
    shop.declare("audiences/buyers.yml", BUYERS)
    run(shop, 2)
    assert shop.rows("gold/memberships_customer") == before
