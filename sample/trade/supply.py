"""Stock by location and SKU: sales, returns, transfers to stores, purchases, production, and leftovers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from sample.columns import Array
from sample.columns.chance import rng, uniform
from sample.retailer.assortment import SHARES, WHOLE_YEAR, Assortment
from sample.retailer.places import StoreNetwork
from sample.trade import calendar

LINES = np.dtype(
    [("made", "i4"), ("category", "i2"), ("line", "i4"), ("sku", "i4"), ("quantity", "i4"),
     ("due", "i4"), ("arrives", "i4"), ("cancelled", "?")]
)  # fmt: skip
ORDER_DAY, COVER, ROUND_TRIP = 2, 100, 62
MOVE_DAYS, LEAD_TO_LAUNCH = 2, 45
SMOOTH = 0.06
# How long the system still lists a closed order.
LISTED = 7


@dataclass
class Supply:
    """Location 0 is the warehouse W01, which also serves all online sales; store s is location s + 1.

    `stock`, `transit` (locations, SKUs) in pieces; `speed` in pieces a day as the planners estimate it; `carried`
    which SKUs a location has in its range; `lines` the purchase and production orders (categories 0 and 1 come from
    own factories).
    """

    seed: int
    assortment: Assortment
    stock: Array
    transit: Array
    speed: Array
    carried: Array
    first_speed: Array
    lines: Array
    moves: dict[int, tuple[Array, Array, Array]]
    sold: Array

    def take(self, location: Array, sku: Array, quantity: Array, second: Array) -> Array:
        """Deduct the requested quantities, first come first served; return a mask of the lines that were in stock."""
        key = location * self.stock.shape[1] + sku
        order = np.lexsort((second, key))
        ordered, demand = key[order], np.where(sku[order] >= 0, quantity[order], 0)
        total = np.cumsum(demand)
        starts = np.searchsorted(ordered, ordered, side="left")
        upto = total - np.where(starts > 0, total[starts - 1], 0)
        got = np.empty(len(key), bool)
        got[order] = upto <= self.stock.reshape(-1)[np.maximum(ordered, 0)]
        got &= sku >= 0
        np.subtract.at(self.stock, (location[got], sku[got]), quantity[got])
        np.add.at(self.sold, (location[got], sku[got]), quantity[got])
        return got

    def give_back(self, location: Array, sku: Array, quantity: Array) -> None:
        """Put returned goods back in stock."""
        np.add.at(self.stock, (location, sku), quantity)

    def morning(self, day: int) -> None:
        """Receive the day's deliveries."""
        if day in self.moves:
            location, sku, quantity = self.moves.pop(day)
            np.add.at(self.stock, (location, sku), quantity)
            np.subtract.at(self.transit, (location, sku), quantity)
        arrivals = self.lines[(self.lines["arrives"] == day) & ~self.lines["cancelled"]]
        np.add.at(self.stock[0], arrivals["sku"], arrivals["quantity"])
        np.subtract.at(self.transit[0], arrivals["sku"], arrivals["quantity"])
        self.lines = self.lines[self.lines["arrives"] > day - LISTED]

    def evening(self, day: int, date: date) -> None:
        """Update demand from the day's sales, replenish the stores, and order once a week."""
        a = self.assortment
        # An empty shelf sells nothing, and so shows nothing about demand.
        had_stock = (self.stock > 0) | (self.sold > 0)
        self.speed += np.where(had_stock, SMOOTH, 0) * (self.sold / calendar.season(date) - self.speed)
        self.sold[:] = 0
        fresh = (a.launch[a.sku_style] == day + 1) | (a.launch[a.sku_style] == day + 1 + LEAD_TO_LAUNCH)
        self.speed[:, fresh] = self.first_speed[:, fresh]
        self._fill_up(day)
        launching = np.flatnonzero(a.launch[a.sku_style] == day + LEAD_TO_LAUNCH)
        if len(launching):
            self._order(day, launching, self.first_speed[:, launching].sum(axis=0) * COVER, LEAD_TO_LAUNCH - 4)
        if day % 7 == ORDER_DAY:
            self._order_again(day)

    def _fill_up(self, day: int) -> None:
        live = self.assortment.live(day + 1)
        position = self.stock[1:, live] + self.transit[1:, live]
        speed = np.where(self.carried[1:, live], self.speed[1:, live], 0)
        target = np.where(self.carried[1:, live], np.ceil(speed * 18 + 2 * np.sqrt(speed) + 1), 0)
        demand = np.where(position <= speed * 9 + np.sqrt(speed) + 0.3, np.maximum(target - position, 0), 0)
        allowed = np.maximum(self.stock[0, live] * 0.6, 0)
        share = np.minimum(1, allowed / np.maximum(demand.sum(axis=0), 1))
        sent = np.floor(demand * share + 1e-9).astype(np.int64)
        store, place = np.nonzero(sent)
        quantity, sku = sent[store, place], live[place]
        np.subtract.at(self.stock[0], sku, quantity)
        np.add.at(self.transit, (store + 1, sku), quantity)
        self.moves[day + MOVE_DAYS] = (store + 1, sku, quantity)

    def _order_again(self, day: int) -> None:
        a = self.assortment
        live = a.live(day)
        style = a.sku_style[live]
        live = live[(a.season[style] == WHOLE_YEAR) | (day - a.launch[style] < 130)]
        speed = self.speed[:, live].sum(axis=0)
        position = self.stock[:, live].sum(axis=0) + self.transit[0, live]
        short = position < speed * ROUND_TRIP
        self._order(day, live[short], (speed * COVER - position)[short], 0)

    def _order(self, day: int, sku: Array, quantity: Array, lead: int) -> None:
        draw = rng(self.seed, "orders", day, lead)
        category = self.assortment.category[self.assortment.sku_style[sku]]
        order = np.argsort(category, kind="stable")
        lines = np.zeros(len(sku), LINES)
        lines["made"], lines["category"], lines["sku"] = day, category[order], sku[order]
        lines["line"] = np.arange(len(sku)) - np.searchsorted(lines["category"], lines["category"]) + 1
        lines["quantity"] = np.maximum(np.ceil(quantity[order] / 5) * 5, 10)
        lead_time: Array = np.full(len(sku), lead) if lead else draw.integers(16, 30, size=6)[lines["category"]]
        late: Array = np.where(draw.random(6) < 0.25, draw.integers(2, 12, size=6), 0)[lines["category"]]
        lines["due"] = day + lead_time
        lines["arrives"] = lines["due"] + (0 if lead else late)
        lines["cancelled"] = (draw.random(len(sku)) < 0.02) & (lead == 0)
        np.add.at(self.transit[0], lines["sku"][~lines["cancelled"]], lines["quantity"][~lines["cancelled"]])
        self.lines = np.concatenate([self.lines, lines])


def open_supply(
    assortment: Assortment, stores: StoreNetwork, start: date, seed: int, lines_a_day: float, online: float
) -> Supply:
    """Return the stock of the first morning, planned for `lines_a_day` order lines, a share of them online."""
    a, places, count = assortment, len(stores) + 1, len(assortment.sku_style)
    shares = np.concatenate([[online], stores.weight * (1 - online)])
    speed = np.outer(shares, _forecast_shares(a, start, seed) * lines_a_day)
    style_carried = uniform(seed, "carried", np.arange(places)[:, None], np.arange(len(a.list))[None, :])
    carried = (
        style_carried[:, a.sku_style]
        < (0.42 + 0.25 * stores.area[np.maximum(np.arange(places) - 1, 0)] / stores.area.max())[:, None]
    )
    carried[0] = True
    live = np.isin(np.arange(count), a.live(0))
    old = (a.season[a.sku_style] != WHOLE_YEAR) & (a.launch[a.sku_style] < -80)
    stock = np.where(live & carried, np.ceil(speed * np.where(old, 14, 24)[None, :] + 1), 0).astype(np.int64)
    stock[0] += np.where(live, np.ceil(speed.sum(axis=0) * np.where(old, 20, 75)), 0).astype(np.int64)
    return Supply(
        seed=seed, assortment=a, stock=stock, transit=np.zeros((places, count), np.int64),
        speed=np.where(live, speed, 0.0), carried=carried, first_speed=speed, lines=np.zeros(0, LINES),
        moves={}, sold=np.zeros((places, count), np.int64),
    )  # fmt: skip


def _forecast_shares(a: Assortment, start: date, seed: int) -> Array:
    """Return each SKU's forecast share of all lines; errors by style make some run out and leave others over."""
    err = rng(seed, "forecast").lognormal(0, 0.4, len(a.list))
    on = (a.launch <= 0) & (a.end > 0)
    fit = np.where(a.season == WHOLE_YEAR, 0.6, 0.75)
    at_once = np.bincount(a.category[on], (a.pop * fit)[on], minlength=6)
    style = a.pop * fit * err / at_once[a.category] * np.array(SHARES)[a.category]
    return np.asarray(style[a.sku_style] * a.share)
