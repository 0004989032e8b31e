"""Evaluation of audiences: schedules, references, static lists, one that fails, and the record of each day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from shop import Retailer, template
from tills import IN_STORE, till

from jobs.audiences.inquiry.replay import replay
from jobs.audiences.memberships import day_records
from jobs.audiences.shared_conditions import SharedConditions
from quanyu.errors import QuanyuError
from quanyu.run import audience_days
from quanyu.run.runner import perform

BUYERS = "describes: Who bought.\nowner: growth\ngoal: care\nwho: value.spend > 15\npurpose: messages\n"
WEEKLY = BUYERS + "schedule: weekly\n"
OTHERS = BUYERS.replace("value.spend > 15", "value.orders > 0 and not audience.buyers")
LISTED = BUYERS.replace("value.spend > 15", "list.vip") + "lists: {vip: {file: lists/vip.csv, kind: phone}}\n"
BANDED = BUYERS + "size: {least: 3, change: 10 %}\n"
STEPS = (
    "ingest.till",
    "identities",
    "customers",
    "activity",
    "features.value",
    "memberships.customer",
    "audience_days",
)
OUTSIDE = "banded is outside of its band: "
# A Monday.
FIRST = date(2024, 7, 1)


def on(day: int) -> date:
    return FIRST + timedelta(days=day - 1)


def bought(shop: Retailer, day: int, **paid: float) -> None:
    phones = {name: f"1376543210{number}" for number, name in enumerate(("ann", "bob", "cat", "dan"))}
    slips = [f"s{day}{name},{phones[name]},{on(day)} 10:00:00,{amount}" for name, amount in paid.items()]
    shop.land(f"till/{on(day)}.csv", "\n".join(["slip,phone,at,paid", *slips]) + "\n")


def run(shop: Retailer, day: int, *steps: str) -> dict[str, tuple[str, ...]]:
    """Run all steps of a day, or some. Returns notes by step."""
    context = shop.context(str(on(day)))
    return {name: perform(context, context.step(name)).outcome.notes for name in steps or STEPS}


def _first_day(folder: Path) -> None:
    shop = Retailer(folder)
    shop.declare("sources/till.yml", till(IN_STORE, person="{kind: phone, value: phone}"))
    for name, text in (("buyers", BUYERS), ("weekly", WEEKLY), ("others", OTHERS), ("banded", BANDED)):
        shop.declare(f"audiences/{name}.yml", text)
    shop.declare("audiences/listed.yml", LISTED)
    shop.declare("lists/vip.csv", "phone\n137 6543 2100\n+8613765432101\n13999999999\n")
    bought(shop, 1, ann=20, bob=20, cat=5)
    run(shop, 1)
    shop.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Retailer]:
    """A shop after its first day, a Monday: ann and bob are buyers, cat bought for little."""
    retailer = Retailer.at(template("audience_evaluation", _first_day)).copy(tmp_path / "shop")
    yield retailer
    retailer.close()


def members(shop: Retailer, audience: str) -> int:
    return sum(row == (audience, None) for row in shop.rows("gold/memberships_customer", "audience", "left_on"))


def records(shop: Retailer, audience: str) -> dict[int, int]:
    """Members by day of the month."""
    rows = shop.rows("gold/audience_days", "audience", "day", "members")
    return {day.day: count for name, day, count in rows if name == audience}


def test_references_lists_schedules_and_bands_from_day_to_day(shop):
    assert (members(shop, "buyers"), members(shop, "others"), members(shop, "listed")) == (2, 1, 2)
    bought(shop, 2, cat=30, dan=5)
    notes = run(shop, 2)
    assert (members(shop, "buyers"), members(shop, "others"), members(shop, "listed")) == (3, 1, 2)
    assert "listed: 1 of 3 on the list vip are unknown" in notes["memberships.customer"]
    assert notes["audience_days"] == (f"{OUTSIDE}from 2 to 3 members, a change of more than 10%",)
    # A weekly audience stays until its day, and is current.
    assert members(shop, "weekly") == 2
    assert audience_days.stale(shop.context(str(on(2)))) == {}
    assert (records(shop, "buyers"), records(shop, "weekly")) == ({1: 2, 2: 3}, {1: 2})
    # Tuesday to the next Monday: the days between are skipped, and only the Monday counts.
    run(shop, 8)
    assert members(shop, "weekly") == 3
    entered = {row[2] for row in shop.rows("gold/memberships_customer") if row[0] == "weekly"}
    assert (entered, records(shop, "weekly")) == ({on(1), on(8)}, {1: 2, 8: 3})


def test_members_of_a_missed_day_are_not_pinned_by_the_versions_of_the_next_one(shop, monkeypatch):
    monkeypatch.setattr(day_records, "is_stored", lambda context, entity: True)
    shop.declare("audiences/weekly.yml", LISTED + "schedule: weekly\n")
    # The eighth, its Monday, did not run.
    run(shop, 9)
    pins = {name: tables for name, day, tables in shop.rows("gold/audience_days", "audience", "day", "tables")
            if day == on(9)}  # fmt: skip
    assert pins["listed"] and pins["weekly"] == []
    assert audience_days.was_evaluated(shop.context(str(on(9))), "weekly")
    with pytest.raises(QuanyuError, match=r"nothing pins what weekly of .* its members are those of a day before"):
        replay(shop.context(str(on(9))).settings, "weekly", on(9))


def test_another_list_has_other_members_and_a_size_below_its_band_is_said(shop):
    shop.declare("lists/vip.csv", "phone\n13765432102\n")
    notes = run(shop, 1, "memberships.customer", "audience_days")
    assert notes["memberships.customer"] == () and members(shop, "listed") == 1
    assert notes["audience_days"] == (f"{OUTSIDE}2 members, fewer than 3",)
    digests = {row[0]: row[1] for row in shop.rows("gold/audience_days", "audience", "members_digest")}
    assert digests["buyers"] == digests["weekly"] != digests["others"] == digests["listed"]


def test_one_rule_that_fails_leaves_its_audience_as_it_was_and_the_others_go_on(shop, monkeypatch):
    whole = SharedConditions.rule

    def failing(conditions, audience):
        if audience.name in names:
            raise QuanyuError("on purpose")
        return whole(conditions, audience)

    names = {"weekly"}
    monkeypatch.setattr(SharedConditions, "rule", failing)
    bought(shop, 8, dan=30)
    notes = run(shop, 8)["memberships.customer"]
    assert (members(shop, "buyers"), members(shop, "weekly")) == (3, 2)
    assert "not updated to the day, nobody enters or leaves: weekly: on purpose" in notes
    assert "on purpose" in audience_days.stale(shop.context(str(on(8))))["weekly"]
    # If all fail, it is not theirs: the step stops.
    names |= {"buyers", "others", "listed", "banded"}
    shop.declare("lists/vip.csv", "phone\n13765432102\n")
    with pytest.raises(QuanyuError, match="on purpose"):
        run(shop, 8, "memberships.customer")
