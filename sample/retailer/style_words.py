"""Words for the style of goods, of which each style has one or two, and of which each person prefers one or two."""

from __future__ import annotations

from typing import Any

import numpy as np

from sample.columns import Array
from sample.columns.chance import uniform
from sample.columns.strings import choose
from sample.retailer.words import STYLE_WORDS

# Share with two words; fewer, since both may be the same.
TWO_WORDS = 0.5
MANY = len(STYLE_WORDS)


def drawn_words(seed: int, whose: str, index: Array, many: Array | int = MANY) -> Array:
    """Return uint8 (rows,): one or two bits of the first `many` of STYLE_WORDS."""
    one, other = (1 << (uniform(seed, whose, index, nth) * many).astype(int) for nth in (1, 2))
    both = uniform(seed, whose, index) < TWO_WORDS
    return np.asarray(np.where(both, one | other, one).astype(np.uint8))


def words_text(bits: Array) -> Any:
    """Return style words with 、 between them, `法式、通勤`."""
    masks = range(1 << MANY)
    texts = ["、".join(word for place, word in enumerate(STYLE_WORDS) if mask >> place & 1) for mask in masks]
    return choose(texts, np.asarray(bits).astype(int))
