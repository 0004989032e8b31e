"""Store activities: the announcements, and who signed up, came and prepaid."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.columns.strings import choose, dates, join, money, same, times, when
from sample.events.activities import AHEAD, KINDS, MARKS, STEPS, announced, details
from sample.facts import DayFacts
from sample.world import World
from sample.write import Out

NAMES = ("穿搭沙龙", "新品试穿会", "预售品鉴", "亲子手作日")


def write_activities(world: World, facts: DayFacts, out: Out) -> None:
    """Write the activities that are announced today."""
    stores = announced(world, facts.day)
    if not len(stores):
        return
    kind, capacity = details(world, facts.day, stores)
    columns = {
        "activity_id": _activity_id(world, np.full(len(stores), facts.day), stores),
        "name": join(choose(world.stores.name, stores), choose(NAMES, kind)),
        "kind": choose(KINDS, kind),
        "store_no": choose(world.stores.no, stores),
        "starts_at": same(f"{facts.date + timedelta(days=AHEAD)} 14:00:00", len(stores)),
        "capacity": pa.array(capacity),
    }
    out.csv("activities.csv", pa.table(columns))


def write_people(world: World, facts: DayFacts, out: Out) -> None:
    """Write what each participant did today."""
    rows = facts.extras["activity people"]
    if rows is None:
        return
    persons, day = rows["person"], facts.day
    mobile = world.people.phone(persons, rows["opened"])
    activity = _activity_id(world, rows["opened"], rows["store"])
    columns = {
        "activity_id": activity,
        "mobile": mobile,
        "member_no": when(world.joined[persons] <= rows["opened"], world.people.member_no(persons), None),
        "step": choose(STEPS, rows["step"]),
        "at": times(np.full(len(persons), day), rows["second"], world.start),
        "amount": when(rows["step"] == 2, money(rows["amount"]), None),
    }
    keys = join(activity, mobile, between="-")
    out.csv("people.csv", pa.table(columns))
    out.records(keys, persons)
    for mark in (1, 2):
        flawed = np.flatnonzero(rows["mark"] == mark)
        out.flaws("people.csv", flawed + 1, keys.take(pa.array(flawed)), MARKS[mark], "accepted")


def _activity_id(world: World, opened: Any, stores: Any) -> Any:
    return join("A", pc.replace_substring(dates(opened, world.start), "-", ""), choose(world.stores.no, stores))
