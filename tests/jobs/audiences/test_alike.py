"""A lookalike audience holds who is most like the best of its seeds, for a week, and nobody where no seed is good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from alike_shop import KIND, LIKE, MEMBERS, MEMBERSHIPS, REFUSES, SEED, day, first_day, inside, run
from shop import Retailer

from jobs.audiences import steps as membership_steps
from jobs.audiences.alike import fitted
from jobs.audiences.facts import AudienceFacts
from jobs.audiences.shared_conditions import SharedConditions
from quanyu.errors import ConfigError, QuanyuError
from quanyu.grammar.audience import Alike
from quanyu.run import audience_days
from quanyu.run.runner import perform


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Retailer]:
    retailer = first_day(tmp_path / "shop")
    yield retailer
    retailer.close()


@pytest.fixture
def only_memberships(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let audiences be evaluated for a day though the steps before them have not run for it."""
    monkeypatch.setattr(membership_steps, "lacking", lambda context, entity: {})


def test_those_like_the_better_seed_are_members_and_no_member_of_it(shop):
    members = inside(shop)
    # A fifth of those who agreed to advertisements, who are 205 of 240.
    assert len(members) == 41
    # 51 of the kind agreed and are no members of the seed.
    assert all(number < KIND and number % 2 == 0 and number % REFUSES for number in members)
    held_out = shop.rows("gold/memberships_customer", "customer_id", "audience", "holdout")
    assert 0 < sum(holdout for _, audience, holdout in held_out if audience == "like") < 20
    assert inside(shop, "frequent") == set(range(1, KIND, 2))


def test_lifts_are_shown_and_a_rerun_changes_nothing(shop):
    before = shop.versions()
    context = shop.context(day(1))
    outcome = perform(context, context.step("memberships.customer"), force=True).outcome
    assert shop.versions() == before
    assert any(note.startswith(f"like: like the 51 members of frequent on {day(1)}, lift ") for note in outcome.notes)
    facts = outcome.facts
    assert isinstance(facts, AudienceFacts)
    assert (facts.audiences["like"], facts.chosen) == (41, {"like": "frequent"})
    assert facts.lifts["like"]["frequent"]["low"] > 1 > facts.lifts["like"]["anybody"]["low"]
    assert [*facts.seeds()][1][:4] == ("like", "frequent (chosen)", "51", "41")


@pytest.mark.usefixtures("only_memberships")
def test_members_stay_for_a_week_but_for_those_who_may_be_found_no_more(shop):
    members = inside(shop)
    leaves, moves = sorted(members)[:2]
    shop.land(f"members/{day(2)}.csv", f"card,city,joined,consent\nM{leaves},Bonn,2024-05-01,withdrawn\n"
                                       f"M{moves},Ulm,2024-05-01,granted\n")  # fmt: skip
    run(shop, 2, "ingest.members", "customers", MEMBERSHIPS)
    assert inside(shop) == members - {leaves, moves}
    # After a week it is expanded again, to its full size.
    run(shop, 8, MEMBERSHIPS)
    assert len(inside(shop)) == 41 and not inside(shop) & {leaves, moves}


@pytest.mark.usefixtures("only_memberships")
def test_one_whose_day_was_missed_is_expanded_on_the_next_day(shop):
    shop.declare("audiences/like.yml", LIKE + "schedule: weekly\n")
    members = inside(shop)
    # The first day is a Monday, and so is the eighth, which did not run.
    run(shop, 9, MEMBERSHIPS)
    assert inside(shop) == members


@pytest.mark.usefixtures("only_memberships")
def test_one_with_a_seed_that_cannot_be_evaluated_stays_as_it_was(shop, monkeypatch):
    whole = SharedConditions.rule

    def failing(conditions, audience):
        if audience.name == "anybody":
            raise QuanyuError("on purpose")
        return whole(conditions, audience)

    monkeypatch.setattr(SharedConditions, "rule", failing)
    shop.declare(
        "audiences/anybody.yml", SEED.format(who="customer.joined_on < date'2024-01-01'") + "schedule: weekly\n"
    )
    members = inside(shop)
    outcome = run(shop, 2, MEMBERSHIPS)
    assert inside(shop) == members
    assert any("like: its seed anybody could not be evaluated" in note for note in outcome.notes)
    # Its own schedule leaves the seed as it is: it is current.
    assert isinstance(outcome.facts, AudienceFacts) and {*outcome.facts.stale} == {"like"}
    assert "anybody" not in audience_days.stale(shop.context(day(2)))


@pytest.mark.usefixtures("only_memberships")
def test_an_audience_without_a_seed_better_than_chance_stays_as_it_was(shop):
    members = inside(shop)
    shop.declare("audiences/like.yml", LIKE.replace("least: 10", "least: 52"))
    outcome = run(shop, 2, MEMBERSHIPS)
    assert inside(shop) == members
    assert any("no seed is surely better than chance: anybody: " in note for note in outcome.notes)
    assert any("; frequent is too small" in note for note in outcome.notes)
    assert isinstance(outcome.facts, AudienceFacts) and outcome.facts.chosen == {"like": ""}
    assert "like" in outcome.facts.stale and "frequent" not in outcome.facts.stale


def test_worth_decides_among_those_who_are_alike():
    number = np.arange(400)
    kind, worth = (number < 200) * 1.0, np.array([9.0, np.nan, 1.0])[number % 3]
    customers = pa.table({
        "customer_id": number.astype(str), "found": number >= 10, "holdout": number < 0,
        "in_good": (number < 200) & (number % 2 == 0), "a.kind": kind, "a.other": 1 - kind, "a.worth": worth,
    })  # fmt: skip
    weighed = Alike(seeds=("good",), size=60, features=("a.kind", "a.other"), by="neighbours", weigh_by="a.worth")
    choice, rows, threshold = fitted(weighed, customers)
    assert choice.chosen == "good"
    members = {int(customer) for customer in rows["customer_id"].to_pylist()}
    assert len(members) == 60 and members >= {n for n in range(10, 200) if n % 2 and n % 3 == 0}
    assert members <= {n for n in range(10, 200) if n % 2 and n % 3 != 1}
    # The last of them are as like as all of their kind, and worth 1.
    assert threshold == pytest.approx(1)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ("seeds: [frequen]", "unknown audience 'frequen'; did you mean 'frequent'"),
        ("seeds: [like]", "'like' is made of a seed itself"),
        ("seeds: [outlets]", "'outlets' is about outlet"),
        ("features: [value.order]", "unknown name 'value.order'; did you mean 'value.orders'"),
        ("features: [customer.city]", "'customer.city' is a string: likeness is measured by numbers"),
        ("seeds: [spenders]", "'value.orders' decides who is in spenders"),
        ("size: 0 %", "a size is written as `5 %`"),
        ("weigh_by: customer.city", "'customer.city' is a string"),
    ],
)
def test_mistakes_are_said_in_a_sentence(retailer, changed, words):
    for name in ("frequent", "anybody"):
        retailer.declare(f"audiences/{name}.yml", SEED.format(who="customer.city = 'Ulm'"))
    retailer.declare("audiences/spenders.yml", SEED.format(who="value.orders > 3"))
    retailer.declare("audiences/outlets.yml", SEED.format(who="outlet.city = 'Ulm'") + "entity: outlet\n")
    retailer.declare("sources/members.yml", MEMBERS)
    key = changed.partition(":")[0]
    lines = [line for line in LIKE.splitlines() if not line.strip().startswith(f"{key}:")]
    retailer.declare("audiences/like.yml", "\n".join([*lines, f"  {changed}"]))
    with pytest.raises(ConfigError) as error:
        _ = retailer.context(day(1)).catalogue
    assert words in str(error.value)
