"""Store activities: every four weeks stores invite members. Who signs up, who comes, and what they prepay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sample.columns import Array
from sample.columns.chance import scatter
from sample.events.agenda import due, plan

if TYPE_CHECKING:
    from sample.facts import DayFacts
    from sample.world import World

KINDS = ("salon", "trial", "presale", "family_day")
STEPS = ("signup", "checkin", "presale")
EVERY, AHEAD = 28, 10
COMES, PAYS = 0.65, 0.3
STEP_MISSING, WRONG_ORDER = 0.04, 0.03
MARKS = ("", "step missing", "wrong order")


def announced(world: World, day: int) -> Array:
    """Return the indices (int64) of stores that announce an activity on a day; it takes place AHEAD days later."""
    stores = np.arange(len(world.stores))
    offset = (scatter(world.seed, "activity", stores) % np.uint64(EVERY)).astype(np.int64)
    return np.flatnonzero(offset == day % EVERY)


def details(world: World, day: int, stores: Array) -> tuple[Array, Array]:
    """Return kind (index into KINDS) and capacity, int64 per store, of the activities announced on a day."""
    mixed = scatter(world.seed, "activity kind", stores, day)
    return (mixed % np.uint64(4)).astype(np.int64), 20 + (mixed >> np.uint64(20)).astype(np.int64) % 9 * 5


def invite(world: World, facts: DayFacts) -> None:
    """Plan who takes part in the activities announced today, and put the rows due today in `facts.extras` (a step)."""
    for store in announced(world, facts.day):
        draw = world.rng("activity people", facts.day, int(store))
        kind, capacity = (int(column[0]) for column in details(world, facts.day, np.array([store])))
        persons = _guests(world, int(store), facts.day, int(capacity * draw.uniform(0.4, 1.1)), draw)
        if len(persons):
            _plan(world, facts.day, int(store), kind, persons, draw)
    facts.extras["activity people"] = due(world, "activities", facts.day)


def _guests(world: World, store: int, day: int, many: int, draw: np.random.Generator) -> Array:
    """Return members of the store, plus one person from elsewhere for every twelve."""
    order = world.extras.get("people by store")
    if order is None:
        order = world.extras["people by store"] = np.argsort(world.people.store, kind="stable")
        world.extras["bounds of stores"] = np.searchsorted(world.people.store[order], np.arange(len(world.stores) + 1))
    bounds = world.extras["bounds of stores"]
    near = order[bounds[store] : bounds[store + 1]]
    near = near[world.joined[near] <= day]
    chosen = near[draw.permutation(len(near))[:many]]
    return np.unique(np.concatenate([chosen, draw.integers(len(world.people), size=len(chosen) // 12)]))


def _plan(world: World, day: int, store: int, kind: int, persons: Array, draw: np.random.Generator) -> None:
    many, event_day = len(persons), day + AHEAD
    signup = day + draw.integers(0, AHEAD, many)
    comes = draw.random(many) < COMES
    pays = comes & (draw.random(many) < (PAYS if kind == 2 else PAYS / 4))
    chance = draw.random(many)
    missing, late = comes & (chance < STEP_MISSING), comes & (chance > 1 - WRONG_ORDER)
    signup = np.where(late, event_day, signup)
    clock = draw.integers(14 * 3600, 15 * 3600, many)
    second = np.where(late, clock + 600, draw.integers(9 * 3600, 23 * 3600, many))
    occurs = np.concatenate([~missing, comes, pays])
    columns = {
        "person": np.tile(persons, 3),
        "step": np.repeat(np.arange(3), many),
        "second": np.concatenate([second, clock, clock + 3600]),
        "amount": np.concatenate([np.zeros(2 * many, np.int64), draw.integers(1, 11, many) * 10_000]),
        "mark": np.concatenate([np.where(late, 2, 0), np.where(missing, 1, 0), np.zeros(many, np.int64)]),
        "store": np.full(3 * many, store),
        "opened": np.full(3 * many, day),
    }
    when = np.concatenate([signup, np.full(2 * many, event_day)])
    plan(world, "activities", when[occurs], {key: column[occurs] for key, column in columns.items()})
