"""How people come to a purchase: what they look at before it, and who brought them.

An impulsive shopper buys what is first looked at, within the hour, and adds what was never looked at; a rational one
searches, compares and comes back for days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sample.columns import Array
from sample.columns.chance import scatter, uniform
from sample.columns.groups import place_within
from sample.events.browsing import CART, SEARCH, SHARE, VIEW, BrowsingEvents
from sample.trade import calendar
from sample.trade.lives import FIRST, HABIT, RETURNED

if TYPE_CHECKING:
    from sample.facts import DayFacts
    from sample.world import World

# Days before the purchase on which the most rational begin to look, and how often they look at most.
LONGEST, MOST_VIEWS = 10, 7
# Share of store purchases of mini-program users that begin there.
IN_STORE = 0.4
# A new user of the mini-program was brought by a customer with this chance, and this share of customers bring any.
BROUGHT, ADVOCATES = 0.35, 0.12
# Sessions are numbered from here, apart from those of browsing.
SESSIONS, REFERRED = 1_000_000, 5_000_000


@dataclass(frozen=True)
class Looks:
    """Looks at what is bought on a day, one row per look, in the order of lines and time.

    `before` days before the purchase, `line` row of the basket's line, `look` place of the look among `looks`, the
    line's `sku` and basket's `second`, `mall` whether it is bought there, `calm` the buyer's deliberation.
    """

    person: Array
    before: Array
    line: Array
    look: Array
    looks: Array
    sku: Array
    second: Array
    mall: Array
    calm: Array

    def take(self, rows: Array) -> Looks:
        """Return some of the looks."""
        return Looks(**{name: column[rows] for name, column in vars(self).items()})


def deliberation(world: World, person: Array) -> Array:
    """Return float64 (persons,), 0..1: how rational a shopper is, two thirds by impulse, a third by elasticity."""
    people = world.people
    impulse, elasticity = people.impulse[person], people.elasticity[person]
    # Quantiles of the distributions that both are drawn from.
    calm = (1 - impulse) ** 4 * (1 + 4 * impulse)
    tempted = 1 - np.exp(-4 * elasticity) * (1 + 4 * elasticity + 8 * elasticity**2 + 32 / 3 * elasticity**3)
    return np.asarray(0.67 * calm + 0.33 * (1 - tempted))


def looks(world: World, facts: DayFacts) -> BrowsingEvents:
    """Return today's looks at what is bought today or within days, and the visits of those who were brought."""
    planned: dict[int, Looks] = world.extras.setdefault("looks", {})
    planned.pop(facts.day - 1, None)
    parts = []
    for wait in range(LONGEST + 1):
        day = facts.day + wait
        if day not in planned:
            planned[day] = _plan(world, day)
        today = planned[day].take(np.flatnonzero(planned[day].before == wait))
        parts.append(_events(world, facts.day, today, SESSIONS + wait * 100_000 + today.line))
    return _stacked([*parts, _referrals(world, facts)])


def _plan(world: World, day: int) -> Looks:
    """Return all looks at what is bought on a day in the mall, or in a store by some users of the mini-program."""
    bought, seed = world.coming(day).baskets, world.seed
    person = bought.person.astype(np.int64)
    store = (bought.channel == calendar.STORE) & (uniform(seed, "looks before", np.arange(len(bought)), day) < IN_STORE)
    store &= world.people.app[np.maximum(person, 0)]
    chosen = ((bought.channel == calendar.MALL) | store) & (person >= 0)
    basket = bought.basket
    place = np.arange(len(basket)) - bought.first[basket]
    calm = deliberation(world, np.maximum(person, 0))[basket]
    planned = (place == 0) | (uniform(seed, "planned", basket, place, day) < 0.1 + 0.9 * calm)
    line = np.flatnonzero(chosen[basket] & planned)
    basket, place, calm = basket[line], place[line], calm[line]
    looks = 1 + (calm * MOST_VIEWS * (0.4 + 0.6 * uniform(seed, "looks", basket, place, day))).astype(int)
    first = (calm**2 * (LONGEST + 1) * (0.3 + 0.7 * uniform(seed, "first look", basket, day))).astype(int)
    row, look = np.repeat(np.arange(len(line)), looks), place_within(looks)
    before = np.round(first[row] * (1 - look / np.maximum(looks[row] - 1, 1))).astype(int)
    return Looks(
        person=person[basket[row]], before=before, line=line[row], look=look, looks=looks[row],
        sku=bought.sku[line[row]], second=bought.second[basket[row]].astype(np.int64),
        mall=bought.channel[basket[row]] == calendar.MALL, calm=calm[row],
    )  # fmt: skip


def _events(world: World, today: int, some: Looks, session: Array) -> BrowsingEvents:
    """Return a view for each look, and beside it a search before the first or a cart after the last."""
    seed, last = world.seed, some.look == some.looks - 1
    hour = 18 * 3600 + (scatter(seed, "look hour", session, today) % np.uint64(5 * 3600)).astype(np.int64)
    pause = 120 + (scatter(seed, "look pause", session, today) % np.uint64(900)).astype(np.int64)
    second = np.where(some.before == 0, some.second - (some.looks - some.look) * pause, hour + some.look * 60)
    searched = np.flatnonzero((some.look == 0) & (uniform(seed, "searches before", session, today) < some.calm))
    carted = np.flatnonzero(last & some.mall & (some.before == 0))
    # A rational shopper compares: every other look is at another item of the category.
    sku = np.where(last | (some.look % 2 == 1), some.sku, _comparable(world, today, some, session))
    views = _visit(some.person, session, some.look * 3, VIEW, second, sku)
    at, none = some.take(searched), np.full(len(searched), -1)
    category = world.category(at.sku)
    searches = _visit(at.person, session[searched], at.look * 3 + 1, SEARCH, second[searched] - 40, none, category)
    to = some.take(carted)
    carts = _visit(to.person, session[carted], to.look * 3 + 2, CART, second[carted] + 60, to.sku)
    return _stacked([views, searches, carts])


def _comparable(world: World, today: int, some: Looks, session: Array) -> Array:
    """Return an item of the same category for each look; the item itself where nothing else is on sale."""
    live = world.assortment.live(today)
    order = live[np.argsort(world.category(live), kind="stable")]
    ends = np.searchsorted(world.category(order), np.arange(7))
    category = world.category(some.sku)
    many = ends[category + 1] - ends[category]
    turn = (scatter(world.seed, "compares", session, some.look) % np.maximum(many, 1).astype(np.uint64)).astype(int)
    place = np.minimum(ends[category] + turn, len(order) - 1)
    return np.asarray(np.where(many > 0, order[place], some.sku))


def bring(world: World, facts: DayFacts) -> None:
    """Draw which of today's new users a customer brought, and who it was (a step)."""
    new = world.found[world.people.app[world.found]]
    new = new[uniform(world.seed, "brought", new) < BROUGHT]
    lively = np.isin(world.state, (FIRST, HABIT, RETURNED)) & world.people.app
    advocates = np.flatnonzero(lively & (uniform(world.seed, "advocate", np.arange(len(world.people))) < ADVOCATES))
    if not len(advocates):
        new = new[:0]
    turn = scatter(world.seed, "brought by", new) % np.uint64(max(len(advocates), 1))
    world.brought_by[new] = advocates[turn.astype(np.int64)] if len(new) else new
    facts.extras["brought"] = new


def _referrals(world: World, facts: DayFacts) -> BrowsingEvents:
    """Return the share of each customer who brought somebody today, and that person's first views of the item."""
    new: Array = facts.extras["brought"]
    sharer, number, seed = world.brought_by[new], np.arange(len(new)), world.seed
    live = world.assortment.live(facts.day)
    sku = live[(scatter(seed, "shares", new) % np.uint64(len(live))).astype(int)] if len(new) else new
    at = 9 * 3600 + (scatter(seed, "shares at", new) % np.uint64(13 * 3600)).astype(np.int64)
    session, first = REFERRED + number * 10, 0 * number
    return _stacked([
        _visit(sharer, session, first, SHARE, at, sku),
        _visit(new, session + 1, first, VIEW, at + 600, sku, sharer=sharer),
        _visit(new, session + 1, first + 1, VIEW, at + 700, sku),
    ])  # fmt: skip


def _visit(
    person: Array, session: Array, place: Array, kind: int, second: Array, sku: Array,
    category: Array | None = None, sharer: Array | None = None,
) -> BrowsingEvents:  # fmt: skip
    """Return events of a kind in the mini-program that pay nothing."""
    none = np.full(len(person), -1)
    return BrowsingEvents(
        person=person, session=session, place=place, kind=none * 0 + kind, web=np.zeros(len(person), bool),
        second=np.clip(second, 1, 86_395), sku=sku, category=none if category is None else category, basket=none,
        store=none, sharer=none if sharer is None else sharer,
    )  # fmt: skip


def _stacked(parts: list[BrowsingEvents]) -> BrowsingEvents:
    return BrowsingEvents(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])})
