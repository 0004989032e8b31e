"""Made-to-order curtains and wardrobes: which store purchases become one, and when each stage is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sample.columns import Array
from sample.events.agenda import due, plan

if TYPE_CHECKING:
    from sample.facts import DayFacts
    from sample.world import World

STAGES = ("design", "quote", "production", "shipped", "installed")
WAITS = ((0, 1), (2, 7), (4, 12), (12, 25), (2, 8))
ORDERED, GIVEN_UP = 0.12, (0.0, 0.1, 0.15, 0.02, 0.01)
STEP_MISSING, WRONG_ORDER = 0.03, 0.02
# Marks of rows with a flaw.
MARKS = ("", "step missing", "wrong order")


def order(world: World, facts: DayFacts) -> None:
    """Open tickets for some home buyers in stores, and put the rows due today in `facts.extras` (a step)."""
    baskets, draw = facts.baskets, world.rng("tickets", facts.day)
    home = np.unique(baskets.basket[world.category(baskets.sku) >= 4]) if len(baskets) else np.zeros(0, np.int64)
    home = home[(baskets.channel[home] == 0) & (baskets.person[home] >= 0)]
    chosen = home[draw.random(len(home)) < ORDERED]
    if len(chosen):
        _plan(world, facts, chosen, draw)
    facts.extras["tickets"] = due(world, "tickets", facts.day)


def _plan(world: World, facts: DayFacts, chosen: Array, draw: np.random.Generator) -> None:
    many = len(chosen)
    days = facts.day + np.cumsum([draw.integers(low, high, many) for low, high in WAITS], axis=0)
    reached = np.cumprod([draw.random(many) >= share for share in GIVEN_UP], axis=0).astype(bool)
    mark = np.zeros((len(STAGES), many), np.int64)
    chance = draw.random(many)
    missing = (chance < STEP_MISSING) & reached[2]
    reached[1] &= ~missing
    mark[2][missing] = 1
    swapped = (chance > 1 - WRONG_ORDER) & reached[2]
    days[1] = np.where(swapped, days[2] + 1, days[1])
    mark[1][swapped] = 2
    occurs = reached.reshape(-1)
    columns = {
        "number": np.arange(many), "opened": np.full(many, facts.day), "person": facts.baskets.person[chosen],
        "store": facts.baskets.store[chosen], "item": draw.integers(5, size=many),
        "amount": draw.lognormal(8.3, 0.6, many).astype(np.int64) * 100,
    }  # fmt: skip
    every = {key: np.tile(column, len(STAGES))[occurs] for key, column in columns.items()}
    every["stage"] = np.repeat(np.arange(len(STAGES)), many)[occurs]
    every["mark"] = mark.reshape(-1)[occurs]
    every["second"] = draw.integers(9 * 3600, 19 * 3600, len(STAGES) * many)[occurs]
    plan(world, "tickets", days.reshape(-1)[occurs], every)
