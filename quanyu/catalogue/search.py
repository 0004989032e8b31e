"""Search in the catalogue by name, meaning, unit, value, Chinese name, and by the glossary's synonyms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from quanyu.catalogue.entries import Entry

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
_SEPARATORS = re.compile(r"[,;、，；/]")
# Words that say nothing of what is searched for.
_FILLERS = frozenset(
    ["a", "an", "and", "by", "for", "has", "have", "he", "his", "in", "is", "no", "not", "of", "on", "or", "our", "she",
     "that", "the", "their", "they", "to", "who"]
)  # fmt: skip
# Where a word is: in the name, in the sentence or a value, in the description of the scene, or nowhere.
IN_NAME, IN_MEANING, IN_SCENE, ABSENT = range(4)

Occurring = Mapping[tuple[str, str], Sequence[str]]


def search(
    entries: Iterable[Entry], text: str, synonyms: Iterable[frozenset[str]], occurring: Occurring | None = None
) -> tuple[list[Entry], bool]:
    """Entries that have every word of a text, or a synonym of it; those whose own name has it come first.

    Where none has every word, those that have most, and false. `occurring` are values that occur, by entity and name.
    """
    words = [_alternatives(word, synonyms) for word in re.findall(r"[^\s,.;，。、]+", text.lower())]
    words = [word for word in words if not word & _FILLERS] or words
    places = {entry: [_place(entry, word, occurring or {}) for word in words] for entry in entries}
    complete = [entry for entry, places_of_words in places.items() if max(places_of_words, default=ABSENT) < ABSENT]
    if complete:
        return sorted(complete, key=lambda entry: sum(places[entry])), True
    missing = {entry: sum(place >= IN_SCENE for place in places_of_words) for entry, places_of_words in places.items()}
    fewest = min(missing.values(), default=0)
    some = [entry for entry, number in missing.items() if number < len(words) and number <= fewest + 1]
    return sorted(some, key=lambda entry: (missing[entry], sum(places[entry]))), False


def _alternatives(word: str, synonyms: Iterable[frozenset[str]]) -> frozenset[str]:
    """A word without the s of its plural, and the words that mean the same."""
    stem = word[:-1] if word.isascii() and len(word) > 3 and word.endswith("s") else word
    same = {other for group in synonyms if any(_is(word, one) or _is(stem, one) for one in group) for other in group}
    return frozenset({stem, *same})


def _place(entry: Entry, alternatives: Iterable[str], occurring: Occurring) -> int:
    column = entry.column
    values = " ".join([*column.values, *occurring.get((entry.entity, entry.name), ())])
    texts = (f"{entry.name} {entry.zh}", f"{column.about} {column.unit} {values}", entry.about_scene)
    places = (place for place, text in enumerate(texts) for word in alternatives if _has(text.lower(), word))
    return min(places, default=ABSENT)


def _has(text: str, word: str) -> bool:
    """Whether a text has a word: from the beginning of one of its words, or anywhere for Chinese."""
    start = r"(?<![a-z0-9])" if word[:1].isascii() else ""
    return re.search(start + re.escape(word), text) is not None


def _is(word: str, other: str) -> bool:
    """Whether a searched word is one of the glossary, or a Chinese word within it."""
    return word == other or (not word.isascii() and word in other)


def synonyms(glossary: Path = GLOSSARY) -> list[frozenset[str]]:
    """Words of each row of the glossary that mean the same: English, Chinese, and what others call it."""
    if not glossary.is_file():
        return []
    rows = (line.strip("| ").split(" | ") for line in glossary.read_text(encoding="utf-8").splitlines())
    return [_group(row[0], row[1], row[3]) for row in rows if len(row) == 4 and row[0] not in ("word", "---")]


def _group(*cells: str) -> frozenset[str]:
    words = (word.strip().lower() for cell in cells for word in _SEPARATORS.split(cell))
    return frozenset(word for word in words if word)
