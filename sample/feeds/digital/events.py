"""Events of the mini-program and the website, as the collector writes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.columns import Array
from sample.columns.chance import pick, scatter, uniform
from sample.columns.strings import choose, join, lists, millis, money, objects, opaque, quoted, same, times, when, whole
from sample.events.browsing import KINDS, BrowsingEvents, events
from sample.events.campaigns import campaign_ids, credited
from sample.events.considering import looks
from sample.facts import DayFacts
from sample.retailer.outlets import outlet_no, outlet_of_orders
from sample.retailer.words import CATEGORIES, NOUNS
from sample.trade.orders import order_no
from sample.trade.pricing import PROMOTIONS
from sample.world import World
from sample.write import Out

SKEWED, REPEATED, NEXT_DAY, CUT = 0.008, 0.002, 0.004, 0.0008
PAGES = ("/product", "/search", "/cart", "/pay/done", "/product", "/store/scan")
PHONES = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 MicroMessenger/8.0.48",
    "Mozilla/5.0 (Linux; Android 14; V2309A) AppleWebKit/537.36 XWEB/1160117 MicroMessenger/8.0.47",
    "Mozilla/5.0 (Linux; Android 12; NOH-AN00) AppleWebKit/537.36 MicroMessenger/8.0.42",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/122.0 Safari/537.36",
)
BOT = "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)"
TEXTS = {
    "clock skew": ("repaired", "the client's clock is off by more than a day"),
    "bot": ("accepted", "a spider"),
    "repeat": ("repaired", "the same event twice"),
    "out of order": ("accepted", "arrives a day late"),
    "cut off": ("quarantined", "the line ends too early"),
}


def write(world: World, facts: DayFacts, out: Out) -> None:
    """Write the events that arrive today: today's except the late ones, and yesterday's late ones."""
    _write_looks(world, facts, out)
    parts = [_arrived(world, facts, late=False)]
    before = world.recent(facts.day - 1)
    if before is not None:
        parts.append(_arrived(world, before, late=True))
    ids, lines, skewed, bot, cut, late, person = (_stack([part[place] for part in parts]) for place in range(7))
    if not len(lines):
        return
    number = np.arange(len(lines))
    repeats = np.flatnonzero(
        (uniform(world.seed, "event repeat", number, facts.day) < REPEATED) & ~(skewed | bot | cut | late)
    )
    out.jsonl("events.jsonl", pa.concat_arrays([lines, lines.take(pa.array(repeats))]))
    out.records(ids, person)
    for kind, mask in (("clock skew", skewed), ("bot", bot), ("cut off", cut), ("out of order", late)):
        rows = np.flatnonzero(mask)
        out.flaws("events.jsonl", rows + 1, ids.take(pa.array(rows)), kind, *TEXTS[kind])
    out.flaws(
        "events.jsonl",
        len(lines) + 1 + np.arange(len(repeats)),
        ids.take(pa.array(repeats)),
        "repeat",
        *TEXTS["repeat"],
    )


def _write_looks(world: World, facts: DayFacts, out: Out) -> None:
    """Write looks before purchases and visits of people who were brought, as a collector of their own writes them."""
    stream = looks(world, facts)
    if not len(stream.kind):
        return
    stream = stream.take(np.lexsort((stream.place, stream.session, stream.second)))
    ids = join("lk", opaque(scatter(world.seed, "look", stream.session, stream.place, facts.day), 18, hexadecimal=True))
    out.jsonl("looks.jsonl", objects(_members(world, facts, stream, ids, np.zeros(len(ids), bool))))
    out.records(ids, stream.person)


def _stack(columns: list[Any]) -> Any:
    return np.concatenate(columns) if isinstance(columns[0], np.ndarray) else pa.concat_arrays(columns)


def _arrived(world: World, facts: DayFacts, late: bool) -> tuple[Any, ...]:
    """Return ids and lines; per line whether it is skewed, a bot's, cut off, late; and the persons."""
    stream = events(world, facts)
    bot = stream.person < 0
    behind = (uniform(world.seed, "late event", stream.session, stream.place, facts.day) < NEXT_DAY) & ~bot
    stream = stream.take(np.flatnonzero(behind == late))
    stream = stream.take(np.lexsort((stream.place, stream.session, stream.second)))
    bot, where = stream.person < 0, (stream.session, stream.place, facts.day)
    skewed = (uniform(world.seed, "skew", stream.session, facts.day) < SKEWED) & ~bot & (not late)
    cut = (uniform(world.seed, "cut event", *where) < CUT) & ~bot & ~skewed & (not late)
    ids = join("ev", opaque(scatter(world.seed, "event", *where), 18, hexadecimal=True))
    lines = objects(_members(world, facts, stream, ids, skewed))
    lines = when(cut, pc.utf8_slice_codeunits(lines, 0, 90), lines)
    return ids, lines, skewed, bot, cut, np.full(len(ids), late), stream.person


def _members(world: World, facts: DayFacts, stream: BrowsingEvents, ids: Any, skewed: Array) -> dict[str, Any]:
    people, day, rows = world.people, facts.day, len(ids)
    persons = np.maximum(stream.person, 0)
    logged_in = (stream.person >= 0) & (~stream.web)
    bound = logged_in & (world.joined[persons] <= day) & people.app[persons]
    sign = np.where(stream.session % 2 == 0, -1, 1)
    days = np.full(rows, day) + np.where(skewed, sign * (2 + stream.session % 400), 0)
    jitter = (scatter(world.seed, "ms", stream.session, stream.place, day) % np.uint64(1000)).astype(np.int64)
    received = join(
        pc.replace_substring(times(np.full(rows, day), stream.second + jitter // 400, world.start), " ", "T"), "+08:00"
    )
    openid = when(logged_in, people.openid(persons), None)
    agent = when(stream.person < 0, BOT, choose(PHONES, np.where(stream.web, 3, persons % 3)))
    device = when(
        stream.person >= 0,
        people.device(persons),
        opaque(scatter(world.seed, "bot device", stream.session), 24, hexadecimal=True),
    )
    return {
        "event_id": quoted(ids), "event": quoted(choose(KINDS, stream.kind)),
        "app": quoted(when(stream.web, "web", "mini_program")), "openid": quoted(openid),
        "unionid": when(logged_in, quoted(when(bound, people.unionid(persons), None)), None),
        "device_id": quoted(device), "at": whole(millis(days, stream.second, world.start) + jitter),
        "received_at": quoted(received), **_content(world, facts, stream), "ua": quoted(agent),
        "shared_by": _optional(stream.sharer >= 0, people.openid(np.maximum(stream.sharer, 0))),
    }  # fmt: skip


def _content(world: World, facts: DayFacts, stream: BrowsingEvents) -> dict[str, Any]:
    """Return an event's content as JSON members; members that its kind lacks are null."""
    baskets, paid = facts.baskets, np.flatnonzero(stream.basket >= 0)
    numbers = stream.basket[paid]
    place = np.full(len(stream.kind), -1)
    place[paid] = np.arange(len(paid))
    sku = choose(world.assortment.code, stream.sku)
    page = choose(PAGES, stream.kind)
    page = when(stream.sku >= 0, join(page, "/", sku), page)
    query = _queries(world, stream, facts.day)
    store = choose(world.stores.no, stream.store.astype(int))
    return {
        "page": quoted(page), "sku": _optional(stream.sku >= 0, sku), "query": _optional(stream.category >= 0, query),
        "amount": _placed(money(baskets.totals()[numbers]), place),
        "order_no": _placed(quoted(order_no(world, facts, numbers)), place),
        "items": _placed(_items(world, facts, numbers), place), "store": _optional(stream.store >= 0, store),
        **_origin(world, facts, numbers, place),
    }  # fmt: skip


def _queries(world: World, stream: BrowsingEvents, day: int) -> Any:
    words = [
        (category, NOUNS[category][season].split()[0]) for category in range(len(CATEGORIES)) for season in range(5)
    ]
    season = pick((1, 1, 1, 1, 1), uniform(world.seed, "query", stream.session, stream.place, day))
    return choose([word for _, word in words], np.where(stream.category >= 0, stream.category * 5 + season, -1))


def _items(world: World, facts: DayFacts, numbers: Array) -> Any:
    baskets = facts.baskets
    rows, counts = baskets.lines(numbers)
    items = objects(
        {
            "sku": quoted(choose(world.assortment.code, baskets.sku[rows])),
            "quantity": whole(baskets.quantity[rows]),
            "amount": money(baskets.amount[rows]),
            "discount": money(baskets.discount[rows]),
            "promotion": quoted(choose(PROMOTIONS, baskets.promotion[rows])),
        }
    )
    return lists(items, counts)


def _origin(world: World, facts: DayFacts, numbers: Array, place: Array) -> dict[str, Any]:
    """Return the campaign and the outlet of the orders that have one."""
    person = facts.baskets.person[numbers].astype(np.int64)
    campaign, outlet = credited(world, facts.day, person), outlet_of_orders(world, facts.day, numbers, person)
    by_campaign, at_outlet = (when(column < 0, None, text) for column, text in (
        (campaign, quoted(campaign_ids(campaign))), (outlet, quoted(outlet_no(np.maximum(outlet, 0))))))  # fmt: skip
    return {"campaign": _placed(by_campaign, place), "outlet_no": _placed(at_outlet, place)}


def _placed(texts: Any, places: Array) -> Any:
    return texts.take(pa.array(places, mask=places < 0)) if len(texts) else pa.nulls(len(places), pa.string())


def _optional(mask: Array, texts: Any) -> Any:
    """Return a JSON text where the mask holds; elsewhere the member is absent."""
    return when(mask, quoted(texts), None) if len(mask) else same("", 0)
