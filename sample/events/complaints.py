"""Complaints about purchases and returns: who complains, the text, and when each is handed on and closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sample.columns import Array
from sample.columns.chance import pick
from sample.events.agenda import due, plan
from sample.wording.texts import compose

if TYPE_CHECKING:
    from sample.facts import DayFacts
    from sample.world import World

CHANNELS = ("hotline", "shop", "wecom", "store", "12315")
STATUSES = ("open", "handed_on", "closed")
# Chances of a complaint about a return, and about a purchase WAITS days ago.
AFTER_RETURN, AFTER_PURCHASE, WAITS = 0.08, 0.006, 5
HANDED_ON, CLOSED, SPAM = 0.6, 0.92, 0.01
# Shares of the topics, in their order, for online orders and for store purchases.
ONLINE = (16, 12, 18, 8, 9, 8, 6, 5, 0, 16, 2)
STORE = (18, 8, 0, 9, 20, 2, 5, 8, 16, 12, 2)


def complain(world: World, facts: DayFacts) -> None:
    """Open the day's complaints, and put all rows that change today in `facts.extras` (a step)."""
    draw = world.rng("complaints", facts.day)
    day, basket = _cause(world, facts, draw)
    if len(day):
        _plan(world, facts.day, day, basket, draw)
    facts.extras["complaints"] = due(world, "complaints", facts.day)


def _cause(world: World, facts: DayFacts, draw: np.random.Generator) -> tuple[Array, Array]:
    """Return day and number of the baskets that are complained about today."""
    days, baskets = [], []
    chosen = np.flatnonzero(draw.random(len(facts.returns.day)) < AFTER_RETURN)
    for row in chosen:
        days.append(int(facts.returns.day[row]))
        bought = facts if days[-1] == facts.day else world.recent(days[-1])
        baskets.append(int(bought.baskets.basket[facts.returns.line[row]]) if bought else 0)
    before = world.recent(facts.day - WAITS)
    if before:
        many = np.flatnonzero(draw.random(len(before.baskets)) < AFTER_PURCHASE)
        days += [before.day] * len(many)
        baskets += many.tolist()
    return np.array(days, np.int64), np.array(baskets, np.int64)


def _plan(world: World, today: int, day: Array, basket: Array, draw: np.random.Generator) -> None:
    facts = {number: world.recent(int(number)) for number in np.unique(day)}
    columns = [
        (f.baskets.person[b], f.baskets.store[b]) if (f := facts[d]) else (-1, -1)
        for d, b in zip(day, basket, strict=True)
    ]
    person, store = (np.array(column, np.int64) for column in zip(*columns, strict=True))
    has_basket = person >= 0
    day, basket, person, store = day[has_basket], basket[has_basket], person[has_basket], store[has_basket]
    many = len(person)
    topic = np.where(store >= 0, pick(STORE, draw.random(many)), pick(ONLINE, draw.random(many)))
    texts = compose(draw, "complaint", topic, pick((0.03, 0.12, 0.85), draw.random(many)), SPAM)
    columns_of = {
        "number": np.arange(many), "opened": np.full(many, today), "person": person, "store": store,
        "bought": day, "basket": basket, "second": draw.integers(9 * 3600, 22 * 3600, many),
        "channel": _channel(store, draw),
        "text": np.array(texts.text.to_pylist(), object), "topic": np.array(texts.topics().to_pylist(), object),
        "mood": np.array(texts.moods().to_pylist(), object), "spam": texts.spam, "emoji": texts.emoji & ~texts.spam,
        "traditional": texts.traditional & ~texts.spam, "cites": draw.random(many) < 0.3,
    }  # fmt: skip
    handed, closed = draw.random(many) < HANDED_ON, draw.random(many) < CLOSED
    occurs = np.concatenate([np.ones(many, bool), handed, closed])
    when = np.concatenate([np.zeros(many, np.int64), draw.integers(1, 3, many), draw.integers(3, 10, many)])
    every = {key: np.tile(column, 3)[occurs] for key, column in columns_of.items()}
    every["status"] = np.repeat(np.arange(3), many)[occurs]
    plan(world, "complaints", today + when[occurs], every)


def _channel(store: Array, draw: np.random.Generator) -> Array:
    near, far = (pick(shares, draw.random(len(store))) for shares in ((5, 0, 2, 3, 0.3), (3, 5, 2, 0, 0.3)))
    return np.where(store >= 0, near, far)
