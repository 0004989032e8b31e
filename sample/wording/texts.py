"""Generates customers' texts: many surface forms for a kind, topic and mood, built as whole columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sample.wording.bank import KINDS, TRADITIONAL_SIGNS, Bank, bank
from sample.wording.clauses import MOODS
from sample.wording.phrases import TRADITIONAL, TYPOS
from sample.wording.topics import TOPIC_NAMES

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

ENGLISH_SHARE, TRADITIONAL_SHARE, TYPO_SHARE, EMOJI_SHARE = 0.03, 0.02, 0.15, 0.18
# This share has a clause of the opposite mood ("but the courier was slow"): no single word gives the mood away.
TURN_SHARE, SECOND_SHARE, DETAIL_SHARE = 0.24, 0.55, 0.45
# This share has a beginning, end and emoji of no mood; and this one of the opposite mood: irony.
CALM_SHARE, IRONY_SHARE = 0.5, 0.05


@dataclass(frozen=True)
class Texts:
    """Texts and their labels, all of one length; topics and moods as indices into TOPIC_NAMES and MOODS."""

    text: pa.StringArray
    topic: Ints
    mood: Ints
    spam: Bools
    traditional: Bools
    emoji: Bools

    def topics(self) -> pa.StringArray:
        """Return the topics by name, empty for spam."""
        names = pa.array([*TOPIC_NAMES, ""])
        return names.take(pa.array(np.where(self.spam, len(TOPIC_NAMES), self.topic)))

    def moods(self) -> pa.StringArray:
        """Return the moods by name; spam is neutral."""
        return pa.array(MOODS).take(pa.array(np.where(self.spam, 1, self.mood)))


def compose(rng: np.random.Generator, kind: str, topic: Ints, mood: Ints, spam_share: float = 0.0) -> Texts:
    """Return one text per topic and mood, of the kind `review`, `ask`, `answer` or `complaint`."""
    chance = rng.random((13, len(topic)))
    spam = chance[0] < spam_share
    foreign = (chance[0] > 1 - ENGLISH_SHARE) & (kind != "answer")
    kinds = np.select([spam, foreign], [KINDS.index("spam"), KINDS.index("english")], KINDS.index(kind))
    traditional = (chance[1] < TRADITIONAL_SHARE) & ~foreign & (kind != "answer")
    emoji = (chance[2] < EMOJI_SHARE) & (kind != "answer")
    variant = _variant(chance[1], traditional, kind)
    text = _assembled(bank(), kinds, topic, mood, variant, emoji, chance[3:])
    return Texts(text, topic, mood, spam, traditional & _shows(text), emoji)


def _shows(text: pa.StringArray) -> Bools:
    """Return a mask of texts with a traditional character: a short text may have none that differs."""
    return np.asarray(pc.match_substring_regex(text, f"[{TRADITIONAL}]"))


def _variant(chance: Floats, traditional: Bools, kind: str) -> Ints:
    typo = 2 + ((1 - chance) / TYPO_SHARE * len(TYPOS)).astype(np.int64)
    slips = (chance > 1 - TYPO_SHARE) & (kind != "answer")
    return np.select([traditional, slips], [np.int64(TRADITIONAL_SIGNS), typo], 0)


def _assembled(
    store: Bank, kinds: Ints, topic: Ints, mood: Ints, variant: Ints, emoji: Bools, chance: Floats
) -> pa.StringArray:
    spam, answer = kinds == KINDS.index("spam"), kinds == KINDS.index("answer")
    english = kinds == KINDS.index("english")
    second = (chance[0] < SECOND_SHARE) & ~spam & ~english & ~answer
    turn = second & (chance[0] < TURN_SHARE) & (mood != 1)
    joint = np.select([spam, turn, second], [3, 2, 1], 0)
    other_topic = np.where(turn, (topic + 1 + (chance[1] * 10).astype(np.int64)) % len(TOPIC_NAMES), topic)
    other_mood = np.where(turn, 2 - mood, mood)
    tone = np.select([chance[8] < CALM_SHARE, chance[8] > 1 - IRONY_SHARE], [1, 2 - mood], mood)
    places = [
        _place(store.where["open"][kinds, topic, tone], chance[2]),
        _clause(store, kinds, topic, mood, chance[3]),
        _place(store.joints[joint], chance[4]),
        _clause(store, kinds, other_topic, other_mood, 1 - chance[5]) * second,
        _place(store.where["end"][kinds, topic, tone], chance[6]),
        _place(store.emoji[tone], chance[7]) * emoji,
    ]
    parts = [store.phrases.take(pa.array(place + variant * store.size)) for place in places]
    return pc.binary_join_element_wise(*parts, "")


def _clause(store: Bank, kinds: Ints, topic: Ints, mood: Ints, chance: Floats) -> Ints:
    """Return the index of a clause: an event where `chance` is below DETAIL_SHARE, else a plain judgement."""
    happened = chance < DETAIL_SHARE
    fine = np.where(happened, chance / DETAIL_SHARE, (chance - DETAIL_SHARE) / (1 - DETAIL_SHARE))
    cells = [store.where[slot][kinds, topic, mood] for slot in ("detail", "clause")]
    return _place(np.where(happened[:, None], cells[0], cells[1]), fine)


def _place(cells: Ints, chance: Floats) -> Ints:
    return cells[:, 0] + np.minimum((chance * cells[:, 1]).astype(np.int64), cells[:, 1] - 1)
