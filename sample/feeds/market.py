"""The second marketplace: flat, one line for each order line and change of its state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from sample.chance import uniform
from sample.facts import Facts
from sample.fulfilment import CLOSED, FINISHED, PAID, SHIPPED, UNPAID, Changes, changes
from sample.groups import place_within
from sample.orders import order_names
from sample.strings import choose, money, objects, quoted, times, when, whole
from sample.world import World
from sample.write import Out

Array = np.ndarray[Any, np.dtype[Any]]
CHANNEL = 2
STATES = ("PAID", "SHIPPED", "FINISHED", "CANCELLED", "REFUNDED")
AMOUNT, REPEATED = 0.003, 0.005


def write(world: World, facts: Facts, out: Out) -> None:
    """Write the day's state changes of order lines; what is refunded is told once and no more."""
    told = changes(world, facts, CHANNEL)
    order, state = _states(told)
    kept = np.flatnonzero(state >= 0)
    order, place, state = order[kept], place_within(told.counts)[kept], state[kept]
    if not len(kept):
        return
    row = (told.day[order], told.named[order], place, state, facts.day)
    flaw = uniform(world.seed, "market flaw", *row) < AMOUNT
    again = np.flatnonzero((uniform(world.seed, "market repeat", *row) < REPEATED) & ~flaw)
    ids = order_names(world, np.full(len(order), CHANNEL), told.day[order], told.named[order])
    lines = _lines(world, told, kept, (order, place, state, flaw), ids)
    out.jsonl("orders.jsonl", pa.concat_arrays([lines, lines.take(pa.array(again))]))
    new = np.flatnonzero(told.day[order] == facts.day)
    first = new[np.unique(told.named[order[new]], return_index=True)[1]]
    out.records(ids.take(pa.array(first)), told.person[order[first]])
    bad, twice = np.flatnonzero(flaw), np.arange(len(lines), len(lines) + len(again))
    out.flaws("orders.jsonl", bad + 1, ids.take(pa.array(bad)), "amount", "quarantined", "the price is null")
    out.flaws("orders.jsonl", twice + 1, ids.take(pa.array(again)), "repeat", "repaired", "the same line twice")


def _states(told: Changes) -> tuple[Array, Array]:
    """Return by line its order's row, and its state (-1 when nothing is told of it)."""
    order = np.repeat(np.arange(len(told.day)), told.counts)
    ghost, status = told.named[order] != told.number[order], told.status[order]
    state = np.select([status == PAID, status == SHIPPED, status == FINISHED], [0, 1, 2], -1)
    state = np.where(ghost, np.where(status == UNPAID, 0, 3), state)
    state = np.where(told.stale[order], -1, state)
    today = told.today
    refund_row = np.bincount(order, today, len(told.day)) > 0
    state = np.where(refund_row[order] & (status > PAID) & ~ghost, np.where(today, 4, -1), state)
    state = np.where(told.refunded & ~today & ~ghost, -1, state)
    return order, np.where((status == CLOSED) & ~ghost & ~today, -1, state)


def _lines(world: World, told: Changes, line: Array, parts: tuple[Array, Array, Array, Array], ids: Any) -> Any:
    (order, place, state, flaw), people = parts, world.people
    person = told.person[order]
    return objects(
        {
            "orderId": quoted(ids), "line": whole(place + 1), "state": quoted(choose(STATES, state)),
            "orderTime": quoted(times(told.day[order], told.second[order], world.start)),
            "updateTime": quoted(times(told.changed_day[order], told.changed[order], world.start)),
            "pin": quoted(people.pin(person)), "mobile": quoted(people.masked(person, told.changed_day[order])),
            "city": quoted(people.city_name(person)), "skuId": quoted(choose(world.assortment.code, told.sku[line])),
            "qty": whole(told.quantity[line]), "price": when(flaw, "null", money(told.amount[line])),
        }
    )  # fmt: skip
