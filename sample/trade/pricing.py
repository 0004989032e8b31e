"""Prices by day and channel: list prices, promotions, clearances, and how demand responds to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from sample.columns import Array
from sample.columns.chance import pick, scatter, uniform
from sample.retailer.assortment import ELASTICITY, WHOLE_YEAR, Assortment, fits
from sample.retailer.words import CATEGORIES
from sample.trade import calendar

# Elasticities of the three thirds of the people, for the choice of styles.
LEVELS = np.array([0.45, 0.9, 1.65])
# Elasticities are rounded to eighths for the price response.
STEP, STEPS = 8, 40
STORE_SIDE, ONLINE_SIDE = 0, 1
CLEARANCE, COUPON = "换季清仓", "优惠券"
# What a line's discount may be for.
PROMOTIONS = (
    "618大促", "年中庆", "双11", "双11同庆", "双12", "年货节",
    *(f"{category}周" for category in CATEGORIES), CLEARANCE, COUPON,
)  # fmt: skip


@dataclass(frozen=True)
class Promotion:
    """A price cut: on which side (0 stores, 1 online), of which category (-1: all), how deep (0..1)."""

    name: str
    side: int
    category: int
    depth: float


@dataclass(frozen=True)
class Tags:
    """Price tags: `price` in fen (2, styles), in stores and online; `named` the index into `names`, -1 for none."""

    price: Array
    named: Array
    names: tuple[str, ...]


class Pricing:
    """Prices by day. They depend on calendar and seed only, never on sales."""

    def __init__(self, assortment: Assortment, start: date, seed: int) -> None:
        self.assortment, self.start, self.seed = assortment, start, seed
        self._tags: dict[int, Tags] = {}
        self._answers: dict[int, Array] = {}
        self._since = np.tile(np.maximum(assortment.launch, -30), (2, 1))
        self._upto = 0

    def tags(self, day: int) -> Tags:
        """Return the price tags of a day."""
        if day not in self._tags:
            self._tags[day] = self._tag(day)
        return self._tags[day]

    def promotion(self, day: int, side: Array, style: Array, coupon: Array) -> Array:
        """Return int64 (lines,): the index into PROMOTIONS of each line's discount, -1 for none.

        A promotion of the price counts before a `coupon` (a mask).
        """
        tags = self.tags(day)
        places = np.array([*(PROMOTIONS.index(name) for name in tags.names), -1])
        named = places[tags.named[side, style]]
        return np.asarray(np.where((named < 0) & coupon, PROMOTIONS.index(COUPON), named))

    def since(self, day: int) -> Array:
        """Return int64 (2, styles): the day since which today's price is valid; ask for days in order."""
        while self._upto < day:
            self._upto += 1
            changed = self.tags(self._upto).price != self.tags(self._upto - 1).price
            self._since = np.where(changed, self._upto, self._since)
        return self._since

    def answer(self, day: int) -> Array:
        """Return float32 (40, 6): the factor on purchases by elasticity step and category at today's prices."""
        if day not in self._answers:
            steps = (np.arange(STEPS) + 0.5) / STEP
            response = np.exp(-np.outer(steps, np.array(ELASTICITY) * self.log_ratio(day)))
            self._answers[day] = response.astype(np.float32)
        return self._answers[day]

    def log_ratio(self, day: int) -> Array:
        """Return float64 (6,): the mean logarithm of price over list price by category, over both sides."""
        a, weight = self.assortment, fits(self.assortment, self._date(day), day)
        cut = np.log(self.tags(day).price / a.list).mean(axis=0)
        total = np.bincount(a.category, weight, minlength=6)
        return np.asarray(np.bincount(a.category, weight * cut, minlength=6) / total)

    def weights(self, day: int, side: int) -> Array:
        """Return float64 (3, styles): weights within the category for each third of the people by elasticity."""
        a, price = self.assortment, self.tags(day).price[side]
        usual = np.bincount(a.category, a.list) / np.bincount(a.category)
        cheap, cut = np.log(price / usual[a.category]), np.log(price / a.list)
        e = np.array(ELASTICITY)[a.category]
        weight = fits(a, self._date(day), day)
        return np.asarray(weight * np.exp(-LEVELS[:, None] * e * cut - (LEVELS[:, None] - 0.9) * 0.8 * cheap))

    def _date(self, day: int) -> date:
        return self.start + timedelta(days=day)

    def _tag(self, day: int) -> Tags:
        a, plans = self.assortment, promotions(self._date(day), self.seed)
        depth, named = np.zeros((2, len(a.list))), np.full((2, len(a.list)), -1)
        names = (*(plan.name for plan in plans), CLEARANCE)
        for place, plan in enumerate(plans):
            better = ((a.category == plan.category) | (plan.category < 0)) & (plan.depth > depth[plan.side])
            depth[plan.side][better], named[plan.side][better] = plan.depth, place
        age = day - a.launch
        clearance = np.where((a.season == WHOLE_YEAR) | (age < 120), 0.0, np.where(age < 190, 0.3, 0.5))
        better = clearance > depth
        depth, named = np.where(better, clearance, depth), np.where(better, len(plans), named)
        cut = np.maximum(np.floor(a.list * (1 - depth) / 1000) * 1000 - 100, 900)
        return Tags(np.where(depth > 0, cut, a.list).astype(np.int64), named, names)


def promotions(day: date, seed: int) -> list[Promotion]:
    """Return the promotions of a date: national festivals, and an occasional category week."""
    active = []
    if day.month == 6 and day.day <= 20:
        active += [Promotion("618大促", 1, -1, 0.22), Promotion("年中庆", 0, -1, 0.12)]
    if day.month == 11 and day.day <= 11:
        active += [Promotion("双11", 1, -1, 0.28), Promotion("双11同庆", 0, -1, 0.15)]
    if day.month == 12 and 10 <= day.day <= 12:
        active += [Promotion("双12", 1, -1, 0.15)]
    if -21 <= calendar.to_new_year(day) <= -5:
        active += [Promotion("年货节", side, -1, 0.1) for side in (0, 1)]
    week = (day - date(2000, 1, 3)).days // 7
    if uniform(seed, "week", week)[0] < 0.6:
        category = int(scatter(seed, "week's category", week)[0] % np.uint64(6))
        depth = (0.1, 0.15, 0.2, 0.25)[int(pick((1, 1, 1, 1), uniform(seed, "week's depth", week))[0])]
        active += [Promotion(f"{CATEGORIES[category]}周", side, category, depth) for side in (0, 1)]
    return active
