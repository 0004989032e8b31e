"""Membership intervals computed for several days at once equal those computed day by day."""

import random
from datetime import date, timedelta

from jobs.audiences.memberships.intervals import MOVES, ever_held_out, extend_intervals, intervals_as_of
from quanyu.model.entities import Customer

FIRST = date(2024, 7, 1)
DAYS = [FIRST + timedelta(days=n) for n in range(4)]
WHO = [f"c{n:03d}" for n in range(150)]


def one_by_one(before, inside, days):
    """Reference implementation: rows are (customer, entered_on, left_on), `inside` the customers of each day."""
    ended = [stay for stay in before if stay[2]]
    going = {who: entered for who, entered, left in before if not left}
    for day in days:
        for who in sorted(set(going) - inside[day]):
            entered = going.pop(who)
            ended += [(who, entered, day)] if entered < day else []
        going.update(dict.fromkeys(inside[day] - set(going), day))
    return sorted([*ended, *((who, entered, None) for who, entered in going.items())], key=str)


def test_several_days_at_once_give_the_same_stays_as_day_by_day(retailer):
    chance = random.Random(5)
    spark = retailer.context("2024-07-04").lake.spark
    before = [(who, FIRST - timedelta(days=chance.randint(0, 3)), None) for who in WHO if chance.random() < 0.4]
    before += [(who, FIRST - timedelta(days=9), FIRST - timedelta(days=5)) for who in WHO if chance.random() < 0.3]
    inside = {day: {who for who in WHO if chance.random() < 0.5} for day in DAYS}
    stored = [("a", who, entered, left, False) for who, entered, left in before]
    members = [("a", who, day, False) for day, customers in inside.items() for who in customers]
    schema = "audience string, customer_id string, entered_on date, left_on date, holdout boolean"
    computed = extend_intervals(
        Customer,
        spark.createDataFrame(stored, schema),
        spark.createDataFrame(members, "audience string, customer_id string, as_of date, holdout boolean"),
        DAYS,
        spark.createDataFrame([], MOVES),
    )
    got = sorted(((r["customer_id"], r["entered_on"], r["left_on"]) for r in computed.collect()), key=str)
    assert got == one_by_one(before, inside, DAYS)


STAYS = "audience string, customer_id string, entered_on date, left_on date, holdout boolean"


def moved(retailer, before, inside, pairs, day=DAYS[3]):
    """Intervals after a day with id changes, as (customer, entered, left, holdout)."""
    spark = retailer.context("2024-07-04").lake.spark
    on = {n: FIRST + timedelta(days=n) for n in range(4)}
    stored = [("a", who, on[entered], on.get(left), holdout) for who, entered, left, holdout in before]
    computed = extend_intervals(
        Customer,
        spark.createDataFrame(stored, STAYS),
        spark.createDataFrame([("a", who, day, False) for who in inside],
                              "audience string, customer_id string, as_of date, holdout boolean"),
        [day], spark.createDataFrame(pairs, MOVES),
    )  # fmt: skip
    days = {day: n for n, day in on.items()}
    return {(r["customer_id"], days[r["entered_on"]], days.get(r["left_on"]), r["holdout"]) for r in computed.collect()}


def test_the_stay_of_a_merged_customer_goes_on_under_the_remaining_id(retailer):
    before = [("old", 1, None, False), ("eve", 0, None, False)]
    assert moved(retailer, before, ["new", "eve"], [("old", "new")]) == {
        ("old", 1, 3, False), ("new", 1, None, False), ("eve", 0, None, False),
    }  # fmt: skip


def test_an_own_stay_has_precedence_and_a_customer_outside_gets_none(retailer):
    before = [("old", 1, None, False), ("new", 2, None, False), ("ann", 0, None, True)]
    pairs = [("old", "new"), ("ann", "bob")]
    assert moved(retailer, before, ["new"], pairs) == {
        ("old", 1, 3, False), ("new", 2, None, False), ("ann", 0, 3, True),
    }  # fmt: skip


def test_a_holdout_remains_under_another_id(retailer):
    before = [("old", 1, None, True), ("older", 0, None, False)]
    pairs = [("old", "new"), ("older", "new")]
    assert ("new", 0, None, True) in moved(retailer, before, ["new"], pairs)


def test_an_id_that_is_used_again_continues_its_stay(retailer):
    before = [("old", 1, 2, False), ("new", 1, None, False)]
    assert moved(retailer, before, ["old", "new"], [("new", "old")]) == {
        ("old", 1, None, False), ("new", 1, None, False),
    }  # fmt: skip


def test_everybody_with_a_record_of_a_held_out_customer_is_held_out(retailer):
    spark = retailer.context("2024-07-04").lake.spark
    on = {n: FIRST + timedelta(days=n) for n in range(4)} | {None: None}
    # ann was in the holdout on days 1 and 2. Her record moved to bob by a merge; eve's record had left her before.
    records = [
        ("a", "ann", 0, 2), ("a", "bob", 2, None), ("b", "bob", 0, None), ("e", "ann", 0, 1), ("e", "eve", 1, None),
        ("f", "fay", 0, None),
    ]  # fmt: skip
    identities = [("crm", key, who, on[since], on[until]) for key, who, since, until in records]
    before = [("x", "ann", on[1], on[2], True), ("x", "fay", on[1], None, False), ("y", "fay", on[0], on[1], True)]
    holdouts = ever_held_out(
        Customer,
        spark.createDataFrame(before, STAYS),
        spark.createDataFrame(
            identities, "source string, person_key string, customer_id string, valid_from date, valid_to date"
        ),
    )
    assert sorted(map(tuple, holdouts.collect())) == [("x", "ann"), ("x", "bob"), ("y", "fay")]


def test_stays_are_rewound_to_a_day(retailer):
    spark = retailer.context("2024-07-04").lake.spark
    rows = [
        ("a", "ann", DAYS[0], DAYS[1], False),
        ("a", "bob", DAYS[0], DAYS[2], True),
        ("a", "eve", DAYS[2], None, False),
    ]
    open_then = intervals_as_of(spark.createDataFrame(rows, STAYS), DAYS[1])
    assert sorted(map(tuple, open_then.collect())) == [
        ("a", "ann", DAYS[0], DAYS[1], False), ("a", "bob", DAYS[0], None, True),
    ]  # fmt: skip
