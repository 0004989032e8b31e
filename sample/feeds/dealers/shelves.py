"""Observations at the outlets: representatives' shelf checks, and product codes scanned by buyers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from sample.columns import Array
from sample.columns.chance import scatter, uniform
from sample.columns.strings import choose, digits, join, lists, objects, opaque, quoted, same, times, when, whole
from sample.facts import DayFacts
from sample.feeds.dealers.outlets import rep
from sample.retailer.outlets import (
    CARRIED,
    DIVERSION,
    OUT_OF_STOCK,
    OVERSTOCKED,
    SLEEPING,
    SLOW,
    TOO_BAD,
    outlet_no,
    outlets,
)
from sample.retailer.words import CITIES
from sample.world import World
from sample.write import Out

EVERY = 14
NOTES = (
    "",
    "",
    "",
    "陈列整齐",
    "竞品做堆头",
    "价签缺失",
    "货架灰尘多",
    "店主要求补货",
    "有临期品",
    "已补陈列",
    "端架被占",
    "促销员在岗",
)
SCANNED = 0.3
# An abnormal outlet's scans as a multiple of a usual one's, and the share of them in other cities.
SCANS, AWAY, AWAY_DIVERTED = {DIVERSION: 3.0, TOO_BAD: 0.5, OUT_OF_STOCK: 0.0}, 0.02, 0.75
KNOWN_SCANNER = 0.4
# An overstocked outlet's stock as a multiple of a usual one's.
PILE = 6


def write_checks(world: World, facts: DayFacts, out: Out) -> None:
    """Write the visits to the outlets whose turn it is, every two weeks."""
    drawn, day = outlets(world), facts.day
    places = drawn.open(day)
    places = places[(scatter(world.seed, "check", places) % np.uint64(EVERY)).astype(np.int64) == day % EVERY]
    if not len(places):
        return
    draw, wrong = world.rng("shelf", day), drawn.abnormal(day)[places]
    empty = np.repeat(wrong == OUT_OF_STOCK, CARRIED)
    usual = np.repeat(drawn.sales(day, world.start)[places] / CARRIED * 1.4, CARRIED)
    stock = np.where(empty, 0, draw.poisson(usual) + 1)
    stock = np.where(np.repeat(drawn.fated(day)[places] == OVERSTOCKED, CARRIED), stock * PILE, stock)
    stock = np.where(np.repeat(drawn.fated(day)[places] == SLEEPING, CARRIED), np.minimum(stock, 1), stock)
    facings = np.where(empty, 0, 1 + np.minimum(stock // 4, 5))
    sku = drawn.carried(day, world.assortment.live(day))[places].reshape(-1)
    sold = choose(world.assortment.code, sku)
    items = objects({"sku": quoted(sold), "stock": whole(stock), "facings": whole(facings)})
    share = draw.beta(6, 14, len(places)) * np.select([wrong == TOO_BAD, wrong == OUT_OF_STOCK], [0.35, 0.0], 1.0)
    note = np.where(wrong == OUT_OF_STOCK, 7, draw.integers(len(NOTES), size=len(places)))
    seconds = draw.integers(9 * 3600, 18 * 3600, len(places))
    columns = {
        "visit_id": quoted(join(same(f"V{facts.date:%y%m%d}", len(places)), digits(places + 1, 5))),
        "outlet_no": quoted(outlet_no(places)),
        "visited_at": quoted(times(np.full(len(places), day), seconds, world.start)),
        "rep": quoted(rep(drawn, places)),
        "shelf_share": join("0.", digits((share * 1000).astype(np.int64), 3)),
        "items": lists(items, np.full(len(places), CARRIED)),
        "note": quoted(choose(NOTES, note)),
    }
    out.jsonl("visits.jsonl", objects(columns))


def write_scans(world: World, facts: DayFacts, out: Out) -> None:
    """Write the day's scans; `outlet_no` is where we delivered the item, `city` where it is now."""
    drawn, day = outlets(world), facts.day
    places, draw = drawn.open(day), world.rng("scans", day)
    wrong = drawn.abnormal(day)[places]
    factor = np.select([wrong == kind for kind in SCANS], list(SCANS.values()), 1.0)
    many = draw.poisson(drawn.sales(day, world.start)[places] / 7 * SCANNED * factor)
    outlet, diverted = np.repeat(places, many), np.repeat(wrong == DIVERSION, many)
    if not len(outlet):
        return
    away = draw.random(len(outlet)) < np.where(diverted, AWAY_DIVERTED, AWAY)
    city = np.where(
        away, (drawn.city[outlet] + draw.integers(1, len(CITIES), len(outlet))) % len(CITIES), drawn.city[outlet]
    )
    person = _scanners(world, city, draw)
    goods = drawn.carried(day, world.assortment.live(day))
    sku = goods[outlet, draw.integers(CARRIED, size=len(outlet))]
    number = np.arange(len(outlet))
    keys = join(same(f"Q{facts.date:%y%m%d}", len(outlet)), digits(number, 6))
    openid = when(person >= 0, world.people.openid(np.maximum(person, 0)), None)
    columns = {
        "scan_id": quoted(keys),
        "code": quoted(opaque(scatter(world.seed, "code", number, day), 16, hexadecimal=True)),
        "sku": quoted(choose(world.assortment.code, sku)),
        "outlet_no": quoted(outlet_no(outlet)),
        "city": quoted(choose(CITIES, city)),
        "openid": quoted(openid),
        "at": quoted(times(np.full(len(outlet), day), draw.integers(8 * 3600, 86_000, len(outlet)), world.start)),
    }
    # A fated outlet sells less: some of the scans that it would have are left out.
    left = uniform(world.seed, "scan left", number, day) < drawn.kept(day, (1.0, 0.0, SLOW))[outlet]
    if left.any():
        out.jsonl("scans.jsonl", objects(columns).filter(pa.array(left)))
        out.records(keys.filter(pa.array(left)), person[left])


def _scanners(world: World, city: Array, draw: np.random.Generator) -> Array:
    """Return who scans: an app user of the city, or -1 for an unknown person."""
    order = world.extras.get("app people by city")
    if order is None:
        users = np.flatnonzero(world.people.app)
        order = world.extras["app people by city"] = users[np.argsort(world.people.city[users], kind="stable")]
    ends = np.searchsorted(world.people.city[order], np.arange(len(CITIES) + 1))
    many = ends[city + 1] - ends[city]
    chosen = ends[city] + (draw.random(len(city)) * many).astype(np.int64)
    identified = (draw.random(len(city)) < KNOWN_SCANNER) & (many > 0)
    return np.where(identified, order[np.minimum(chosen, len(order) - 1)], -1)
