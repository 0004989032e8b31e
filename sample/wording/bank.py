"""All phrases in one flat array, with an index by kind, topic and mood."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sample.wording.clauses import MOODS, clauses, details, english
from sample.wording.phrases import (
    EMOJI,
    ENDS_AGENT,
    ENDS_CHAT,
    ENDS_COMPLAINT,
    ENDS_REVIEW,
    JOINS,
    OPENS_AGENT,
    OPENS_CHAT,
    OPENS_COMPLAINT,
    OPENS_REVIEW,
    SIMPLE,
    SPAM_BODIES,
    SPAM_LINKS,
    SPAM_NAMES,
    SPAM_OPENS,
    TRADITIONAL,
    TYPOS,
)
from sample.wording.spread import spread
from sample.wording.topics import TOPIC_NAMES

Ints = npt.NDArray[np.int64]
# Kinds of text; callers ask for one of the first four, the last two occur at random.
KINDS = ("review", "ask", "answer", "complaint", "english", "spam")
SLOTS = ("open", "clause", "detail", "end")
OPENS = {"review": OPENS_REVIEW, "ask": OPENS_CHAT, "complaint": OPENS_COMPLAINT}
ENDS = {"review": ENDS_REVIEW, "ask": ENDS_CHAT, "complaint": ENDS_COMPLAINT}
PLAIN, TRADITIONAL_SIGNS = 0, 1


@dataclass(frozen=True)
class Bank:
    """The phrases once per variant (plain, traditional signs, typos ...), each variant `size` long.

    `where` gives first index and count for a slot, kind, topic and mood; `joints` and `emoji` for a mood alone.
    """

    phrases: pa.StringArray
    size: int
    where: dict[str, Ints]
    joints: Ints
    emoji: Ints


class _Shelf:
    """Collects groups of phrases, stores each group once, and returns its index."""

    def __init__(self) -> None:
        self.flat: list[str] = [""]
        self.known: dict[tuple[str, ...], tuple[int, int]] = {(): (0, 1), ("",): (0, 1)}

    def put(self, phrases: Iterable[str]) -> tuple[int, int]:
        group = tuple(phrases)
        if group not in self.known:
            self.known[group] = (len(self.flat), len(group))
            self.flat.extend(group)
        return self.known[group]


@lru_cache(maxsize=1)
def bank() -> Bank:
    """Return the phrases, built at the first use (a tenth of a second)."""
    shelf = _Shelf()
    where = {slot: _table(shelf, slot) for slot in SLOTS}
    same, turn = (shelf.put(JOINS[name].split("|")) for name in ("same", "turn"))
    names = shelf.put(spread(SPAM_NAMES.split("|")))
    joints = np.array([(0, 1), same, turn, names], dtype=np.int64)
    emoji = np.array([shelf.put(EMOJI[mood].split()) for mood in MOODS], dtype=np.int64)
    return Bank(pa.array(_variants(shelf.flat)), len(shelf.flat), where, joints, emoji)


def _table(shelf: _Shelf, slot: str) -> Ints:
    cells = [
        [[shelf.put(_group(slot, kind, topic, mood)) for mood in MOODS] for topic in TOPIC_NAMES] for kind in KINDS
    ]
    return np.array(cells, dtype=np.int64)


def _group(slot: str, kind: str, topic: str, mood: str) -> list[str]:
    if kind == "spam":
        return {"open": SPAM_OPENS.split("|"), "end": spread(SPAM_LINKS.split("|"))}.get(
            slot, spread(SPAM_BODIES.split("|"))
        )
    if kind == "english":
        return english(slot, topic, mood)
    if slot == "open":
        return (OPENS_AGENT if kind == "answer" else OPENS[kind][mood]).split("|")
    if slot == "end":
        return (ENDS_AGENT if kind == "answer" else ENDS[kind][mood]).split("|")
    is_detail = kind == "answer" or (kind == "ask" and mood == "neutral")
    return details(kind, topic, mood) if slot == "detail" or is_detail else clauses(topic, mood)


def _variants(flat: list[str]) -> list[str]:
    signs = str.maketrans(SIMPLE, TRADITIONAL)
    every = [*flat, *(phrase.translate(signs) for phrase in flat)]
    for slips in TYPOS:
        every += [_with_typos(phrase, slips) for phrase in flat]
    return every


def _with_typos(phrase: str, slips: dict[str, str]) -> str:
    for right, wrong in slips.items():
        phrase = phrase.replace(right, wrong)
    return phrase
