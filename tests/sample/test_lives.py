"""Purchases look realistic, and the truth about future purchases is calibrated."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from sample.trade import lives
from sample.trade.calendar import season, to_new_year
from sample.world import World

START = date(2024, 1, 1)


@pytest.fixture(scope="module")
def year():
    """A world of 6,000 people after 400 days, with its purchases: arrays over baskets."""
    world, parts = World(6000, START, 5), []
    for day in range(400):
        baskets = world.advance(day).baskets
        lines = np.diff(baskets.first)
        many = np.full(len(baskets), day)
        parts.append(np.stack([many, baskets.person, baskets.channel, baskets.second, lines, baskets.totals()]))
    names = ("day", "person", "channel", "second", "lines", "fen")
    return world, dict(zip(names, np.concatenate(parts, axis=1), strict=True))


def test_a_fifth_of_the_buyers_spend_most_of_the_value(year):
    _, baskets = year
    mine = baskets["person"] >= 0
    spent = np.bincount(baskets["person"][mine], baskets["fen"][mine])
    spent = np.sort(spent[spent > 0])[::-1]
    assert 0.55 <= spent[: len(spent) // 5].sum() / spent.sum() <= 0.70


def test_most_buyers_return_and_baskets_are_small(year):
    _, baskets = year
    orders = np.bincount(baskets["person"][baskets["person"] >= 0])
    assert 0.5 <= (orders > 1).sum() / (orders > 0).sum() <= 0.85
    assert 1.5 <= baskets["lines"].mean() <= 2.2


def test_purchases_follow_the_profiles_of_week_and_hours(year):
    _, baskets = year
    weekday = (baskets["day"] + START.weekday()) % 7
    store, online = baskets["channel"] == 0, baskets["channel"] > 0
    assert (weekday[store] >= 5).mean() > 0.4 > 0.36 > (weekday[online] >= 5).mean()
    hour = baskets["second"] // 3600
    assert ((hour >= 15) & (hour < 20))[store].mean() > 0.45
    assert (hour[store] >= 10).all()
    assert (hour[online] >= 20).mean() > 0.3


def test_festivals_paydays_and_new_year_change_demand(year):
    _, baskets = year
    online = np.bincount(baskets["day"][baskets["channel"] > 0], minlength=400)
    usual = np.median(online)
    for festival in (date(2024, 6, 18), date(2024, 11, 11), date(2024, 12, 12)):
        assert online[(festival - START).days] > 1.6 * usual
    lull = [(date(2024, 2, 10) - START).days + day for day in range(6)]
    assert online[lull].mean() < 0.4 * usual
    assert season(date(2024, 5, 15)) > 1.15 * season(date(2024, 5, 8))
    assert to_new_year(date(2024, 2, 12)) == 2


@pytest.mark.parametrize("first", [45, 200])
def test_the_purchase_probability_of_90_days_is_calibrated(first):
    world = World(12_000, START, first)
    for day in range(first):
        world.advance(day)
    chance = lives.buy_probability(world, first, lives.WINDOW, np.arange(12_000))
    state = world.state.copy()
    for day in range(first, first + lives.WINDOW):
        world.advance(day)
    bought = world.last >= first
    assert abs(chance.mean() - bought.mean()) < 0.012
    for part in np.array_split(np.argsort(chance), 8):
        assert abs(chance[part].mean() - bought[part].mean()) < 0.04
    for place in (lives.FIRST, lives.HABIT, lives.DRIFT, lives.GONE):
        in_state = state == place
        error = 4 * np.sqrt((chance[in_state] * (1 - chance[in_state])).sum()) / in_state.sum()
        assert abs(chance[in_state].mean() - bought[in_state].mean()) < error + 0.02


def test_stock_balances_with_sales_returns_and_deliveries():
    world = World(2000, START, 9)
    supply = world.supply
    for day in range(150):
        before = supply.stock.sum() + supply.transit[1:].sum()
        lines = supply.lines
        arriving = lines["quantity"][(lines["arrives"] == day) & ~lines["cancelled"]].sum()
        facts = world.advance(day)
        back = sum(
            world.recent(int(then)).baskets.quantity[line]
            for then, line in zip(facts.returns.day, facts.returns.line, strict=True)
        )
        after = supply.stock.sum() + supply.transit[1:].sum()
        assert after == before + arriving + back - facts.baskets.quantity.sum()
        assert supply.stock.min() >= 0


def test_items_run_out_of_stock_and_old_seasons_are_cleared(year):
    world, _ = year
    live = world.assortment.live(world.day)
    empty = world.supply.stock[1:, live][world.supply.carried[1:, live]] == 0
    assert 0.02 < empty.mean() < 0.35
    age = world.day - world.assortment.launch
    old = (world.assortment.season < 4) & (age > 200) & (world.assortment.end > world.day)
    price = world.pricing.tags(world.day).price[0]
    assert old.any()
    assert (price[old] <= 0.55 * world.assortment.list[old]).all()
