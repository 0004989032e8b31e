"""Stays in an audience over several days at once are those of taking the days one by one."""

import random
from datetime import date, timedelta

from jobs.audiences.steps import stays

FIRST = date(2024, 7, 1)
DAYS = [FIRST + timedelta(days=n) for n in range(4)]
WHO = [f"c{n:03d}" for n in range(150)]


def one_by_one(before, inside, days):
    """Interpreter of ten lines: (customer, entered_on, left_on) before, and the customers inside on each day."""
    ended = [stay for stay in before if stay[2]]
    going = {who: entered for who, entered, left in before if not left}
    for day in days:
        for who in sorted(set(going) - inside[day]):
            entered = going.pop(who)
            ended += [(who, entered, day)] if entered < day else []
        going.update(dict.fromkeys(inside[day] - set(going), day))
    return sorted([*ended, *((who, entered, None) for who, entered in going.items())], key=str)


def test_stays_are_those_of_the_days_one_by_one(retailer):
    chance = random.Random(5)
    spark = retailer.context("2024-07-04").lake.spark
    before = [(who, FIRST - timedelta(days=chance.randint(0, 3)), None) for who in WHO if chance.random() < 0.4]
    before += [(who, FIRST - timedelta(days=9), FIRST - timedelta(days=5)) for who in WHO if chance.random() < 0.3]
    inside = {day: {who for who in WHO if chance.random() < 0.5} for day in DAYS}
    stood = [("a", who, entered, left, False) for who, entered, left in before]
    seen = [("a", who, day, False) for day, there in inside.items() for who in there]
    schema = "audience string, customer_id string, entered_on date, left_on date, holdout boolean"
    found = stays(
        spark.createDataFrame(stood, schema),
        spark.createDataFrame(seen, "audience string, customer_id string, as_of date, holdout boolean"),
        DAYS,
    )
    got = sorted(((r["customer_id"], r["entered_on"], r["left_on"]) for r in found.collect()), key=str)
    assert got == one_by_one(before, inside, DAYS)
