"""Whether two names may be one person's: whole names, single words, one part alone, titles and masks."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from jobs.unify.matching import names

Array = np.ndarray[Any, Any]
# What the lowest two bits of a name's number say: a whole name in parts, one word, or a part of a name.
WHOLE, WORD, PART = 0, 1, 3


class Name(NamedTuple):
    """What a record tells of a name: `texts` in each order of its parts; or its beginning and end, a title's sex."""

    texts: tuple[str, ...] = ()
    start: str = ""
    end: str = ""
    sex: str = ""

    @property
    def form(self) -> int:
        """WHOLE, WORD or PART."""
        return PART if not self.texts else WHOLE if " " in self.texts[0] else WORD

    @property
    def key(self) -> str:
        """The same text for the same name, whichever order its parts stand in."""
        return "~".join(sorted(self.texts[0].split())) if self.texts else f"{self.start}*{self.end}*{self.sex}"


@functools.lru_cache(maxsize=200_000)
def parsed(given: str | None, family: str | None, full: str | None) -> Name | None:
    """Read a name out of its columns; None where there is none. A text that cannot be split is a name of one word."""
    columns = bool(given or family)
    text = " ".join(filter(None, (given, family))) if columns else full or ""
    # Where the surname comes first, it does so in two columns too.
    shown = f"{family or ''}{given or ''}" if columns and names.is_unspaced(text) else text
    bare, titled = names.untitled(shown)
    if names.MASK.search(bare):
        return _masked(bare, names.sex_of(shown))
    first, last = names.parts(given, family, full)
    if first and last:
        surname_first = names.is_unspaced(last) and len(last) <= 2
        return Name((f"{last} {first}",) if surname_first else (f"{first} {last}", f"{last} {first}"))
    # A surname of one letter may be the initial of a longer one, and Chinese has no blank behind it.
    blank = "" if names.is_unspaced(last or first or "") or len(last or "") == 1 else " "
    if last and (columns or titled or len(last) == 1):
        return Name(start=last + blank, sex=names.sex_of(shown))
    if first and columns:
        return Name(end=blank + first)
    word = _one_word(bare)
    return Name((word,)) if word else None


def of(raw: pd.DataFrame) -> list[Name | None]:
    """Names of records, out of their raw columns."""
    texts = raw[["given_name", "family_name", "display_name"]].astype(object)
    texts = texts.mask(texts.isna(), None)
    return [parsed(*key) for key in texts.itertuples(index=False, name=None)]


def _masked(bare: str, sex: str) -> Name | None:
    pieces = names.MASK.split(bare)
    start, end = names.words(pieces[0]) or "", names.words(pieces[-1]) or ""
    return Name(start=start, end=end, sex=sex) if start or end else None


def _one_word(bare: str) -> str | None:
    text = names.words(bare)
    # What apps call those who give no name has numbers in it.
    if not text or names.is_placeholder(text) or any(c.isdigit() for c in text) or "@" in bare:
        return None
    return text.replace(" ", "")


def compatible(one: Name, other: Name) -> bool:
    """Whether two names may be one person's: the same text, a word of the other, or a part that fits the other."""
    if one.texts and other.texts:
        joined = [{text.replace(" ", "") for text in name.texts} for name in (one, other)]
        a_word = {word for name in (one, other) if name.form == WORD for word in name.texts}
        shared = set(one.texts[0].split()) & set(other.texts[0].split())
        return bool(joined[0] & joined[1] or a_word & shared)
    if not one.texts and not other.texts:
        starts, ends = sorted((one.start, other.start), key=len), sorted((one.end, other.end), key=len)
        same_sex = one.sex == other.sex or not (one.sex and other.sex)
        return same_sex and starts[1].startswith(starts[0]) and ends[1].endswith(ends[0])
    part, whole = (one, other) if other.texts else (other, one)
    return any(_fits(part, text) for text in _renderings(whole))


def _renderings(name: Name) -> list[str]:
    """Texts with blanks and, as Chinese is written, without."""
    return [rendering for text in name.texts for rendering in (text, text.replace(" ", ""))]


def _fits(part: Name, text: str) -> bool:
    long_enough = len(text) >= len(part.start.strip()) + len(part.end.strip())
    return long_enough and f"{text} ".startswith(part.start) and f" {text}".endswith(part.end)


def numbered(found: list[Name | None], salt: str) -> Array:
    """Number names by their keys under the salt, with their form in the lowest two bits; 0 for none."""
    codes = np.zeros(len(found), np.int64)
    there = np.array([name is not None for name in found], bool)
    if there.any():
        named = [name for name in found if name is not None]
        keys = np.array([name.key for name in named], object)
        hashes = pd.util.hash_array(keys, hash_key=salt, categorize=True).view(np.int64)
        codes[there] = hashes & ~np.int64(3) | np.array([name.form for name in named], np.int64)
    return codes
