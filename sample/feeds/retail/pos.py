"""The tills: receipts by store and day, returns as their own receipts, and the flaws of cashiers and networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.columns import Array
from sample.columns.chance import uniform
from sample.columns.groups import place_within
from sample.columns.strings import choose, digits, join, money, same, times, when, whole
from sample.events.campaigns import campaign_ids, credited
from sample.facts import DayFacts
from sample.retailer.places import COMMA_STORE, LATE_BY, LATE_STORE
from sample.trade.orders import receipt_no
from sample.trade.pricing import PROMOTIONS
from sample.world import World
from sample.write import Out

HEADER = (
    "receipt_no,line_no,sold_at,store_no,guide,card_no,mobile,item_code,quantity,amount,original_receipt,"
    "discount,promotion,campaign"
)
DUMMY_PHONE = "13800000000"
CARD, PHONE_TOO, PHONE_INSTEAD, OLD_CARD = 0.9, 0.12, 0.35, 0.5
# Shares of receipts, then of lines, with a flaw.
DUMMY, STORE_PHONE, DOUBLE, DOUBLE_NEXT = 0.008, 0.006, 0.003, 0.001
AMOUNT, NO_ITEM, SURPLUS, UNKNOWN = 0.002, 0.002, 0.0015, 0.0015
RETURNS = 70_000


@dataclass
class Till:
    """A day's lines as the tills send them, ordered by store, with the truth about each line.

    `flaw` and `mobile` are indices into LINE_FLAWS and PHONE_FLAWS (-1: none); `number` is the basket's or return's.
    """

    lines: Any
    keys: Any
    store: Array
    person: Array
    flaw: Array
    mobile: Array
    number: Array

    def take(self, rows: Array) -> Till:
        """Return some of the lines."""
        at = pa.array(rows, pa.int64())
        columns = (self.store, self.person, self.flaw, self.mobile, self.number)
        return Till(self.lines.take(at), self.keys.take(at), *(column[rows] for column in columns))


LINE_FLAWS = (
    ("amount", "quarantined", "the amount is N/A"),
    ("item_code", "quarantined", "no item code"),
    ("surplus field", "quarantined", "one field too many"),
    ("unknown item", "accepted", "the item is not in the master"),
)
PHONE_FLAWS = (
    ("dummy phone", "accepted", "the cashier typed 13800000000"),
    ("store phone", "accepted", "the cashier typed the store's own phone"),
)


def write(world: World, facts: DayFacts, out: Out) -> None:
    """Write a file per store; the late store's file is of three days ago."""
    others = np.flatnonzero(np.arange(len(world.stores)) != LATE_STORE)
    _files(world, facts, out, others, "")
    late = world.recent(facts.day - LATE_BY)
    if late is not None:
        _files(world, late, out, np.array([LATE_STORE]), f"-{late.date}")


def _files(world: World, facts: DayFacts, out: Out, stores: Array, ending: str) -> None:
    till, repeats = _with_repeats(world, facts, stores)
    bounds = np.searchsorted(till.store, np.arange(len(world.stores) + 1))
    paths = [f"{no}{ending}.csv" for no in world.stores.no.to_pylist()]
    for store in np.flatnonzero(np.diff(bounds)):
        out.lines(paths[store], till.lines.slice(bounds[store], bounds[store + 1] - bounds[store]), HEADER)
        if store == COMMA_STORE:
            out.flaws(paths[store], 0, "", "comma decimal", "repaired", "amounts as 128,50")
        if store == LATE_STORE:
            out.flaws(paths[store], 0, "", "late file", "accepted", f"lies {LATE_BY} days late")
    flaw_masks = [(till.flaw == kind, flaw) for kind, flaw in enumerate(LINE_FLAWS)]
    flaw_masks += [(till.mobile == kind, flaw) for kind, flaw in enumerate(PHONE_FLAWS)]
    for mask, flaw in [*flaw_masks, (repeats, ("duplicate receipt", "repaired", "the receipt is there twice"))]:
        rows = np.flatnonzero(mask)
        files = choose(paths, till.store[rows])
        out.flaws(files, rows - bounds[till.store[rows]] + 1, till.keys.take(pa.array(rows)), *flaw)
    once = np.flatnonzero((np.diff(till.number, prepend=-1) != 0) & ~repeats)
    out.records(till.keys.take(pa.array(once)), till.person[once])


def _with_repeats(world: World, facts: DayFacts, stores: Array) -> tuple[Till, Array]:
    """Return the lines, including receipts sent twice (today's and the day before's), and a mask of the repeats."""
    till = ring_up(world, facts, stores)
    spoiled = np.isin(till.number, till.number[(till.flaw >= 0) | (till.mobile >= 0)])
    parts = [till, till.take(np.flatnonzero(_twice(world, facts, till.number, "double", DOUBLE) & ~spoiled))]
    before = world.recent(facts.day - 1)
    if before is not None:
        parts.append(_repeats_of_yesterday(world, before, stores))
    repeats = np.repeat([False, True, True][: len(parts)], [len(part.lines) for part in parts])
    order = np.argsort(np.concatenate([part.store for part in parts]), kind="stable")
    return _stack(parts).take(order), repeats[order]


def _repeats_of_yesterday(world: World, before: DayFacts, stores: Array) -> Till:
    numbers = before.baskets.of(0)
    numbers = numbers[np.isin(before.baskets.store[numbers], stores)]
    numbers = numbers[_twice(world, before, numbers, "double next", DOUBLE_NEXT)]
    till = _with_flaws(world, before, _sales(world, before, numbers))
    spoiled = np.isin(till.number, till.number[(till.flaw >= 0) | (till.mobile >= 0)])
    return till.take(np.flatnonzero(~spoiled))


def _stack(parts: list[Till]) -> Till:
    columns = [[getattr(part, name) for part in parts] for name in ("store", "person", "flaw", "mobile", "number")]
    return Till(
        pa.concat_arrays([part.lines for part in parts]),
        pa.concat_arrays([part.keys for part in parts]),
        *(np.concatenate(column) for column in columns),
    )


def _twice(world: World, facts: DayFacts, number: Array, purpose: str, share: float) -> Array:
    """Return a mask of receipts to send twice; callers leave out flawed ones, so that each row has one expectation."""
    return np.asarray(uniform(world.seed, f"pos {purpose}", number, facts.day) < share)


def ring_up(world: World, facts: DayFacts, stores: Array) -> Till:
    """Return the lines of some stores on a day: sales, then returns."""
    numbers = facts.baskets.of(0)
    sales = _sales(world, facts, numbers[np.isin(facts.baskets.store[numbers], stores)])
    back = _returns(world, facts, stores)
    columns = {name: _concatenated(sales[name], back[name]) for name in sales}
    till = _with_flaws(world, facts, columns)
    return till.take(np.argsort(till.store, kind="stable"))


def _concatenated(left: Any, right: Any) -> Any:
    return np.concatenate([left, right]) if isinstance(left, np.ndarray) else pa.concat_arrays([left, right])


def _sales(world: World, facts: DayFacts, numbers: Array) -> dict[str, Any]:
    baskets = facts.baskets
    rows, counts = baskets.lines(numbers)
    basket = np.repeat(numbers, counts)
    place = place_within(counts)
    receipt = receipt_no(facts, basket)
    return {
        "number": basket, "store": baskets.store[basket].astype(np.int64),
        "person": baskets.person[basket].astype(np.int64), "place": place,
        "receipt": receipt, "second": baskets.second[basket], "sku": baskets.sku[rows],
        "quantity": baskets.quantity[rows], "amount": baskets.amount[rows], "original": same("", len(rows)),
        "discount": baskets.discount[rows], "promotion": baskets.promotion[rows],
        "campaign": credited(world, facts.day, baskets.person[basket].astype(np.int64)),
    }  # fmt: skip


def _returns(world: World, facts: DayFacts, stores: Array) -> dict[str, Any]:
    """Return the returned lines, with one new receipt per original receipt."""
    sale_days = [(world.recent(int(before)), facts.returns.day == before) for before in np.unique(facts.returns.day)]
    parts = [_returned(sales, facts.returns.line[mask], stores) for sales, mask in sale_days if sales is not None]
    names = ("basket", "store", "person", "sku", "quantity", "amount", "discount", "promotion")
    rows = {
        name: np.concatenate([np.zeros(0, np.int64), *(part[name] for part in parts)]).astype(np.int64)
        for name in names
    }
    original = pa.concat_arrays([same("", 0), *(part["original"] for part in parts)])
    order = np.lexsort((rows["basket"], rows["store"]))
    rows, original = {name: column[order] for name, column in rows.items()}, original.take(pa.array(order))
    new = np.diff(rows["basket"], prepend=-1) != 0
    receipt = np.cumsum(new) - 1
    begins = np.flatnonzero(new)[receipt]
    number = RETURNS + receipt - receipt[np.searchsorted(rows["store"], rows["store"])]
    return {
        "number": number, "store": rows["store"], "person": rows["person"], "place": np.arange(len(new)) - begins,
        "receipt": join(same(f"{facts.date:%y%m%d}", len(number)), digits(number, 5)),
        "second": 36_000 + (rows["basket"] * 7919) % 36_000, "sku": rows["sku"],
        "quantity": -rows["quantity"], "amount": -rows["amount"], "original": original,
        "discount": -rows["discount"], "promotion": rows["promotion"], "campaign": np.full(len(number), -1),
    }  # fmt: skip


def _returned(sales: DayFacts, rows: Array, stores: Array) -> dict[str, Any]:
    baskets = sales.baskets
    rows = rows[np.isin(baskets.store[baskets.basket[rows]], stores)]
    basket = baskets.basket[rows]
    return {
        "basket": basket + sales.day * 1_000_000, "store": baskets.store[basket], "person": baskets.person[basket],
        "sku": baskets.sku[rows], "quantity": baskets.quantity[rows], "amount": baskets.amount[rows],
        "discount": baskets.discount[rows], "promotion": baskets.promotion[rows],
        "original": receipt_no(sales, basket),
    }  # fmt: skip


def _with_flaws(world: World, facts: DayFacts, columns: dict[str, Any]) -> Till:
    number, store = columns["number"], columns["store"]
    by_line = uniform(world.seed, "pos line", number, columns["place"], facts.day, store)
    flaw = np.searchsorted(np.cumsum([AMOUNT, NO_ITEM, SURPLUS, UNKNOWN]), by_line, side="right")
    flaw = np.where(flaw < len(LINE_FLAWS), flaw, -1)
    card, mobile, phone_flaw = _card_and_mobile(world, facts, store, number, columns["person"])
    amount = when(flaw == 0, "N/A", _money(columns["amount"], store))
    guide = world.staff.guide(store, number % 4, facts.day)
    item = choose(world.assortment.code, columns["sku"])
    item = when(flaw == 1, "", when(flaw == 3, join("X", pc.utf8_slice_codeunits(item, 1)), item))
    shop = choose(world.stores.no, store)
    sold_at = times(np.full(len(number), facts.day), columns["second"], world.start)
    head = [columns["receipt"], whole(columns["place"] + 1), sold_at, shop, choose(world.staff.no, guide)]
    promotion, campaign = choose(PROMOTIONS, columns["promotion"]), columns["campaign"]
    tail = [_money(columns["discount"], store), promotion, when(campaign < 0, "", campaign_ids(campaign))]
    lines = join(*head, card, mobile, item, whole(columns["quantity"]), amount, columns["original"], *tail, between=",")
    keys = join(shop, columns["receipt"], between="-")
    return Till(when(flaw == 2, join(lines, ",促销"), lines), keys, store, columns["person"], flaw, phone_flaw, number)


def _money(fen: Array, store: Array) -> Any:
    """Return amounts as the tills of the stores write them."""
    amount = money(fen)
    return when(store == COMMA_STORE, join('"', pc.replace_substring(amount, ".", ","), '"'), amount)


def _card_and_mobile(
    world: World, facts: DayFacts, store: Array, number: Array, person: Array
) -> tuple[Any, Any, Array]:
    """Return card and mobile that each line shows at the till, and the mobile's index into PHONE_FLAWS (-1: none)."""
    people, day = world.people, facts.day
    chances = [uniform(world.seed, f"pos {name}", number, day, store) for name in ("card", "mobile", "old", "typed")]
    index = np.maximum(person, 0)
    member = (person >= 0) & (world.joined[index] <= day)
    shows = member & (chances[0] < CARD)
    second = (world.joined[index] + people.second_card[index] <= day) & (chances[2] < OLD_CARD)
    card = when(shows, people.member_no(index, second), "")
    tells = (person >= 0) & (
        chances[1] < np.where(shows, PHONE_TOO, np.where(member, 2 * PHONE_INSTEAD, PHONE_INSTEAD))
    )
    phone_flaw = np.where(chances[3] < DUMMY, 0, np.where(chances[3] < DUMMY + STORE_PHONE, 1, -1))
    own = when(tells, people.phone(index, day), "")
    mobile = when(phone_flaw == 0, DUMMY_PHONE, when(phone_flaw == 1, choose(world.stores.phone, store), own))
    return card, mobile, phone_flaw
