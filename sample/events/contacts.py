"""WeCom contacts of the sales guides: when each was added and deleted, and when each was in a group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sample.columns import Array
from sample.columns.chance import uniform
from sample.retailer.places import NEVER

if TYPE_CHECKING:
    from sample.facts import DayFacts
    from sample.world import World

# Half are added at the counter when they join; those who delete the guide do so within two years.
AT_ONCE, DELAY, DELETED_SHARE, DELETED_WITHIN = 0.5, 120, 0.16, 600
GROUP_SHARE, QUIT_SHARE, GROUP_DELAY, QUIT_WITHIN = 0.4, 0.25, 40, 400


@dataclass(frozen=True)
class ContactSpans:
    """Days from the start by person index (1,000,000: never): added, deleted, joined the group, left the group."""

    added: Array
    deleted: Array
    grouped: Array
    quit: Array


def contacts(world: World) -> ContactSpans:
    """Return the contacts as of the end of the last day."""
    many = len(world.people)
    if "contacts" not in world.extras:
        world.extras["contacts"] = ContactSpans(*(np.full(many, NEVER, np.int32) for _ in range(4)))
    contact_days: ContactSpans = world.extras["contacts"]
    return contact_days


def is_contact(world: World, persons: Array, day: int) -> Array:
    """Return a mask of the persons that a guide can write to on a day."""
    contact_days = contacts(world)
    return np.asarray((contact_days.added[persons] <= day) & (contact_days.deleted[persons] > day))


def meet(world: World, facts: DayFacts) -> None:
    """Draw when the day's new members will become contacts (a step); on day 0, those of all members so far."""
    persons = facts.joined if facts.day else np.flatnonzero(world.joined <= 0)
    persons = persons[world.people.wecom[persons]]
    contact_days, seed = contacts(world), world.seed
    chance = uniform(seed, "contact added", persons)
    contact_days.added[persons] = world.joined[persons] + np.maximum(chance - AT_ONCE, 0) / (1 - AT_ONCE) * DELAY
    contact_days.deleted[persons] = _later(
        seed, "contact deleted", persons, contact_days.added, DELETED_SHARE, DELETED_WITHIN
    )
    contact_days.grouped[persons] = _later(
        seed, "contact grouped", persons, contact_days.added, GROUP_SHARE, GROUP_DELAY
    )
    contact_days.quit[persons] = _later(seed, "contact quit", persons, contact_days.grouped, QUIT_SHARE, QUIT_WITHIN)


def _later(seed: int, purpose: str, persons: Array, since: Array, share: float, within: int) -> Array:
    chance = uniform(seed, purpose, persons)
    after = since[persons] + 1 + (chance / share * within).astype(np.int64)
    return np.where((chance < share) & (since[persons] < NEVER), after, NEVER)
