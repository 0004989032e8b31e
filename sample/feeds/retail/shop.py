"""The Taobao-like shop: an order is sent again with every state change; the buyer is masked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.columns import Array
from sample.columns.chance import uniform
from sample.columns.groups import place_within
from sample.columns.strings import choose, join, lists, money, objects, quoted, times, when, whole
from sample.events.fulfilment import Changes, changes
from sample.facts import DayFacts
from sample.trade.orders import order_names
from sample.trade.pricing import PROMOTIONS
from sample.world import World
from sample.write import Out

CHANNEL = 1
STATES = ("WAIT_BUYER_PAY", "WAIT_SELLER_SEND_GOODS", "WAIT_BUYER_CONFIRM_GOODS", "TRADE_FINISHED", "TRADE_CLOSED")
FLAWS = (
    ("amount", "quarantined", "the payment is 待定"),
    ("cut off", "quarantined", "the line ends too early"),
    ("no sku", "quarantined", "outer_sku_id is null"),
)
SHARES = (0.0015, 0.001, 0.0015)
REPEATED = 0.002


def write(world: World, facts: DayFacts, out: Out) -> None:
    """Write the day's state changes, some flawed, some repeated."""
    updates = changes(world, facts, CHANNEL)
    if not len(updates.day):
        return
    tid = order_names(world, np.full(len(updates.day), CHANNEL), updates.day, updates.named)
    flaw, repeats = _flaws(world, facts, updates)
    rows = np.concatenate([np.arange(len(flaw)), repeats])
    lines = _lines(world, updates, tid, flaw)
    cut = pc.utf8_slice_codeunits(lines, 0, 120)
    lines = when(flaw == 1, cut, lines)
    out.jsonl("orders.jsonl", lines.take(pa.array(rows)))
    new = np.flatnonzero(updates.day == facts.day)
    first = new[np.unique(updates.named[new], return_index=True)[1]]
    out.records(tid.take(pa.array(first)), updates.person[first])
    marks = [(np.flatnonzero(flaw == kind), text) for kind, text in enumerate(FLAWS)]
    marks.append(
        (np.flatnonzero(updates.stale & (flaw < 0)), ("stale state", "accepted", "older than what was told before"))
    )
    for places, text in marks:
        out.flaws("orders.jsonl", places + 1, tid.take(pa.array(places)), *text)
    places = np.arange(len(flaw), len(rows))
    out.flaws("orders.jsonl", places + 1, tid.take(pa.array(repeats)), "repeat", "repaired", "the same line twice")


def _flaws(world: World, facts: DayFacts, updates: Changes) -> tuple[Array, Array]:
    """Return the flaw of each row (-1: none), and the indices of rows to repeat."""
    row = (updates.day, updates.named, updates.status, facts.day)
    flaw = np.searchsorted(np.cumsum(SHARES), uniform(world.seed, "shop flaw", *row), side="right").astype(int)
    flaw = np.where((flaw < len(SHARES)) & ~updates.stale, flaw, -1)
    repeats = (uniform(world.seed, "shop repeat", *row) < REPEATED) & (flaw < 0) & ~updates.stale
    return flaw, np.flatnonzero(repeats)


def _lines(world: World, updates: Changes, tid: Any, flaw: Array) -> Any:
    people, owner = world.people, np.repeat(np.arange(len(updates.day)), updates.counts)
    total = np.bincount(owner, updates.amount, len(updates.day)).astype(np.int64)
    nick, name = people.nick(updates.person), people.name(updates.person)
    masked = join(pc.utf8_slice_codeunits(nick, 0, 1), "**", pc.utf8_slice_codeunits(nick, -1))
    pay_time = when(updates.paid < 0, None, times(updates.day, np.maximum(updates.paid, 0), world.start))
    phone = people.masked(updates.person, updates.changed_day)
    return objects(
        {
            "tid": quoted(tid), "status": quoted(choose(STATES, updates.status)),
            "created": quoted(times(updates.day, updates.second, world.start)),
            "modified": quoted(times(updates.changed_day, updates.changed, world.start)), "pay_time": quoted(pay_time),
            "buyer_nick": quoted(masked), "buyer_ouid": quoted(people.ouid(updates.person)),
            "receiver_name": quoted(join(pc.utf8_slice_codeunits(name, 0, 1), "**")),
            "receiver_mobile": quoted(phone), "receiver_city": quoted(people.city_name(updates.person)),
            "payment": quoted(when(flaw == 0, "待定", money(total))),
            "orders": lists(_items(world, updates, tid, owner, flaw), updates.counts),
        }
    )  # fmt: skip


def _items(world: World, updates: Changes, tid: Any, owner: Array, flaw: Array) -> Any:
    place = place_within(updates.counts)
    sku = choose(world.assortment.code, updates.sku)
    return objects(
        {
            "oid": quoted(join(tid.take(pa.array(owner)), whole(place + 1))),
            "outer_sku_id": quoted(when((flaw[owner] == 2) & (place == 0), None, sku)),
            "num": whole(updates.quantity), "payment": quoted(money(updates.amount)),
            "refund_status": quoted(choose(("NO_REFUND", "SUCCESS"), updates.refunded.astype(int))),
            "discount_fee": quoted(money(updates.discount)),
            "promotion": quoted(choose(PROMOTIONS, updates.promotion)),
        }
    )  # fmt: skip
