"""How alike two different values of a field are: levels from 1 (different) upwards, for lists of pairs at once."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA, JaroWinkler

from jobs.unify.matching.sounds import roman

_LETTERS = re.compile(r"\D")
Levels = np.ndarray[Any, np.dtype[np.uint8]]


def _osa(left: list[str], right: list[str], most: int) -> Any:
    return process.cpdist(left, right, scorer=OSA.distance, score_cutoff=most)


def _winkler(left: list[str], right: list[str]) -> Any:
    return process.cpdist(left, right, scorer=JaroWinkler.similarity)


def _shortest(left: list[str], right: list[str]) -> Any:
    return np.fromiter((min(len(x), len(y)) for x, y in zip(left, right, strict=True)), np.int32, len(left))


def personal_names(left: list[str], right: list[str]) -> Levels:
    """Levels of two different names; Chinese ones by sound and shared characters."""
    sounds_left, sounds_right = [roman(x) for x in left], [roman(x) for x in right]
    winkler, off = _winkler(sounds_left, sounds_right), _osa(sounds_left, sounds_right, 2)
    size = _shortest(sounds_left, sounds_right)
    starts = np.fromiter(
        (x.startswith(y) or y.startswith(x) for x, y in zip(sounds_left, sounds_right, strict=True)), bool, len(left)
    )
    near = (winkler >= 0.92) | ((off <= 1) & (size >= 4))
    alike = (winkler >= 0.8) | starts | ((off <= 2) & (size >= 5))
    latin = np.where(near, 3, np.where(alike, 2, 1))
    han = np.fromiter((not (x.isascii() and y.isascii()) for x, y in zip(left, right, strict=True)), bool, len(left))
    shared = np.fromiter((bool(set(x) & set(y)) for x, y in zip(left, right, strict=True)), bool, len(left))
    chinese = np.where(off == 0, 3, np.where(shared, 2, 1))
    return np.where(han, chinese, latin).astype(np.uint8)


def birthdays(left: list[str], right: list[str]) -> Levels:
    """Levels of two different birthdays, eight digits each: typos and swaps, then how far they are apart."""
    off = _osa(left, right, 2)
    swapped = np.fromiter(
        (x[:4] == y[:4] and x[4:6] == y[6:8] and x[6:8] == y[4:6] for x, y in zip(left, right, strict=True)),
        bool, len(left),
    )  # fmt: skip
    apart = np.abs(_days(left) - _days(right))
    rest = np.where((apart <= 31) | (off <= 2), 4, np.where(apart <= 366, 3, np.where(apart <= 3660, 2, 1)))
    return np.where((off <= 1) | swapped, 5, rest).astype(np.uint8)


def _days(texts: list[str]) -> Any:
    """Day numbers of a calendar with months of equal length, exact enough for distances."""
    digits = np.array([int(text) for text in texts], dtype=np.int64)
    return digits // 10000 * 366 + digits // 100 % 100 * 31 + digits % 100


def emails(left: list[str], right: list[str]) -> Levels:
    """Levels of two different addresses, by the complete text and by what precedes the @."""
    name_left, name_right = [x.partition("@")[0] for x in left], [x.partition("@")[0] for x in right]
    off, winkler = _osa(left, right, 2), _winkler(left, right)
    name_off, name_winkler = _osa(name_left, name_right, 2), _winkler(name_left, name_right)
    # People add numbers to a common name: another number is another person's address.
    numbers = [np.array([_LETTERS.sub("", x) for x in some], object) for some in (name_left, name_right)]
    same = (off <= 2) & (numbers[0] == numbers[1]) | ((name_off == 0) & (_shortest(name_left, name_right) >= 5))
    near, alike = (winkler >= 0.9) & (name_off <= 2), (winkler >= 0.85) | (name_winkler >= 0.9)
    return np.where(same, 4, np.where(near, 3, np.where(alike, 2, 1))).astype(np.uint8)


def numbers(left: list[str], right: list[str]) -> Levels:
    """Levels of two different numbers: 2 for one character off."""
    return np.where(_osa(left, right, 1) <= 1, 2, 1).astype(np.uint8)


def streets(left: list[str], right: list[str]) -> Levels:
    """Levels of two different streets without their numbers: 2 for nearly the same."""
    part = process.cpdist(left, right, scorer=fuzz.partial_ratio)
    size, off = _shortest(left, right), _osa(left, right, 2)
    # Two edits are a typo in a long name, and another street in a short one.
    near = ((off <= 2) & (size >= 8)) | ((off <= 1) & (size >= 4)) | ((part >= 90) & (size >= 6))
    return np.where((_winkler(left, right) >= 0.9) | near, 2, 1).astype(np.uint8)


def towns(left: list[str], right: list[str]) -> Levels:
    """Levels of two different towns or regions: 2 for nearly the same."""
    near = (_winkler(left, right) >= 0.9) | ((_osa(left, right, 1) <= 1) & (_shortest(left, right) >= 4))
    return np.where(near, 2, 1).astype(np.uint8)


def exact(left: list[str], right: list[str]) -> Levels:
    """Different values are different."""
    return np.ones(len(left), np.uint8)
