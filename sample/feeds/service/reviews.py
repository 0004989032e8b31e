"""Reviews of items ordered some days before in the web shop and the mini-program."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from sample.columns import Array
from sample.columns.chance import pick, uniform
from sample.columns.strings import choose, digits, join, objects, quoted, same, times, when, whole
from sample.facts import DayFacts
from sample.feeds.service.written import tell_signs
from sample.trade.calendar import MALL, SHOP
from sample.trade.orders import order_no
from sample.wording.texts import compose
from sample.world import World
from sample.write import Out

REVIEWED, FIRST, LAST = 0.28, 3, 15
# Who returns an item seldom praises it.
MOODS, MOODS_RETURNED = (0.72, 0.13, 0.15), (0.08, 0.22, 0.7)
TOPICS = (20, 14, 12, 10, 6, 7, 10, 12, 0, 2, 4)
TOPICS_RETURNED = (22, 26, 8, 6, 5, 4, 14, 10, 0, 10, 1)
STARS = ((0, 0, 0.02, 0.18, 0.8), (0.02, 0.1, 0.6, 0.22, 0.06), (0.6, 0.25, 0.1, 0.02, 0.03))
SPAM = 0.02


def write(world: World, facts: DayFacts, out: Out) -> None:
    """Write today's reviews of lines bought FIRST to LAST days ago."""
    parts = [part for wait in range(FIRST, LAST) if (part := _reviewed(world, facts.day, wait)) is not None]
    if not parts:
        return
    order, sku = (pa.concat_arrays([part[place] for part in parts]) for place in (0, 1))
    persons, shop, back = (np.concatenate([part[place] for part in parts]) for place in (2, 3, 4))
    many, draw = len(persons), world.rng("reviews", facts.day)
    mood = np.where(back, pick(MOODS_RETURNED, draw.random(many)), pick(MOODS, draw.random(many)))
    topic = np.where(back, pick(TOPICS_RETURNED, draw.random(many)), pick(TOPICS, draw.random(many)))
    texts = compose(draw, "review", topic, mood, SPAM)
    chance = draw.random(many)
    stars = np.choose(mood, [pick(shares, chance) for shares in STARS]) + 1
    keys = join(same(f"R{facts.date:%y%m%d}", many), digits(np.arange(many), 6))
    columns = {
        "review_id": quoted(keys),
        "order_no": quoted(order),
        "sku": quoted(sku),
        "ouid": when(shop, quoted(world.people.ouid(persons)), None),
        "openid": when(shop, None, quoted(world.people.openid(persons))),
        "stars": whole(np.where(texts.spam, 5, stars)),
        "text": quoted(texts.text),
        "at": quoted(times(np.full(many, facts.day), draw.integers(0, 86_400, many), world.start)),
        "images": whole(np.where(draw.random(many) < 0.25, draw.integers(1, 7, many), 0)),
    }
    out.jsonl("reviews.jsonl", objects(columns))
    out.records(keys, persons)
    out.texts(keys, texts.topics(), texts.moods(), pa.array(texts.spam))
    tell_signs(out, "reviews.jsonl", keys, {"emoji": texts.emoji, "traditional": texts.traditional, "spam": texts.spam})


def _reviewed(world: World, day: int, wait: int) -> tuple[Any, Any, Array, Array, Array] | None:
    """Return order numbers, items, persons, whether from the shop, and whether returned, of lines due for a review."""
    facts = world.recent(day - wait)
    if facts is None:
        return None
    baskets = facts.baskets
    channel = baskets.channel[baskets.basket]
    chance = uniform(world.seed, "reviewed", np.arange(len(channel)), facts.day) / REVIEWED * (LAST - FIRST)
    rows = np.flatnonzero(((channel == SHOP) | (channel == MALL)) & (chance.astype(np.int64) == wait - FIRST))
    if not len(rows):
        return None
    numbers = baskets.basket[rows]
    sku = choose(world.assortment.code, baskets.sku[rows])
    back = (baskets.back_after[rows] > 0) & (baskets.back_after[rows] <= wait)
    return order_no(world, facts, numbers), sku, baskets.person[numbers], channel[rows] == SHOP, back
