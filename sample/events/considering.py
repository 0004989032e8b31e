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
class Line:
    """Lines of later baskets that somebody looks at before, one row per look.

    `wait` days until the purchase, `session` number, `look` place of the look among `looks`, and the line's columns.
    """

    person: Array
    session: Array
    wait: Array
    look: Array
    looks: Array
    sku: Array
    second: Array
    mall: Array


def deliberation(world: World, person: Array) -> Array:
    """Return float64 (persons,), 0..1: how rational a shopper is: two thirds by impulse, the rest by elasticity."""
    people = world.people
    impulse, elasticity = people.impulse[person], people.elasticity[person]
    # Quantiles of the distributions that both are drawn from.
    calm = (1 - impulse) ** 4 * (1 + 4 * impulse)
    priced = 1 - np.exp(-4 * elasticity) * (1 + 4 * elasticity + 8 * elasticity**2 + 32 / 3 * elasticity**3)
    return np.asarray(0.67 * calm + 0.33 * priced)


def looks(world: World, facts: DayFacts) -> BrowsingEvents:
    """Return today's looks at what is bought today or within days, and the visits of those who were brought."""
    coming = [_looks(world, facts.day, wait) for wait in range(LONGEST + 1)]
    return _stacked([*coming, _referrals(world, facts)])


def _looks(world: World, today: int, wait: int) -> BrowsingEvents:
    """Return today's looks at what is bought in `wait` days."""
    bought, day, seed = world.coming(today + wait).baskets, today + wait, world.seed
    number = np.arange(len(bought))
    store = (bought.channel == calendar.STORE) & (uniform(seed, "looks before", number, day) < IN_STORE)
    store &= world.people.app[np.maximum(bought.person, 0)]
    basket = bought.basket
    place = np.arange(len(basket)) - bought.first[basket]
    calm = deliberation(world, np.maximum(bought.person, 0))[basket]
    chosen = ((bought.channel == calendar.MALL) | store) & (bought.person >= 0)
    planned = (place == 0) | (uniform(seed, "planned", basket, place, day) < 0.1 + 0.9 * calm)
    line = np.flatnonzero(chosen[basket] & planned)
    basket, place, calm = basket[line], place[line], calm[line]
    looks = 1 + (calm * MOST_VIEWS * (0.4 + 0.6 * uniform(seed, "looks", basket, place, day))).astype(int)
    first = (calm**2 * (LONGEST + 1) * (0.3 + 0.7 * uniform(seed, "first look", basket, day))).astype(int)
    row, look = np.repeat(np.arange(len(line)), looks), place_within(looks)
    before = np.round(first[row] * (1 - look / np.maximum(looks[row] - 1, 1))).astype(int)
    today_rows = np.flatnonzero(before == wait)
    row, look = row[today_rows], look[today_rows]
    lines = Line(
        person=bought.person[basket[row]].astype(np.int64), session=SESSIONS + wait * 100_000 + line[row],
        wait=np.full(len(row), wait), look=look, looks=looks[row], sku=bought.sku[line[row]],
        second=bought.second[basket[row]].astype(np.int64), mall=bought.channel[basket[row]] == calendar.MALL,
    )  # fmt: skip
    return _events(world, today, lines, calm[row])


def _events(world: World, today: int, lines: Line, calm: Array) -> BrowsingEvents:
    """Return a view for each look, and beside it a search before the first or a cart after the last."""
    seed, last = world.seed, lines.look == lines.looks - 1
    hour = 18 * 3600 + (scatter(seed, "look hour", lines.session, today) % np.uint64(5 * 3600)).astype(np.int64)
    pause = 120 + (scatter(seed, "look pause", lines.session, today) % np.uint64(900)).astype(np.int64)
    second = np.where(lines.wait == 0, lines.second - (lines.looks - lines.look) * pause, hour + lines.look * 60)
    searched = (lines.look == 0) & (uniform(seed, "searches before", lines.session, today) < calm)
    carted = last & lines.mall & (lines.wait == 0)
    # A rational shopper compares: every other look is at another item of the category.
    sku = np.where(last | (lines.look % 2 == 1), lines.sku, _comparable(world, today, lines))
    rows = np.concatenate([np.arange(len(sku)), np.flatnonzero(searched), np.flatnonzero(carted)])
    kind = np.repeat([VIEW, SEARCH, CART], [len(sku), searched.sum(), carted.sum()])
    offset = np.repeat([0, -40, 60], [len(sku), searched.sum(), carted.sum()])
    sku = np.where(kind == CART, lines.sku[rows], sku[rows])
    return _visit(
        lines.person[rows], lines.session[rows], lines.look[rows] * 3 + kind, kind, second[rows] + offset,
        np.where(kind == SEARCH, -1, sku), category=np.where(kind == SEARCH, world.category(lines.sku[rows]), -1),
    )  # fmt: skip


def _comparable(world: World, today: int, lines: Line) -> Array:
    """Return an item of the same category for each look; the item itself where nothing else is on sale."""
    live = world.assortment.live(today)
    order = live[np.argsort(world.category(live), kind="stable")]
    ends = np.searchsorted(world.category(order), np.arange(7))
    category = world.category(lines.sku)
    many = ends[category + 1] - ends[category]
    turn = (scatter(world.seed, "compares", lines.session, lines.look) % np.maximum(many, 1).astype(np.uint64)).astype(
        int
    )
    return np.where(many > 0, order[np.minimum(ends[category] + turn, len(order) - 1)], lines.sku)


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
    session, none = REFERRED + number * 10, np.full(len(new), -1)
    shares = _visit(sharer, session, 0 * number, none * 0 + SHARE, at, sku)
    first = _visit(new, session + 1, 0 * number, none * 0 + VIEW, at + 600, sku, sharer=sharer)
    more = _visit(new, session + 1, 0 * number + 1, none * 0 + VIEW, at + 700, sku)
    return _stacked([shares, first, more])


def _visit(
    person: Array, session: Array, place: Array, kind: Array, second: Array, sku: Array,
    category: Array | None = None, sharer: Array | None = None,
) -> BrowsingEvents:  # fmt: skip
    """Return events in the mini-program that pay nothing."""
    none = np.full(len(person), -1)
    return BrowsingEvents(
        person=person, session=session, place=place, kind=kind, web=np.zeros(len(person), bool),
        second=np.clip(second, 1, 86_395), sku=sku, category=none if category is None else category, basket=none,
        store=none, sharer=none if sharer is None else sharer,
    )  # fmt: skip


def _stacked(parts: list[BrowsingEvents]) -> BrowsingEvents:
    return BrowsingEvents(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])})
