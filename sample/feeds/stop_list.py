"""Numbers and addresses that must never be contacted (勿扰名单), as asked for by letter or phone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from sample.chance import scatter, uniform
from sample.facts import Facts
from sample.strings import choose, join, opaque, when
from sample.world import World
from sample.write import Out

SHARE = 0.004
WITHIN_DAYS = 400
REASONS = ("来信要求", "客服来电", "监管转办")


def write(world: World, facts: Facts, out: Out) -> None:
    """Write the whole list of the day: whoever asked up to it, by phone or, every third, by e-mail."""
    every = np.arange(len(world.people))
    drawn = uniform(world.seed, "stop list", every)
    person = every[(drawn < SHARE) & (drawn / SHARE * WITHIN_DAYS <= facts.day)]
    mixed = scatter(world.seed, "stop list entry", person)
    by_mail = mixed % np.uint64(3) == 0
    ids = join("S", opaque(mixed, 12, hexadecimal=True))
    columns = {
        "entry_id": ids,
        "phone": when(by_mail, None, world.people.phone(person, 0)),
        "email": when(by_mail, world.people.email(person), None),
        "reason": choose(REASONS, (mixed % np.uint64(len(REASONS))).astype(int)),
    }
    out.csv("stop_list.csv", pa.table(columns))
    out.records(ids, person)
