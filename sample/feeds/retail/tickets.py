"""Made-to-order business: a row for each stage that a ticket reaches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.columns.strings import choose, dates, digits, join, money, times, when
from sample.events.tickets import MARKS, STAGES
from sample.facts import DayFacts
from sample.world import World
from sample.write import Out

ITEMS = ("定制窗帘", "定制衣柜", "榻榻米", "全屋书柜", "玄关柜")


def write(world: World, facts: DayFacts, out: Out) -> None:
    """Write the stages reached today."""
    rows = facts.extras["tickets"]
    if rows is None:
        return
    persons, day = rows["person"], facts.day
    keys = ticket_no(world, rows)
    member = world.joined[persons] <= day
    columns = {
        "ticket_no": keys,
        "member_no": when(member, world.people.member_no(persons), None),
        "mobile": when((rows["number"] % 11 > 0) | ~member, world.people.phone(persons, rows["opened"]), None),
        "stage": choose(STAGES, rows["stage"]),
        "at": times(np.full(len(persons), day), rows["second"], world.start),
        "amount": money(np.where(rows["stage"] == 0, 0, rows["amount"])),
        "store_no": choose(world.stores.no, rows["store"]),
        "item": choose(ITEMS, rows["item"]),
    }
    out.csv("tickets.csv", pa.table(columns))
    out.records(keys, persons)
    for mark in (1, 2):
        flawed = np.flatnonzero(rows["mark"] == mark)
        out.flaws("tickets.csv", flawed + 1, keys.take(pa.array(flawed)), MARKS[mark], "accepted")


def ticket_no(world: World, rows: dict[str, Any]) -> Any:
    """Return the ticket numbers: the opening day, and a number within it."""
    opened = pc.replace_substring(dates(rows["opened"], world.start), "-", "")
    return join("Z", opened, digits(rows["number"] + 1, 4))
