"""A lookalike audience holds who is most like the best of its seeds, for a week, and nobody where no seed is good."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from shop import Retailer, template

from jobs.audiences import steps as membership_steps
from jobs.audiences.alike import fitted
from jobs.audiences.facts import AudienceFacts
from quanyu.errors import ConfigError
from quanyu.grammar.audience import Alike
from quanyu.run.runner import Outcome, perform

MEMBERS = """
describes: Members.
owner: crm
reads: {path: "members/{day}.csv", format: csv}
delivers: changes
freshness: {hours: 720}
person: [{kind: member, scope: brand, value: card}]
fills:
  people: {city: city, joined_on: "cast(joined as date)"}
  consents: {purpose: "'ads'", channel: "'any'", changed_at: "timestamp'2024-01-01'", state: "consent"}
"""
TILL = """
describes: Receipts.
owner: retail
reads: {path: "till/{day}.csv", format: csv}
delivers: events
freshness: none
person: [{kind: member, scope: brand, value: card}]
fills: {orders: {order_id: slip, ordered_at: at, kind: "'purchase'", status: "'paid'", amount: paid}}
"""
SEED = "describes: A seed.\nowner: growth\ngoal: care\nwho: {who}\npurpose: analytics\n"
LIKE = """
describes: Who is like a seed.
owner: growth
goal: upsell
who: value.orders >= 1
purpose: ads
holdout: 20 %
alike:
  seeds: [anybody, frequent]
  size: 20 %
  by: neighbours
  features: [value.orders, value.average_order]
  least: 10
"""
MEMBERSHIPS = "memberships.customer"
STEPS = ("ingest.members", "ingest.till", "identities", "customers", "activity", "features.value", MEMBERSHIPS)
FIRST = date(2024, 7, 1)
CUSTOMERS, KIND, REFUSES = 240, 120, 7


def day(number: int) -> str:
    return str(FIRST + timedelta(days=number - 1))


def _first_day(folder: Path) -> None:
    """A third of all buys often and little; of them every other one lives in Ulm, and so is known to be good."""
    chance, shop = random.Random(3), Retailer(folder)
    for name, text in {"sources/members": MEMBERS, "sources/till": TILL, "audiences/like": LIKE}.items():
        shop.declare(f"{name}.yml", text)
    shop.declare("audiences/frequent.yml", SEED.format(who="customer.city = 'Ulm'"))
    shop.declare("audiences/anybody.yml", SEED.format(who="customer.joined_on < date'2024-01-01'"))
    # Another key would give other customer ids, and so draw another half to be hidden.
    (shop.home / "person.key").write_text("a" * 64)
    members, slips = ["card,city,joined,consent"], ["slip,card,at,paid"]
    for number in range(CUSTOMERS):
        often = number < KIND
        joined = "2023-05-01" if chance.random() < 0.3 else "2024-05-01"
        consent = "withdrawn" if number % REFUSES == 0 else "granted"
        members.append(f"M{number},{'Ulm' if often and number % 2 else 'Bonn'},{joined},{consent}")
        for order in range(chance.randint(4, 6) if often else chance.randint(1, 2)):
            paid = chance.randint(5, 15) if often else chance.randint(40, 90)
            slips.append(f"s{number}-{order},M{number},2024-06-{chance.randint(1, 28):02} 10:00:00,{paid}.00")
    shop.land(f"members/{day(1)}.csv", "\n".join(members) + "\n")
    shop.land(f"till/{day(1)}.csv", "\n".join(slips) + "\n")
    run(shop, 1)
    shop.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Retailer]:
    retailer = Retailer.at(template("alike", _first_day)).copy(tmp_path / "shop")
    yield retailer
    retailer.close()


def run(shop: Retailer, number: int, *steps: str) -> Outcome:
    """Run steps of a day, all by default, and return the outcome of the last."""
    context = shop.context(day(number))
    return [perform(context, context.step(name)).outcome for name in steps or STEPS][-1]


@pytest.fixture
def only_memberships(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let audiences be evaluated for a day though the steps before them have not run for it."""
    monkeypatch.setattr(membership_steps, "lacking", lambda context, entity: {})


def numbers(shop: Retailer) -> dict[str, int]:
    """Number of the member behind each customer."""
    cards = shop.rows("silver/identifiers", "person_key", "value")
    by_person = {person: int(value.removeprefix("M")) for person, value in cards}
    owners = shop.rows("gold/identities", "person_key", "customer_id")
    return {customer: by_person[person] for person, customer in owners}


def inside(shop: Retailer, audience: str = "like") -> set[int]:
    rows = shop.rows("gold/memberships_customer", "audience", "customer_id", "left_on")
    return {numbers(shop)[customer] for name, customer, left_on in rows if name == audience and left_on is None}


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
    choice, rows = fitted(weighed, customers)
    assert choice.chosen == "good"
    members = {int(customer) for customer in rows["customer_id"].to_pylist()}
    assert len(members) == 60 and members >= {n for n in range(10, 200) if n % 2 and n % 3 == 0}
    assert members <= {n for n in range(10, 200) if n % 2 and n % 3 != 1}


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
