"""How a text sounds, in Latin letters."""

from __future__ import annotations

import functools


@functools.lru_cache(maxsize=200_000)
def roman(text: str) -> str:
    """The sound of a text in Latin letters: pinyin without tones for Chinese characters, the rest as it is."""
    if text.isascii():
        return text
    from pypinyin import lazy_pinyin

    return "".join(lazy_pinyin(text))
