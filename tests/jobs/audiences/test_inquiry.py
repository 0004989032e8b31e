"""Questions about audiences: their size before they are saved, why one is in, what changed, and a replay."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from command_line import quanyu
from shop import Retailer, template
from small_day import FIRST, MOMENTS, SECOND, lived

from jobs.audiences.inquiry.changes import changes
from jobs.audiences.inquiry.explanation import why
from jobs.audiences.inquiry.replay import replay
from jobs.audiences.inquiry.rule_members import members_of
from jobs.audiences.inquiry.size import size_of
from quanyu.errors import ConfigError, QuanyuError

RULE = "value.spend >= 20 and value.orders >= 2 and not consent.ads"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The small shop after its second day."""
    return Retailer.at(template("small_day", lived) / str(len(MOMENTS))).copy(tmp_path_factory.mktemp("shop"))


def settings(shop: Retailer):
    return shop.context(SECOND).settings


def people(shop: Retailer) -> list[dict[str, object]]:
    names = ["customer_id", "value__spend", "value__orders", "customer__consents"]
    return shop.table("gold/profile_customer", *names).to_pylist()


def test_a_rule_is_counted_in_all_by_each_condition_alone_and_by_what_remains(shop):
    size = size_of(settings(shop), RULE, "customer")
    spend = {row["customer_id"] for row in people(shop) if (row["value__spend"] or 0) >= 20}
    orders = {row["customer_id"] for row in people(shop) if row["value__orders"] >= 2}
    refusing = {row["customer_id"] for row in people(shop)
                if not any(one.startswith("ads:") for one in row["customer__consents"])}  # fmt: skip
    assert (size.entities, size.members) == (len(people(shop)), len(spend & orders & refusing))
    counts = [(one.alone, one.remaining) for one in size.conditions]
    assert counts == [
        (len(spend), len(spend)),
        (len(orders), len(spend & orders)),
        (len(refusing), len(spend & orders & refusing)),
    ]
    assert size.conditions[0].text == "value.spend >= 20" and size.consented is None


def test_a_file_is_counted_before_it_is_saved_with_those_who_agreed(shop, tmp_path):
    file = tmp_path / "spenders.yml"
    file.write_text("describes: d\nowner: o\ngoal: care\nwho: value.spend >= 20\npurpose: ads\nsize: {least: 1000}\n")
    size = size_of(settings(shop), str(file), "customer")
    spend = [row for row in people(shop) if (row["value__spend"] or 0) >= 20]
    agreed = [row for row in spend if any(one.startswith("ads:") for one in row["customer__consents"])]
    assert (size.members, size.consented) == (len(spend), len(agreed)) and agreed
    assert "fewer than 1,000" in ask(shop, "audience", "size", str(file))
    file.write_text(file.read_text().replace("value.spend", "value.spent"))
    with pytest.raises(ConfigError, match=r"spenders.yml: who: .*did you mean 'value.spend'"):
        size_of(settings(shop), str(file), "customer")
    with pytest.raises(ConfigError, match=r"who: audience.in_ulm is about outlet, not customer"):
        size_of(settings(shop), "value.spend >= 20 and not audience.in_ulm", "customer")


def test_it_is_said_why_one_is_in_or_out(shop):
    inside = why(settings(shop), "buyers", "13765432104")
    assert [one.holds for one in inside.conditions] == [True, True] and inside.inside
    assert inside.conditions[1].values["orders_30d"] >= 1 and inside.memberships[0]["left_on"] is None
    assert {kind for _, kind, _ in inside.refusals} <= {"phone", "email", None} and inside.refusals
    outside = why(settings(shop), "buyers", "member=M6")
    assert not outside.inside and [one.holds for one in outside.conditions] == [False, False]
    shown = ask(shop, "audience", "why", "buyers", "member=M6")
    assert "is not in buyers" in shown and "never recorded in it" in shown and "m6@mail.example" not in shown
    with pytest.raises(ConfigError, match="no audience 'buyer'; did you mean 'buyers'"):
        why(settings(shop), "buyer", "member=M6")


def test_who_entered_and_left_is_counted_against_the_day_before(shop):
    rows = shop.rows("gold/memberships_customer", "audience", "customer_id", "entered_on", "left_on")
    buyers = [row[1:] for row in rows if row[0] == "buyers"]
    change = changes(shop.context(SECOND), "buyers", None)
    entered = {key for key, day, _ in buyers if str(day) == SECOND}
    left = {key for key, _, day in buyers if str(day) == SECOND}
    words = {(row["customer_id"], row["change"]) for row in change.rows.to_pylist()}
    assert words == {(key, "entered") for key in entered} | {(key, "left") for key in left} and entered
    assert change.members == sum(day is None for _, _, day in buyers)
    first = changes(shop.context(SECOND), "buyers", date.fromisoformat(FIRST))
    assert (first.members, first.entered, first.left) == (change.members - len(entered) + len(left),) * 2 + (0,)


def test_of_a_day_after_the_last_run_nothing_is_said(shop):
    late = date.fromisoformat(SECOND) + timedelta(days=1)
    for asked in (
        lambda: changes(shop.context(SECOND), "buyers", late),
        lambda: members_of(settings(shop), "buyers", "customer", late, 0),
    ):
        with pytest.raises(ConfigError, match=f"nothing is known of {late} yet: the last day that was run is {SECOND}"):
            asked()


def test_a_past_day_is_evaluated_again_with_the_same_members(shop):
    for name in ("buyers", "in_ulm"):
        for day in (FIRST, SECOND):
            again = replay(settings(shop), name, date.fromisoformat(day))
            assert again.same and again.replayed == again.recorded > 0, (name, day)
    with pytest.raises(ConfigError, match="buyers was not evaluated as of 2024-06-30; recorded: 2024-07-01 to"):
        replay(settings(shop), "buyers", date(2024, 6, 30))
    assert not list(shop.home.glob(".replay-*"))


def test_a_pin_that_has_expired_is_named(shop, tmp_path):
    copy = shop.copy(tmp_path / "copy")
    record = next(row for row in copy.table("gold/audience_days").to_pylist()
                  if row["audience"] == "buyers" and str(row["day"]) == FIRST)  # fmt: skip
    [pin] = [pin for pin in record["tables"] if pin.startswith("gold/profile_customer@")]
    place, _, version = pin.partition("@")
    for file in copy.context(SECOND).lake.arrow(place, int(version)).files:
        (copy.home / "lake" / place / file).unlink()
    with pytest.raises(QuanyuError, match=rf"{place} of version {version} has expired: versions are kept for 90 days"):
        replay(settings(copy), "buyers", date.fromisoformat(FIRST))


def test_audiences_are_listed_and_shown(shop):
    assert "buyers" in ask(shop, "audience", "list") and "in_ulm" in ask(shop, "audience", "list")
    shown = ask(shop, "audience", "show", "buyers")
    assert "who: value.spend >= 20" in shown and FIRST in shown and SECOND in shown


def ask(shop: Retailer, *words: str) -> str:
    return quanyu(*words, "--conf", str(shop.conf), "--home", str(shop.home)).stdout
