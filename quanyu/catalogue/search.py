"""Search in the catalogue by name, meaning, unit, value, Chinese name, and by the glossary's synonyms."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from quanyu.catalogue.entries import Entry

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
_SEPARATORS = re.compile(r"[,;、，；/]")


def search(entries: Iterable[Entry], text: str, synonyms: Iterable[frozenset[str]]) -> list[Entry]:
    """Entries that have every word of a text, or a synonym of it; those whose own name has it come first."""
    words = [{word, *_same(word, synonyms)} for word in text.lower().split()]
    ranked = [(max(_rank(entry, alternatives) for alternatives in words), entry) for entry in entries] if words else []
    return [entry for rank, entry in sorted(ranked, key=lambda item: item[0]) if rank < ABSENT]


# Where a word is: in the name, in the sentence or a value, in the description of the scene, or nowhere.
IN_NAME, IN_MEANING, IN_SCENE, ABSENT = range(4)


def _rank(entry: Entry, alternatives: Iterable[str]) -> int:
    column = entry.column
    texts = (
        f"{entry.name} {entry.zh}",
        f"{column.about} {column.unit} {' '.join(column.values)}",
        entry.about_scene,
    )
    ranks = (rank for rank, text in enumerate(texts) for word in alternatives if _has(text.lower(), word))
    return min(ranks, default=ABSENT)


def _has(text: str, word: str) -> bool:
    """Whether a text has a word: from the beginning of one of its words, or anywhere for Chinese."""
    start = r"(?<![a-z0-9])" if word[:1].isascii() else ""
    return re.search(start + re.escape(word), text) is not None


def _same(word: str, synonyms: Iterable[frozenset[str]]) -> set[str]:
    return {other for group in synonyms if any(_is(word, one) for one in group) for other in group}


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
