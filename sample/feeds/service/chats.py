"""Customer-service chats before and after online orders, one row per turn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from sample.columns import Array
from sample.columns.chance import pick
from sample.columns.groups import place_within
from sample.columns.strings import choose, digits, join, objects, quoted, same, times, when, whole
from sample.facts import DayFacts
from sample.feeds.service.written import tell_signs
from sample.trade.calendar import MALL, SHOP
from sample.wording.texts import compose
from sample.wording.topics import TOPIC_NAMES
from sample.world import World
from sample.write import Out

AGENTS = ("客服小美", "客服阿杰", "客服豆豆", "客服安安", "客服小北", "智能客服")
# Days after an order (0: before paying), and the share of its buyers who write on that day.
WRITES = {0: 0.07, 1: 0.02, 3: 0.04, 5: 0.03}
BEFORE = (8, 22, 12, 18, 4, 4, 10, 12, 4, 3, 6)
AFTER = (10, 8, 30, 8, 8, 5, 4, 3, 2, 22, 1)
MOODS, MOODS_AFTER = (0.12, 0.8, 0.08), (0.1, 0.4, 0.5)
SPAM = 0.01


def write(world: World, facts: DayFacts, out: Out) -> None:
    """Write the day's chats; customer and agent take turns."""
    draw = world.rng("chats", facts.day)
    persons, channel, after = _writers(world, facts, draw)
    if not len(persons):
        return
    talks = len(persons)
    turns = 2 * (1 + draw.geometric(0.55, talks).clip(1, 5))
    chat, turn = np.repeat(np.arange(talks), turns), place_within(turns)
    customer = turn % 2 == 0
    topic = np.where(after, pick(AFTER, draw.random(talks)), pick(BEFORE, draw.random(talks)))[chat]
    topic = np.where(
        customer & (turn > 0) & (draw.random(len(chat)) < 0.2), draw.integers(len(TOPIC_NAMES), size=len(chat)), topic
    )
    mood = np.where(after, pick(MOODS_AFTER, draw.random(talks)), pick(MOODS, draw.random(talks)))[chat]
    asks = compose(draw, "ask", topic, mood, SPAM)
    answers = compose(draw, "answer", topic, mood)
    start, gaps = draw.integers(9 * 3600, 23 * 3600, talks)[chat], turn * draw.integers(15, 75, talks)[chat]
    keys = join(same(f"CH{facts.date:%y%m%d}", len(chat)), digits(chat + 1, 6))
    person = persons[chat]
    columns = {
        "chat_id": quoted(keys),
        "turn": whole(turn + 1),
        "speaker": quoted(choose(("agent", "customer"), customer.astype(np.int64))),
        "text": quoted(when(customer, asks.text, answers.text)),
        "at": quoted(times(np.full(len(chat), facts.day), start + gaps, world.start)),
        **_who(world, facts.day, person, channel[chat]),
        "agent": quoted(choose(AGENTS, draw.integers(len(AGENTS), size=talks)[chat])),
    }
    out.jsonl("chats.jsonl", objects(columns))
    _record_truth(out, keys, turn, customer, person, asks)


def _writers(world: World, facts: DayFacts, draw: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return who writes, through which channel, and whether about an order of theirs."""
    persons, channels, after = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, bool)]
    for wait, share in WRITES.items():
        before = world.recent(facts.day - wait)
        if before is None:
            continue
        person = before.baskets.person
        chosen = np.flatnonzero((draw.random(len(person)) < share) & (person >= 0))
        persons.append(person[chosen])
        channels.append(before.baskets.channel[chosen])
        after.append(np.full(len(chosen), wait > 0))
    return np.concatenate(persons).astype(np.int64), np.concatenate(channels), np.concatenate(after)


def _who(world: World, day: int, person: Array, channel: Array) -> dict[str, Any]:
    """Return the customer's id in the channel; the ids of the other channels are left out."""
    people, shop, mall = world.people, channel == SHOP, channel == MALL
    return {
        "ouid": when(shop, quoted(people.ouid(person)), None),
        "openid": when(mall, quoted(people.openid(person)), None),
        "mobile": when(shop | mall, None, quoted(people.phone(person, day))),
    }


def _record_truth(out: Out, keys: Any, turn: Array, customer: Array, person: Array, asks: Any) -> None:
    first, said = np.flatnonzero(turn == 0), pa.array(np.flatnonzero(customer))
    out.records(keys.take(pa.array(first)), person[first])
    lines = join(keys, "-", whole(turn + 1))
    spam = pa.array(asks.spam)
    out.texts(lines.take(said), asks.topics().take(said), asks.moods().take(said), spam.take(said))
    signs = {"emoji": asks.emoji, "traditional": asks.traditional, "spam": asks.spam}
    tell_signs(out, "chats.jsonl", lines, {name: which & customer for name, which in signs.items()})
