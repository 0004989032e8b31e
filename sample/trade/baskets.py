"""Draws a day's baskets: where each buyer goes, and what they pick from stock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sample.columns import Array
from sample.columns.chance import pick, uniform
from sample.facts import Baskets
from sample.trade import calendar
from sample.trade.pricing import LEVELS

if TYPE_CHECKING:
    from sample.world import World

STRANGERS = 0.2
MORE_LINES, MOST_LINES = 0.72, 9
AWAY = 0.1
TRIES = 3
OWN_SIZE = 0.85
COUPON = 0.08
# Chance to look on for a style with a word that one prefers, and how often at most.
OWN_STYLE, LOOKS_ON = 0.8, 3
# Share of lines returned, and after how many days, in stores and online.
BACK = (0.05, 0.125)
BACK_DAYS = ((1, 21), (4, 16))


def draw_baskets(world: World, day: int, buyers: Array) -> Baskets:
    """Return the day's baskets of the buyers and of strangers, as far as stock allows."""
    draw = world.rng("baskets", day)
    person, like, channel = _buyers_and_strangers(world, day, buyers, draw)
    store = np.where(channel == 0, _store(world, person, like, draw), -1)
    second = _second(world, day, channel, draw)
    order = np.lexsort((second, store, channel))
    person, like, channel, store, second = (column[order] for column in (person, like, channel, store, second))
    counts = 1 + np.minimum(draw.poisson(MORE_LINES * world.people.purse[like]), MOST_LINES - 1)
    basket = np.repeat(np.arange(len(person)), counts)
    sku = Picking(world, day, draw).pick(like[basket], store[basket] + 1)
    quantity = 1 + ((draw.random(len(sku)) < 0.12) & (world.category(sku) >= 3))
    sold = (sku >= 0) & world.supply.take(store[basket] + 1, sku, quantity, second[basket])
    return _priced_baskets(
        world, day, draw, (person, channel, store, second), (basket[sold], sku[sold], quantity[sold])
    )


def _buyers_and_strangers(
    world: World, day: int, buyers: Array, draw: np.random.Generator
) -> tuple[Array, Array, Array]:
    weights = world.people.channels[buyers] * np.array(calendar.channel_weights(world.date(day)), np.float32)
    channel = rowwise(weights, draw.random(len(buyers)))
    strangers = int(draw.poisson(STRANGERS * np.count_nonzero(channel == 0)))
    like = np.concatenate([buyers, draw.integers(len(world.people), size=strangers)])
    person = np.concatenate([buyers, np.full(strangers, -1)])
    return person, like, np.concatenate([channel, np.zeros(strangers, channel.dtype)])


def rowwise(weights: Array, chances: Array) -> Array:
    """Return int64 (rows,): the column of `weights` (rows, n) that each chance in [0, 1) falls into."""
    bounds = np.cumsum(weights, axis=1)
    places = (bounds < (chances * bounds[:, -1])[:, None]).sum(axis=1)
    return np.asarray(np.minimum(places, weights.shape[1] - 1))


def _store(world: World, person: Array, like: Array, draw: np.random.Generator) -> Array:
    away = (draw.random(len(like)) < AWAY) | (person < 0)
    return np.where(away, pick(world.stores.weight, draw.random(len(like))), world.people.store[like])


def _second(world: World, day: int, channel: Array, draw: np.random.Generator) -> Array:
    date, chance = world.date(day), draw.random(len(channel))
    hour = np.where(
        channel == 0, pick(calendar.hours(0, date), chance), pick(calendar.hours(calendar.SHOP, date), chance)
    )
    return hour * 3600 + draw.integers(3600, size=len(channel))


def _priced_baskets(
    world: World, day: int, draw: np.random.Generator, heads: tuple[Array, ...], lines: tuple[Array, Array, Array]
) -> Baskets:
    """Renumber the baskets that still have lines, and price them."""
    basket, sku, quantity = lines
    numbers, basket = np.unique(basket, return_inverse=True)
    person, channel, store, second = (column[numbers] for column in heads)
    online = (channel[basket] > 0).astype(np.int64)
    style = world.assortment.sku_style[sku]
    price = world.pricing.tags(day).price[online, style]
    coupon = draw.random(len(sku)) < COUPON
    amount = np.round(price * quantity * np.where(coupon, 0.95, 1.0) / 10).astype(np.int64) * 10
    return Baskets(
        person=person.astype(np.int32),
        channel=channel.astype(np.int8),
        store=store.astype(np.int16),
        second=second.astype(np.int32),
        first=np.searchsorted(basket, np.arange(len(numbers) + 1)),
        basket=basket.astype(np.int64),
        sku=sku,
        quantity=quantity.astype(np.int64),
        amount=amount,
        discount=world.assortment.list[style] * quantity.astype(np.int64) - amount,
        promotion=world.pricing.promotion(day, online, style, coupon),
        back_after=_back(draw, basket, len(numbers), online),
    )


def _back(draw: np.random.Generator, basket: Array, count: int, online: Array) -> Array:
    comes = draw.random(len(basket)) < np.where(online == 1, BACK[1], BACK[0])
    delay = np.where(
        online == 1, draw.integers(*BACK_DAYS[1], size=count)[basket], draw.integers(*BACK_DAYS[0], size=count)[basket]
    )
    return np.where(comes, delay, 0)


class Picking:
    """Picks SKUs by taste, prices, season, style words and size; picks again where an item is out of stock."""

    def __init__(self, world: World, day: int, draw: np.random.Generator) -> None:
        self.world, self.day, self.draw, self.drawn = world, day, draw, 0
        self.answer = world.pricing.answer(day)
        self.order = np.argsort(world.assortment.category, kind="stable")
        weights = np.stack([world.pricing.weights(day, side)[:, self.order] for side in (0, 1)])
        ends = np.searchsorted(world.assortment.category[self.order], np.arange(7))
        self.bounds = np.concatenate([[0.0], np.cumsum(weights)])
        rows = np.arange(2 * len(LEVELS))[:, None] * weights.shape[2]
        self.low, self.high = self.bounds[rows + ends[:-1]], self.bounds[rows + ends[1:]]

    def pick(self, like: Array, location: Array) -> Array:
        """Return int64 (lines,): SKUs picked like person `like` at a location (0: online); -1: out of stock."""
        chosen = np.full(len(like), -1)
        for _ in range(TRIES):
            open_ = np.flatnonzero(chosen < 0)
            sku = self._sku(like[open_], location[open_])
            in_stock = self.world.supply.stock[location[open_], sku] > 0
            chosen[open_] = np.where(in_stock, sku, -1)
        return chosen

    def _sku(self, like: Array, location: Array) -> Array:
        people, a = self.world.people, self.world.assortment
        taste = people.taste[like] * self.answer[self.world.steps_of(like)]
        category = rowwise(taste, self.draw.random(len(like)))
        level = np.digitize(people.elasticity[like], (0.7, 1.2))
        row = np.where(location > 0, 0, len(LEVELS)) + level
        low, high = self.low[row, category], self.high[row, category]
        style = self._style(low, high, self.draw.random(len(like)))
        for turn in range(LOOKS_ON):
            drawn = np.arange(len(like)), self.drawn, turn, self.day
            goes = uniform(self.world.seed, "looks on", like, *drawn) < OWN_STYLE
            goes &= a.style_words[style] & people.style_words[like] == 0
            style = np.where(goes, self._style(low, high, uniform(self.world.seed, "looks on at", like, *drawn)), style)
        self.drawn += 1
        return np.asarray(a.first[style] + self._size(like, style))

    def _style(self, low: Array, high: Array, chance: Array) -> Array:
        """Return the style that each chance in [0, 1) falls on between two bounds."""
        places = np.searchsorted(self.bounds, low + chance * (high - low), side="right") - 1
        return np.asarray(self.order[places % len(self.order)])

    def _size(self, like: Array, style: Array) -> Array:
        people, a = self.world.people, self.world.assortment
        category, sex = a.category[style], a.sex[style]
        curve = a.share[np.minimum(a.first[style][:, None] + np.arange(8), len(a.share) - 1)]
        curve = np.where(np.arange(8) < (a.first[style + 1] - a.first[style])[:, None], curve, 0)
        drawn_size = rowwise(curve, self.draw.random(len(like)))
        own = (people.sex[like] == sex) & (self.draw.random(len(like)) < OWN_SIZE)
        worn = np.where(category == 2, people.shoe[like], people.size[like])
        return np.where(own & (category <= 2), worn, drawn_size)
