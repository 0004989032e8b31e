"""The dealer business as the sales team's system reports it: outlets, their orders, and competitors' sales there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from sample.columns import Array
from sample.columns.chance import scatter, uniform
from sample.columns.groups import place_within
from sample.columns.strings import choose, dates, digits, join, money, same, whole
from sample.facts import DayFacts
from sample.retailer.outlets import (
    CARRIED,
    KINDS,
    SELL_IN,
    OutletPopulation,
    outlet_no,
    outlets,
)
from sample.retailer.places import names
from sample.retailer.words import CITIES, REGIONS, SURNAMES
from sample.world import World
from sample.write import Out

TITLES = ("好又多超市", "邻里便利", "贝贝母婴馆", "优品生活馆")
FIRMS = ("恒达", "鑫源", "众诚")
DEALER_PRICE = 0.55
# Brand, category, whether it replaces our goods or complements them, and its usual sales as a share of the outlet's.
RIVALS = (
    ("棉田记", "家纺", "rival", 0.8),
    ("素屿", "家居", "rival", 0.6),
    ("衣见", "女装", "rival", 0.5),
    ("小象宝贝", "母婴", "related", 0.7),
    ("洁万家", "日化", "related", 1.1),
)
RIVAL_PRICES = np.array([16_900, 5_900, 15_900, 8_900, 2_900])


def write_outlets(world: World, facts: DayFacts, out: Out) -> None:
    """Write all outlets on the first day and on the first of each month."""
    if facts.day and facts.date.day != 1:
        return
    drawn, start = outlets(world), world.start
    places = drawn.open(facts.day)
    kind, city = drawn.kind[places], drawn.city[places]
    owner = choose(SURNAMES, (scatter(world.seed, "owner", places) % np.uint64(len(SURNAMES))).astype(np.int64))
    columns = {
        "outlet_no": outlet_no(places),
        "name": join(choose(CITIES, city), "老", owner, choose(TITLES, kind)),
        "kind": choose(KINDS, kind),
        "city": choose(CITIES, city),
        "region": choose(REGIONS, city),
        "dealer": join(choose(CITIES, city), choose(FIRMS, drawn.dealer[places] % 3), "商贸"),
        "rep": rep(drawn, places),
        "opened_on": dates(drawn.opened[places], start),
    }
    out.csv("outlets.csv", pa.table(columns))


def rep(drawn: OutletPopulation, places: Array) -> Any:
    """Return the names of the outlets' sales representatives."""
    return names(drawn.seed, "rep", drawn.rep[places])


def write_sell_in(world: World, facts: DayFacts, out: Out) -> None:
    """Write the orders of outlets on their weekday; an abnormal outlet orders too much, too little, or nothing."""
    drawn, day = outlets(world), facts.day
    places = drawn.open(day)
    places = places[drawn.weekday[places] == facts.date.weekday()]
    if not len(places):
        return
    wrong = drawn.abnormal(day)[places]
    factor = np.where(wrong < 0, 1.0, np.array(SELL_IN)[wrong])
    draw = world.rng("sell in", day)
    mean = drawn.sales(day, world.start)[places] * factor * draw.lognormal(0, 0.12, len(places))
    quantity = draw.poisson(np.repeat(mean / CARRIED, CARRIED))
    outlet, sku = np.repeat(places, CARRIED), drawn.carried(day, world.assortment.live(day))[places].reshape(-1)
    # What a declining or sleeping outlet does not order any more is taken from what it would order.
    left = drawn.kept(day, (1.0, 0.0, 1.0))[outlet]
    quantity = np.where(left < 1, world.rng("sell in left", day).binomial(quantity, left), quantity)
    ordered = quantity > 0
    outlet, sku, quantity = outlet[ordered], sku[ordered], quantity[ordered]
    counts = np.bincount(np.searchsorted(places, outlet), minlength=len(places))
    line = place_within(counts) + 1
    price = (world.assortment.list[world.assortment.sku_style[sku]] * DEALER_PRICE).astype(np.int64)
    columns = {
        "order_no": join(same(f"X{facts.date:%y%m%d}", len(outlet)), digits(outlet + 1, 5)),
        "line_no": whole(line),
        "outlet_no": outlet_no(outlet),
        "sku": choose(world.assortment.code, sku),
        "quantity": whole(quantity),
        "amount": money(price * quantity),
        "ordered_on": same(str(facts.date), len(outlet)),
    }
    if len(outlet):
        out.csv("sell_in.csv", pa.table(columns))


def write_rivals(world: World, facts: DayFacts, out: Out) -> None:
    """Write on Mondays what other brands sold in each outlet during the week before."""
    if facts.date.weekday() or facts.day < 7:
        return
    drawn, many = outlets(world), len(RIVALS)
    open_ = drawn.open(facts.day - 7)
    places, brand = np.repeat(open_, many), np.tile(np.arange(many), len(open_))
    share = np.array([rival[3] for rival in RIVALS])[brand]
    liking = 0.5 + uniform(world.seed, "rival", places, brand)
    quantity = world.rng("rivals", facts.day).poisson(drawn.sales(facts.day - 7, world.start)[places] * share * liking)
    columns: dict[str, Any] = {
        "week_from": same(str(world.date(facts.day - 7)), len(places)),
        "outlet_no": outlet_no(places),
    }
    for place, name in enumerate(("brand", "category", "relation")):
        columns[name] = choose([str(rival[place]) for rival in RIVALS], brand)
    columns |= {"quantity": whole(quantity), "amount": money(quantity * RIVAL_PRICES[brand])}
    sold = pa.array(quantity > 0)
    out.csv("rivals.csv", pa.table(columns).filter(sold))
