"""The second marketplace: flat, one row per order line and state change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from sample.columns import Array
from sample.columns.chance import uniform
from sample.columns.groups import place_within
from sample.columns.strings import choose, money, objects, quoted, times, when, whole
from sample.events.fulfilment import CLOSED, FINISHED, PAID, SHIPPED, UNPAID, Changes, changes
from sample.facts import DayFacts
from sample.trade.orders import order_names
from sample.trade.pricing import PROMOTIONS
from sample.world import World
from sample.write import Out

CHANNEL = 2
STATES = ("PAID", "SHIPPED", "FINISHED", "CANCELLED", "REFUNDED")
AMOUNT, REPEATED = 0.003, 0.005


def write(world: World, facts: DayFacts, out: Out) -> None:
    """Write the day's state changes of order lines; a refunded line is reported once and never again."""
    updates = changes(world, facts, CHANNEL)
    order, state = _states(updates)
    reported = np.flatnonzero(state >= 0)
    order, place, state = order[reported], place_within(updates.counts)[reported], state[reported]
    if not len(reported):
        return
    row = (updates.day[order], updates.named[order], place, state, facts.day)
    flaw = uniform(world.seed, "market flaw", *row) < AMOUNT
    repeats = np.flatnonzero((uniform(world.seed, "market repeat", *row) < REPEATED) & ~flaw)
    ids = order_names(world, np.full(len(order), CHANNEL), updates.day[order], updates.named[order])
    lines = _lines(world, updates, reported, (order, place, state, flaw), ids)
    out.jsonl("orders.jsonl", pa.concat_arrays([lines, lines.take(pa.array(repeats))]))
    new = np.flatnonzero(updates.day[order] == facts.day)
    first = new[np.unique(updates.named[order[new]], return_index=True)[1]]
    out.records(ids.take(pa.array(first)), updates.person[order[first]])
    bad, twice = np.flatnonzero(flaw), np.arange(len(lines), len(lines) + len(repeats))
    out.flaws("orders.jsonl", bad + 1, ids.take(pa.array(bad)), "amount", "quarantined", "the price is null")
    out.flaws("orders.jsonl", twice + 1, ids.take(pa.array(repeats)), "repeat", "repaired", "the same line twice")


def _states(updates: Changes) -> tuple[Array, Array]:
    """Return the order's row of each line, and the line's state (-1: not reported)."""
    order = np.repeat(np.arange(len(updates.day)), updates.counts)
    ghost, status = updates.named[order] != updates.number[order], updates.status[order]
    state = np.select([status == PAID, status == SHIPPED, status == FINISHED], [0, 1, 2], -1)
    state = np.where(ghost, np.where(status == UNPAID, 0, 3), state)
    state = np.where(updates.stale[order], -1, state)
    today = updates.today
    refund_row = np.bincount(order, today, len(updates.day)) > 0
    state = np.where(refund_row[order] & (status > PAID) & ~ghost, np.where(today, 4, -1), state)
    state = np.where(updates.refunded & ~today & ~ghost, -1, state)
    return order, np.where((status == CLOSED) & ~ghost & ~today, -1, state)


def _lines(world: World, updates: Changes, line: Array, parts: tuple[Array, Array, Array, Array], ids: Any) -> Any:
    (order, place, state, flaw), people = parts, world.people
    person = updates.person[order]
    return objects(
        {
            "orderId": quoted(ids), "line": whole(place + 1), "state": quoted(choose(STATES, state)),
            "orderTime": quoted(times(updates.day[order], updates.second[order], world.start)),
            "updateTime": quoted(times(updates.changed_day[order], updates.changed[order], world.start)),
            "pin": quoted(people.pin(person)), "mobile": quoted(people.masked(person, updates.changed_day[order])),
            "city": quoted(people.city_name(person)), "skuId": quoted(choose(world.assortment.code, updates.sku[line])),
            "qty": whole(updates.quantity[line]), "price": when(flaw, "null", money(updates.amount[line])),
            "discount": money(updates.discount[line]),
            "promotion": quoted(choose(PROMOTIONS, updates.promotion[line])),
        }
    )  # fmt: skip
