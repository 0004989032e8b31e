"""Phones and e-mail addresses that must never be contacted (勿扰名单), by request in a letter or call."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from sample.columns.chance import scatter, uniform
from sample.columns.strings import choose, join, opaque, when
from sample.facts import DayFacts
from sample.world import World
from sample.write import Out

SHARE = 0.004
# Some asked before the first day.
WITHIN_DAYS, BEFORE_DAYS = 600, 200
REASONS = ("来信要求", "客服来电", "监管转办")


def write(world: World, facts: DayFacts, out: Out) -> None:
    """Write the complete list as of the day: everyone who asked so far, two thirds by phone, one third by e-mail."""
    every = np.arange(len(world.people))
    drawn = uniform(world.seed, "stop list", every)
    asked_on = drawn / SHARE * WITHIN_DAYS - BEFORE_DAYS
    person = every[(drawn < SHARE) & (asked_on <= facts.day)]
    mixed = scatter(world.seed, "stop list entry", person)
    mails = when(mixed % np.uint64(3) == 0, world.people.email(person), None)
    ids = join("S", opaque(mixed, 12, hexadecimal=True))
    columns = {
        "entry_id": ids,
        "phone": when(mails.is_valid(), None, world.people.phone(person, 0)),
        "email": mails,
        "reason": choose(REASONS, (mixed % np.uint64(len(REASONS))).astype(int)),
    }
    out.csv("stop_list.csv", pa.table(columns))
    out.records(ids, person)
