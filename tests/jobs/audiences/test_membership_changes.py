"""What a day changes is computed of the members who differ, and is the same as from the intervals of everybody."""

import random
from datetime import date, timedelta

from jobs.audiences.memberships.changes import changed_since, differing_members
from jobs.audiences.memberships.intervals import MOVES, ever_held_out, intervals_since
from quanyu.model.entities import Customer

FIRST = date(2024, 7, 1)
DAYS = [FIRST + timedelta(days=n) for n in range(8)]
# Each audience is a history of its own, so that one computation compares many.
AUDIENCES = [f"a{n:02d}" for n in range(60)]
WHO = [f"c{n:02d}" for n in range(12)]
STAYS = "audience string, customer_id string, entered_on date, left_on date, holdout boolean"
INSIDE = "audience string, customer_id string, as_of date, holdout boolean"


class History:
    """Random histories: who is inside on a day, and which ids change by it, also back to an earlier one."""

    def __init__(self, staging, spark, seed):
        self.staging, self.spark, self.chance = staging, spark, random.Random(seed)
        self.stored = spark.createDataFrame([], STAYS)

    def inside(self, days):
        rows = [(audience, who, day, self.chance.random() < 0.2)
                for audience in AUDIENCES for who in WHO for day in days if self.chance.random() < 0.7]  # fmt: skip
        return self.spark.createDataFrame(rows, INSIDE)

    def moved(self):
        pairs = {tuple(self.chance.sample(WHO, 2)) for _ in range(self.chance.randrange(4))}
        return self.spark.createDataFrame(sorted(pairs), MOVES)

    def holdouts(self):
        others = [(audience, who) for audience in AUDIENCES for who in WHO if self.chance.random() < 0.03]
        drawn = self.spark.createDataFrame(others, "audience string, customer_id string")
        return self.staging.materialize(ever_held_out(Customer, self.stored).unionByName(drawn).distinct())

    def facts(self, days):
        """Who is inside on some days after or on the last one, those held out, and the ids that changed."""
        return (
            self.staging.materialize(self.inside(days)),
            days[0] - timedelta(days=1),
            days,
            self.holdouts(),
            self.moved(),
        )

    def live(self, days):
        self.stored = self.staging.materialize(intervals_since(Customer, self.stored, *self.facts(days)))


def rows_of(frame):
    return sorted(
        map(tuple, frame.select("audience", "customer_id", "entered_on", "left_on", "holdout").collect()), key=str
    )


def test_what_is_computed_of_members_who_differ_is_what_the_intervals_of_everybody_give(retailer):
    lake = retailer.context("2024-07-04").lake
    history = History(lake.staging, lake.spark, 3)
    for days in (DAYS[:1], DAYS[1:3], DAYS[3:4]):
        history.live(days)
    stored = rows_of(history.stored)
    # The next day, the last one again, the last two again, and several at once, of which the first is again.
    for days in (DAYS[4:5], DAYS[3:4], DAYS[2:4], DAYS[3:7], DAYS[5:8]):
        facts = history.facts(days)
        whole = rows_of(intervals_since(Customer, history.stored, *facts))
        changed = changed_since(lake.staging, Customer, history.stored, *facts)
        members = sorted(map(tuple, changed.members.collect()))
        assert len(members) == len(set(members))
        stay = [row for row in stored if row[:2] not in set(members)]
        assert sorted([*stay, *rows_of(changed.rows)], key=str) == whole
        assert whole != stored and stay


def test_only_members_differ_who_enter_or_leave_or_are_held_out_or_whose_id_or_rows_of_the_day_change(retailer):
    spark = retailer.context("2024-07-04").lake.spark
    entered, today = FIRST, DAYS[3]
    open_stays = [("a", who, entered, None, who == "held") for who in ("stays", "held", "leaves", "joined", "old")]
    ended = [("a", "back", entered, DAYS[1], False), ("a", "stays", entered - timedelta(days=9), entered, False),
             ("a", "over", entered, DAYS[1], False), ("b", "stays", entered, None, False)]  # fmt: skip
    again = [("a", "early", today, None, False), ("a", "gone", entered, today, False)]
    own = (("a", who) for who in ("stays", "held", "joined", "old", "back", "new", "early"))
    inside = [(audience, who, today, False) for audience, who in [*own, ("b", "stays")]]
    differing = differing_members(
        Customer, spark.createDataFrame([*open_stays, *ended, *again], STAYS), spark.createDataFrame(inside, INSIDE),
        DAYS[2], [today],
        spark.createDataFrame([("a", "held"), ("a", "joined")], "audience string, customer_id string"),
        spark.createDataFrame([("old", "other"), ("old", "stays"), ("ended", "stays")], MOVES),
    )  # fmt: skip
    assert sorted(map(tuple, differing.collect())) == sorted(
        ("a", who) for who in ("leaves", "joined", "old", "back", "new", "early", "gone")
    )
