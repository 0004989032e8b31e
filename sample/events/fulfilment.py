"""State changes of online orders in the days after: paid, shipped, finished, refunded, or never paid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sample.columns import Array
from sample.columns.chance import scatter, uniform
from sample.facts import DayFacts
from sample.world import World

UNPAID, PAID, SHIPPED, FINISHED, CLOSED = range(5)
LONGEST = 18
SLOW_TO_PAY, GHOSTS, STALE = 0.09, 0.05, 0.004
# Added to a basket's number, it numbers the unpaid order that preceded that basket.
GHOST = 500_000


@dataclass
class Changes:
    """A row per order and state change reported today: `day` and `number` identify the order's basket.

    `named` is the order's number in the feed (differs from `number` for a ghost, an order never paid), `changed_day`
    and `changed` (second) when it changed, `paid` the second of payment on the order's day (-1: not yet), `stale`
    whether a newer state was already reported. Lines follow in the rows' order: `counts` per row, `sku`, `quantity`,
    `amount`, `discount`, `promotion`, `refunded` (by now), `today` (refunded today).
    """

    day: Array
    number: Array
    named: Array
    person: Array
    second: Array
    status: Array
    changed_day: Array
    changed: Array
    paid: Array
    stale: Array
    counts: Array
    sku: Array
    quantity: Array
    amount: Array
    discount: Array
    promotion: Array
    refunded: Array
    today: Array


@dataclass
class _Orders:
    """The orders of the last days: order columns, and line columns from `first` on."""

    day: Array
    number: Array
    person: Array
    second: Array
    counts: Array
    first: Array
    sku: Array
    quantity: Array
    amount: Array
    discount: Array
    promotion: Array
    back: Array


def changes(world: World, facts: DayFacts, channel: int) -> Changes:
    """Return a channel's state changes of a day, for today's and earlier orders, by time of change."""
    orders = _gather(world, facts.day, channel)
    after = facts.day - orders.day
    index, status, ghost, stale = _events(world, orders, after)
    paid = (
        orders.second + 20 + (scatter(world.seed, "pays", orders.number, orders.day) % np.uint64(580)).astype(np.int64)
    )
    paid = np.minimum(paid, 86_399)[index]
    day, second = orders.day[index], np.maximum(orders.second[index] - 900 * ghost, 0)
    later = 30_000 + (
        scatter(world.seed, "changes", orders.number[index], day, after[index], status) % np.uint64(50_000)
    ).astype(np.int64)
    changed = np.where(status == UNPAID, second, np.where(status == PAID, paid, later))
    order = np.lexsort((status, day, orders.number[index], changed))
    index, status, ghost, stale = index[order], status[order], ghost[order], stale[order]
    rows, counts = _line_rows(orders, index)
    back, ago = orders.back[rows], np.repeat(after[index], counts)
    refundable = np.repeat((status > PAID) & ~ghost, counts) & (back > 0)
    return Changes(
        day=day[order], number=orders.number[index], named=orders.number[index] + GHOST * ghost,
        person=orders.person[index], second=second[order], status=status,
        changed_day=np.where(status <= PAID, day[order], facts.day), changed=changed[order],
        paid=np.where((status == UNPAID) | ghost, -1, paid[order]), stale=stale, counts=counts, sku=orders.sku[rows],
        quantity=orders.quantity[rows], amount=orders.amount[rows], discount=orders.discount[rows],
        promotion=orders.promotion[rows],
        refunded=refundable & (back <= ago), today=refundable & (back == ago),
    )  # fmt: skip


def _gather(world: World, day: int, channel: int) -> _Orders:
    past_days = [past for past in (world.recent(day - after) for after in range(LONGEST + 1)) if past is not None]
    numbers = [past.baskets.of(channel) for past in past_days]
    lines = [past.baskets.lines(some) for past, some in zip(past_days, numbers, strict=True)]
    counts = np.concatenate([some for _, some in lines])
    heads = [
        np.concatenate([getattr(past.baskets, name)[some] for past, some in zip(past_days, numbers, strict=True)])
        for name in ("person", "second")
    ]
    columns = [
        np.concatenate([getattr(past.baskets, name)[rows] for past, (rows, _) in zip(past_days, lines, strict=True)])
        for name in ("sku", "quantity", "amount", "discount", "promotion", "back_after")
    ]
    days = np.repeat([past.day for past in past_days], [len(some) for some in numbers])
    person, second = (head.astype(np.int64) for head in heads)
    return _Orders(days, np.concatenate(numbers), person, second, counts, np.cumsum(counts) - counts, *columns)


def _line_rows(orders: _Orders, index: Array) -> tuple[Array, Array]:
    counts = orders.counts[index]
    return np.repeat(orders.first[index] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum()), counts


def _events(world: World, orders: _Orders, after: Array) -> tuple[Array, Array, Array, Array]:
    """Return per change reported today: its order, the status, whether it is a ghost's, and whether it is stale."""
    names = ("ship", "finish", "ghost", "stale")
    chances = [uniform(world.seed, f"order {name}", orders.number, orders.day) for name in names]
    ship = 1 + (chances[0] < 0.3)
    finish = ship + 3 + (chances[1] * 6).astype(int)
    owner = np.repeat(np.arange(len(after)), orders.counts)
    line_refunded = (orders.back > 0) & (orders.back <= after[owner])
    order_refunded = np.bincount(owner, line_refunded, len(after)) == orders.counts
    back_today = (np.bincount(owner, orders.back == after[owner], len(after)) > 0) & (after > 0)
    left = np.where(order_refunded, CLOSED, np.where(finish <= after, FINISHED, SHIPPED))
    new, ghost = after == 0, chances[2] < GHOSTS
    # Once an order is refunded completely, or partly today, no other state is reported.
    open_ = ~order_refunded & ~back_today
    kinds = [
        (new & (chances[0] > 1 - SLOW_TO_PAY), UNPAID, False, False), (new, PAID, False, False),
        ((ship == after) & open_, SHIPPED, False, False), ((finish == after) & open_, FINISHED, False, False),
        (new & ghost, UNPAID, True, False), ((after == 1) & ghost, CLOSED, True, False),
        ((ship == after - 1) & (chances[3] < STALE), PAID, False, True), (back_today, left, False, False),
    ]  # fmt: skip
    places = [np.flatnonzero(mask) for mask, *_ in kinds]
    sizes = [len(some) for some in places]
    index = np.concatenate(places)
    status = [np.broadcast_to(np.asarray(kind[1]), len(after))[some] for kind, some in zip(kinds, places, strict=True)]
    flags = [np.repeat([kind[place] for kind in kinds], sizes).astype(bool) for place in (2, 3)]
    return index, np.concatenate(status), flags[0], flags[1]
