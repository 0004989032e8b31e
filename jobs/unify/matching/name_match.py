"""Whether two names may belong to one person: complete names, single words, one part alone, titles and masks."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from jobs.unify.matching import names, titles
from jobs.unify.matching.names import HIDDEN

Array = np.ndarray[Any, Any]
# Forms of names, in the lowest two bits of their codes: complete with parts, one word, or a part of a name.
WHOLE, WORD, PART = 0, 1, 3


class Name(NamedTuple):
    """A record's name: `texts` in each order of its parts; or a `pattern` with * for hidden characters.

    Where it is known which part is visible, a pattern has the family name, a blank and the given name: `王 *` of
    王女士, but `王*` of a mask. `sex` is implied by the title of such a name.
    """

    texts: tuple[str, ...] = ()
    pattern: str = ""
    sex: str = ""

    @property
    def form(self) -> int:
        """WHOLE, WORD or PART."""
        if not self.texts:
            return PART
        # Characters in either order may equal a text without a blank: so texts must be compared.
        either = len(self.texts) > 1 and names.is_unspaced(self.texts[0])
        return WORD if either or " " not in self.texts[0] else WHOLE

    @property
    def key(self) -> str:
        """The same text for the same name, in whichever order its parts are; in unspaced scripts the order counts."""
        if not self.texts:
            return f"{self.pattern}*{self.sex}"
        one = self.texts[0]
        return one.replace(" ", "") if names.is_unspaced(one) and self.form == WHOLE else "~".join(sorted(one.split()))


@functools.lru_cache(maxsize=200_000)
def parsed(given_name: str | None, family_name: str | None, full_name: str | None) -> Name | None:
    """Parse a name from its columns; None where there is none. A text that cannot be split is a name of one word."""
    name = names.parse_name(given_name, family_name, full_name)
    if name is None:
        return None
    if names.HIDDEN in name.without_title:
        pattern = names.masked(name.without_title)
        return Name(pattern=pattern, sex=name.sex) if pattern else None
    first, last = name.given_name, name.family_name
    if first and last:
        return _complete_name(first, last, columns=bool(given_name or family_name))
    # A surname of one letter may be the initial of a longer one.
    if last and (name.alone or len(last) == 1):
        initial = len(last) == 1 and not names.is_unspaced(last)
        return Name(pattern=f"{last}* *" if initial else f"{last} *", sex=name.sex)
    if first:
        return Name(pattern=f"* {first}")
    word = _one_word(name.without_title)
    return Name((word,)) if word else None


def _complete_name(first: str, last: str, columns: bool) -> Name:
    if not names.is_unspaced(last):
        return Name((f"{first} {last}", f"{last} {first}"))
    joined = f"{last}{first}"
    size = names.surname_size(joined)
    # The same text is the same name, so it has one surname: 欧 and 阳娜 in two columns are 欧阳娜.
    if len(last) <= size:
        return Name((f"{joined[:size]} {joined[size:]}",))
    # With a dot the given name comes first; in columns the order is unknown: 山田 太郎, 古丽·艾山.
    return Name((f"{last} {first}", f"{first} {last}") if columns else (f"{first}{last}",))


def names_of(raw: pd.DataFrame) -> list[Name | None]:
    """Names of records, from their raw columns."""
    return [parsed(*key) for key in name_columns(raw)]


def name_columns(raw: pd.DataFrame) -> Iterator[tuple[str | None, ...]]:
    """Given name, family name and whole name of each record, None where absent."""
    texts = raw[["given_name", "family_name", "display_name"]].astype(object)
    return texts.mask(texts.isna(), None).itertuples(index=False, name=None)


def _one_word(bare: str) -> str | None:
    text = names.words(bare)
    # Default names of apps contain numbers.
    if not text or titles.is_placeholder(text) or any(c.isdigit() for c in text) or "@" in bare:
        return None
    return text.replace(" ", "")


def compatible(one: Name, other: Name) -> bool:
    """Whether two names may belong to one person: the same text, a word of the other, or a part that fits the other."""
    if one.texts and other.texts:
        joined = [{text.replace(" ", "") for text in name.texts} for name in (one, other)]
        a_word = {word for name in (one, other) if name.form == WORD for word in name.texts}
        shared = set(one.texts[0].split()) & set(other.texts[0].split())
        return bool(joined[0] & joined[1] or a_word & shared)
    if not one.texts and not other.texts:
        same_sex = one.sex == other.sex or not (one.sex and other.sex)
        return same_sex and _patterns_overlap(one.pattern, other.pattern)
    part, complete = (one, other) if other.texts else (other, one)
    return any(_fits(part.pattern, text) for text in complete.texts)


def _fits(pattern: str, text: str) -> bool:
    """Whether all visible characters of a pattern are in a text, in their place."""
    visible, words = pattern.split(), text.split()
    if names.is_unspaced(pattern) and (len(visible) == 1 or len(pattern.strip("* ")) > 1):
        # Only of a one-character surname is the end known: 山田太郎 has the surname 山田.
        return _covers(pattern.replace(" ", ""), text.replace(" ", ""))
    if len(visible) == len(words):
        return all(map(_covers, visible, words))
    if len(words) == 1:
        return any(_covers(word, text) for word in visible if word.strip(HIDDEN))
    return _covers(pattern, text)


def _patterns_overlap(one: str, other: str) -> bool:
    """Whether one name may be behind both patterns."""
    words = [one.split(), other.split()]
    if len(words[0]) != len(words[1]):
        unspaced = names.is_unspaced(one) and names.is_unspaced(other)
        return (
            _words_overlap(*(text.replace(" ", "") for text in (one, other)))
            if unspaced
            else _words_overlap(one, other)
        )
    if all(map(_words_overlap, *words)):
        return True
    # It is unknown which word of a mask is the family name.
    both_show = any(len(text) == 2 and all(word.strip(HIDDEN) for word in text) for text in words)
    return both_show and all(map(_words_overlap, words[0], reversed(words[1])))


def _words_overlap(one: str, other: str) -> bool:
    """Whether one word may be behind both patterns: sign by sign at equal length, else by beginning and end."""
    if HIDDEN not in one or HIDDEN not in other:
        return _covers(one, other) or _covers(other, one)
    if len(one) == len(other):
        return all(x == y or HIDDEN in (x, y) for x, y in zip(one, other, strict=True))
    starts = sorted((text.partition(HIDDEN)[0] for text in (one, other)), key=len)
    ends = sorted((text.rpartition(HIDDEN)[2] for text in (one, other)), key=len)
    return starts[1].startswith(starts[0]) and ends[1].endswith(ends[0])


def _covers(pattern: str, text: str) -> bool:
    return bool(_expression(pattern).fullmatch(text))


@functools.lru_cache(maxsize=100_000)
def _expression(pattern: str) -> re.Pattern[str]:
    # Between two characters, at least one is hidden.
    between = ".+" if names.is_unspaced(pattern) else ".*"
    inner = between.join(map(re.escape, filter(None, re.split(r"\*+", pattern))))
    return re.compile(f"{'.*' * pattern.startswith(HIDDEN)}{inner}{'.*' * pattern.endswith(HIDDEN)}")


def name_codes(by_record: list[Name | None], salt: str) -> Array:
    """Codes of names (names, int64): hashed keys under the salt, with the form in the lowest two bits; 0 for none."""
    codes = np.zeros(len(by_record), np.int64)
    present = np.array([name is not None for name in by_record], bool)
    if present.any():
        named = [name for name in by_record if name is not None]
        keys = np.array([name.key for name in named], object)
        hashes = pd.util.hash_array(keys, hash_key=salt, categorize=True).view(np.int64)
        codes[present] = hashes & ~np.int64(3) | np.array([name.form for name in named], np.int64)
    return codes
