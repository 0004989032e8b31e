"""Reachability of everybody, once a day: each tag is what the consent gate answers, and a rerun writes nothing."""

import random
from datetime import date

import pytest
from consents import DAY, customers, declared, land, member, reasons, took

from jobs.consent.answers import of_messages, of_platforms
from jobs.consent.facts import Moment
from quanyu.model.entities import Customer
from quanyu.point_in_time.profiles import computed
from quanyu.point_in_time.tag_on_day import values_on_day
from quanyu.run.runner import Context

NEXT, STEPS = "2024-07-02", ("customers", "consent_answers", "features.reachability")
# Nobody has an address of the other channels, so that nothing is asked about them.
ASKED = [*(question for question in of_messages() if question.channel in ("email", "sms", "phone", "wecom")),
         *of_platforms("ads")]  # fmt: skip
NAMES = {question: "ads" if question.purpose == "ads" else question.channel for question in ASKED}


@pytest.fixture
def shop(tmp_path):
    retailer = declared(tmp_path)
    yield retailer
    retailer.close()


def answered(context, day):
    """Answers by member and feature, from the stored view for the context's day, else from facts."""
    names, members = [f"reachability.{name}" for name in NAMES.values()], customers(context)
    rows = computed(context, Customer, names, date.fromisoformat(day)).collect()
    return {
        (members[row["customer_id"]], name): row[f"reachability__{name}"] for row in rows for name in NAMES.values()
    }


def by_the_gate(context, day):
    """Whether the gate lets each member be contacted on the day, by member and feature."""
    moment = Moment.end_of(date.fromisoformat(day), context.settings.tzinfo)
    allowed = {}
    for question, name in NAMES.items():
        for (number, _), reason in reasons(context, question, moment=moment).items():
            allowed[number, name] = allowed.get((number, name), False) or reason is None
    return allowed


def landed(shop, seed, day):
    """Land random members with shared addresses, answers (some unreadable), message events and a list."""
    chance = random.Random(f"{seed} {day}")
    numbers = range(1, 13)
    people = [
        member(n, f"139123456{chance.randrange(10, 16)}", f"m{chance.randrange(8)}@shop.cn", f"wm00000{n}" * (n % 2))
        for n in numbers
    ]
    land(shop, "crm", day, *people)
    purposes, channels = ("messages", "messages", "ads"), ("any", "email", "sms", "wecom")
    states = ("granted",) * 8 + ("withdrawn", "n")
    land(shop, "answers", day, *(
        f"M{n},{chance.choice(purposes)},{chance.choice(channels)},{day} 0{hour}:00:00,{chance.choice(states)}"
        for n in numbers for hour in range(3)
    ))  # fmt: skip
    statuses = ("opened", "opened", "unsubscribed", "bounced", "complained", "not_friend")
    land(shop, "sends", day, *(
        f"{day}-{n},{chance.choice(statuses)},{day} 12:00:00,{chance.choice(channels[1:])},M{n},"
        f"{chance.choice(('', f'm{chance.randrange(8)}@shop.cn'))}" for n in chance.sample(numbers, 3)
    ))  # fmt: skip
    land(shop, "stops", day, f"139123456{chance.randrange(10, 16)},,,{chance.choice(channels)}")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
def test_reachability_is_what_the_gate_answers_on_each_day(shop, seed):
    for day in (DAY, NEXT):
        landed(shop, seed, day)
        took(shop, day)
        shop.run(day, *STEPS)
    context = shop.context(NEXT)
    assert context.is_current("consent_answers") and context.forward_day("features.reachability") == context.day
    for day in (DAY, NEXT):
        answers, allowed = answered(context, day), by_the_gate(context, day)
        assert {key: answer == "reachable" for key, answer in answers.items()} == allowed
        assert {"reachable", "consent"} <= set(answers.values())
    assert answered(context, DAY) != answered(context, NEXT)


def test_who_cannot_be_reached_is_said_with_the_reason(shop):
    land(shop, "crm", DAY, member(1), member(2), member(3), member(4, email="fam@shop.cn"),
         member(5, email="fam@shop.cn"), member(6))  # fmt: skip
    land(shop, "answers", DAY, *(f"M{n},messages,any,2024-06-01,granted" for n in range(1, 7)),
         "M3,messages,any,2024-06-02,withdrawn", "M5,messages,email,2024-06-02,withdrawn")  # fmt: skip
    land(shop, "sends", DAY, "b,bounced,2024-06-20,email,M2,m2@shop.cn")
    land(shop, "stops", DAY, ",m6@shop.cn,,any")
    took(shop)
    shop.run(DAY, *STEPS)
    context = shop.context(DAY)
    answers = answered(context, DAY)
    assert {number: answer for (number, name), answer in answers.items() if name == "email"} == {
        "M1": "reachable", "M2": "barred", "M3": "consent", "M4": "barred", "M5": "consent", "M6": "barred",
    }  # fmt: skip
    past = values_on_day(Context(shop.settings, date(2024, 6, 30)), Customer, "reach.by_email")
    assert (past.how, past.values.num_rows) == ("computed from facts", 0)


def test_a_day_without_anything_new_writes_nothing(shop):
    landed(shop, 0, DAY)
    took(shop)
    shop.run(DAY, *STEPS)
    context = shop.context(DAY)
    versions = {place: context.lake.version(place) for place in ("gold/consent_answers", "gold/reachability")}
    outcomes = shop.run(DAY, *STEPS, force=True)
    assert outcomes["consent_answers"].unchanged == len(ASKED) * len(customers(context))
    assert {place: shop.context(DAY).lake.version(place) for place in versions} == versions


@pytest.mark.long
def test_a_row_that_becomes_unreadable_is_asked_about_again_on_the_same_day(shop):
    land(shop, "crm", DAY, member(1), member(2))
    land(shop, "answers", DAY, *(f"M{n},messages,any,2024-06-01,granted" for n in (1, 2)))
    took(shop)
    shop.run(DAY, *STEPS)
    land(shop, "answers", DAY, "M1,messages,any,2024-06-01,granted", "M2,messages,any,2024-06-01,granted",
         "M2,messages,any,2024-06-30,n")  # fmt: skip
    took(shop)
    shop.run(DAY, *STEPS)
    answers = answered(shop.context(DAY), DAY)
    assert (answers["M1", "email"], answers["M2", "email"]) == ("reachable", "consent")
