"""Visits to the mini-program and the website: sessions of several events each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sample.columns import Array
from sample.columns.chance import pick, scatter, uniform
from sample.columns.groups import place_within
from sample.retailer.words import CATEGORIES
from sample.trade import calendar
from sample.trade.lives import BLOCK

if TYPE_CHECKING:
    from sample.facts import DayFacts
    from sample.world import World

# Sessions without an order per purchase that the hazard of a person's state predicts.
INTEREST = np.array([0.0, 4.0, 2.4, 1.5, 3.0, 8.0, 2.2], dtype=np.float32)
VIEW, SEARCH, CART, PAY, SHARE, SCAN = range(6)
KINDS = ("view", "search", "cart", "pay", "share", "scan")
MIX = (0.68, 0.14, 0.13, 0.0, 0.05)
WEB_SHARE, SCAN_SHARE, SHARED = 0.16, 0.12, 0.05
BOTS_A_DAY = 0.12


@dataclass
class BrowsingEvents:
    """A day's events in session order, one row per event.

    `person` (-1: a bot), `session` (number within the day), `place` within the session, `basket` number that was paid,
    `sku` index, `category` that was searched for, `store` of a scan, `sharer` (person); -1 where there is none.
    """

    person: Array
    session: Array
    place: Array
    kind: Array
    web: Array
    second: Array
    sku: Array
    category: Array
    basket: Array
    store: Array
    sharer: Array

    def take(self, rows: Array) -> BrowsingEvents:
        """Return some of the events."""
        return BrowsingEvents(**{name: column[rows] for name, column in vars(self).items()})


def browse(world: World, facts: DayFacts) -> None:
    """Put today's visitors who do not order in the facts; the likelier a purchase, the likelier a visit."""
    visitors = []
    for number, begin in enumerate(range(0, len(world.people), BLOCK)):
        some = slice(begin, begin + BLOCK)
        wish = world.inclination(facts.day, some) * _interest(world, some)
        chance = world.rng("browses", facts.day, number).random(len(wish), dtype=np.float32)
        visitors.append(np.flatnonzero(world.people.app[some] & (chance < np.minimum(wish, 0.9))) + begin)
    facts.extras["browsing"] = np.concatenate(visitors)


def _interest(world: World, some: slice) -> Array:
    mall = world.people.channels[some, calendar.MALL]
    return np.asarray(INTEREST[world.state[some]] * (0.3 + mall))


def events(world: World, facts: DayFacts) -> BrowsingEvents:
    """Return the day's events: sessions with an order, sessions without one, scans in stores, and bots."""
    baskets, day = facts.baskets, facts.day
    bought = baskets.of(calendar.MALL)
    stores = baskets.of(calendar.STORE)
    member = baskets.person[stores] >= 0
    scans = stores[member & (uniform(world.seed, "scans", stores, day) < SCAN_SHARE)]
    scans = scans[world.people.app[baskets.person[scans]]]
    looks: Array = facts.extras["browsing"]
    bots = int(uniform(world.seed, "bots", day)[0] < BOTS_A_DAY)
    person = np.concatenate([baskets.person[bought], looks, baskets.person[scans], np.full(bots, -1)]).astype(np.int64)
    purpose = np.repeat([0, 1, 2, 3], (len(bought), len(looks), len(scans), bots))
    basket = np.concatenate([bought, np.full(len(looks), -1), scans, np.full(bots, -1)])
    return _unrolled(world, facts, person, purpose, basket)


def _unrolled(world: World, facts: DayFacts, person: Array, purpose: Array, basket: Array) -> BrowsingEvents:
    seed, day, number = world.seed, facts.day, np.arange(len(person))
    chance = uniform(seed, "session", number, day)
    many = np.select(
        [purpose == 0, purpose == 1, purpose == 2], [5 + chance * 10, 1 + chance**2 * 16, 1.0], 150 + chance * 300
    )
    counts = np.minimum(many, 500).astype(int)
    session = np.repeat(number, counts)
    place = place_within(counts)
    last = place == counts[session] - 1
    kind = pick(MIX, uniform(seed, "event kind", session, place, day))
    kind = np.where((purpose[session] == 0) & last, PAY, np.where(purpose[session] == 2, SCAN, kind))
    kind = np.where(purpose[session] == 3, VIEW, kind)
    begins = _begins(world, facts, number, purpose, basket)
    second = begins[session] - (counts[session] - 1 - place) * (
        5 + scatter(seed, "pace", session, day) % np.uint64(40)
    ).astype(int)
    live = world.assortment.live(day)
    sku = live[(scatter(seed, "looks at", session, place // 2, day) % np.uint64(len(live))).astype(int)]
    shared = (uniform(seed, "shared", session, day) < SHARED) & (purpose[session] == 1) & (place == 0)
    sharer = (scatter(seed, "sharer", session, day) % np.uint64(len(world.people))).astype(np.int64)
    searched = (scatter(seed, "searches", session, place, day) % np.uint64(len(CATEGORIES))).astype(int)
    stores = np.append(facts.baskets.store, -1)
    web = (uniform(seed, "web", number, day) < WEB_SHARE) & (purpose != 2) | (purpose == 3)
    return BrowsingEvents(
        person=person[session], session=session, place=place, kind=kind, web=web[session], second=np.maximum(second, 1),
        sku=np.where(np.isin(kind, (SEARCH, PAY)), -1, sku),
        category=np.where(kind == SEARCH, searched, -1),
        basket=np.where(kind == PAY, basket[session], -1),
        store=np.where(kind == SCAN, stores[basket[session]], -1),
        sharer=np.where(shared & world.people.app[sharer] & ~web[session], sharer, -1),
    )  # fmt: skip


def _begins(world: World, facts: DayFacts, number: Array, purpose: Array, basket: Array) -> Array:
    """Return the second of each session's last event: the payment of the order, or else an evening hour."""
    hour = pick(calendar.hours(calendar.MALL, facts.date), uniform(world.seed, "session hour", number, facts.day))
    free = hour * 3600 + (scatter(world.seed, "session second", number, facts.day) % np.uint64(3600)).astype(int)
    paid = facts.baskets.second[np.maximum(basket, 0)] if len(facts.baskets) else free
    return np.minimum(np.where((purpose == 0) | (purpose == 2), paid, free), 86_395)
