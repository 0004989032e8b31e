"""Customer states: a daily Markov chain, and the true purchase probability that it implies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sample.columns import Array

if TYPE_CHECKING:
    from sample.world import World

STATES = ("unaware", "found", "first", "habit", "drift", "gone", "returned")
UNAWARE, FOUND, FIRST, HABIT, DRIFT, GONE, RETURNED = range(7)
# Factor on the person's rate; the next state without a purchase, and the daily chance to move there.
FACTOR = np.array([0.0, 0.55, 0.8, 1.7, 0.28, 0.015, 1.1], dtype=np.float32)
NEXT = np.array([FOUND, GONE, DRIFT, DRIFT, GONE, RETURNED, DRIFT], dtype=np.int8)
LEAVE = np.array([1 / 600, 1 / 220, 1 / 100, 1 / 260, 1 / 130, 1 / 800, 1 / 90], dtype=np.float32)
# After a purchase: the better state with this chance, else the other.
BETTER = np.array([FIRST, FIRST, HABIT, HABIT, HABIT, RETURNED, HABIT], dtype=np.int8)
ELSE = np.array([FIRST, FIRST, FIRST, HABIT, RETURNED, RETURNED, RETURNED], dtype=np.int8)
CHANCE = np.array([1.0, 1.0, 0.65, 1.0, 0.45, 1.0, 0.55], dtype=np.float32)
# In these states a person's own pace multiplies the chance to leave.
OWN_PACE = np.array([0, 1, 1, 1, 1, 0, 1], dtype=np.float32)
MOST = 0.95
BLOCK = 65_536
WINDOW = 90


def step(state: Array, bought: Array, leave: Array, chance: Array, pace: float = 1.0) -> Array:
    """Return int8 (persons,): the states after a day (or `pace` days); `bought` is a mask, `chance` uniform."""
    after = np.where(chance < CHANCE[state], BETTER[state], ELSE[state])
    goes = chance < leaving(state, leave) * pace
    return np.asarray(np.where(bought, after, np.where(goes, NEXT[state], state)).astype(np.int8))


def leaving(state: Array | int, leave: Array) -> Array:
    """Return float32 (persons,): the chance to change state within a day without a purchase."""
    return np.asarray(LEAVE[state] * (1 + OWN_PACE[state] * (leave - 1)))


def settle(rate: Array, leave: Array, active: Array, draw: np.random.Generator) -> tuple[Array, Array, Array, Array]:
    """Return state (int8), days of first and last purchase (int32, negative; 0: none) and orders after two years."""
    count, pace = len(rate), 8
    state = np.zeros(count, np.int8)
    enters = draw.integers(0, 100, size=count)
    first, last, orders = np.zeros(count, np.int32), np.zeros(count, np.int32), np.zeros(count, np.int32)
    for turn in range(100):
        state[active & (enters == turn)] = FOUND
        chance = draw.random((2, count), dtype=np.float32)
        bought = chance[0] < 1 - (1 - np.minimum(rate * FACTOR[state], MOST)) ** pace
        state = np.where(state == UNAWARE, state, step(state, bought, leave, chance[1], pace))
        when = (turn - 100) * pace + (chance[1] * pace).astype(np.int32)
        first = np.where(bought & (first == 0), when, first)
        last, orders = np.where(bought, when, last), orders + bought
    return state, first.astype(np.int32), last.astype(np.int32), orders


def buy_probability(world: World, first_day: int, days: int, indices: Array, factor: Array | float = 1.0) -> Array:
    """Return float32 (persons,): the probability of a purchase in `days` days from `first_day`, given the states.

    `factor` multiplies the hazard of each of the days: one number, one for each person, or (days, persons).
    Exact except for items out of stock: the distribution over states of those without a purchase is carried forward.
    """
    parts = []
    for begin in range(0, len(indices), BLOCK):
        some = indices[begin : begin + BLOCK]
        own = factor if np.ndim(factor) == 0 else np.asarray(factor)[..., begin : begin + BLOCK]
        parts.append(_no_purchase_probability(world, first_day, days, some, own))
    return 1 - np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _no_purchase_probability(world: World, first_day: int, days: int, some: Array, factor: Any) -> Array:
    people = world.people
    state_shares = (world.state[some][None, :] == np.arange(len(STATES))[:, None]).astype(np.float32)
    goes = np.stack([leaving(state, people.leave[some]) for state in range(len(STATES))])
    for number in range(days):
        ahead = world.inclination(first_day + number, some) * (factor[number] if np.ndim(factor) == 2 else factor)
        state_shares *= 1 - np.minimum(FACTOR[:, None] * ahead, MOST)
        moved = state_shares * goes
        state_shares -= moved
        for state in range(len(STATES)):
            state_shares[NEXT[state]] += moved[state]
    return np.asarray(state_shares.sum(axis=0))
