"""Comparison levels of two records, field by field: 0 nothing to compare, 1 different, the highest the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA, JaroWinkler

from jobs.unify.matching import fields, names

# Highest level of each comparison.
HIGHEST = {"given": 4, "family": 4, "birthday": 6, "gender": 2, "place": 8, "email": 5, "phone": 3, "national_id": 3,
           "phone_mask": 2}  # fmt: skip
# Level words, lowest first, for explanations.
WORDS = {
    "given": ("not compared", "different", "alike", "nearly the same", "the same"),
    "family": ("not compared", "different", "alike", "nearly the same", "the same"),
    "birthday": ("not compared", "different", "within ten years", "within a year", "within a month",
                 "one digit or day and month swapped", "the same"),
    "gender": ("not compared", "different", "the same"),
    "place": ("not compared", "different", "same city", "same postal district", "same postcode",
              "same postcode and house number", "same street", "same street and house number",
              "same address, postcode or city too"),
    "email": ("not compared", "different", "alike", "nearly the same", "same name or two letters off", "the same"),
    "phone": ("not compared", "different", "one digit off", "the same"),
    "national_id": ("not compared", "different", "one character off", "the same"),
    "phone_mask": ("not compared", "different", "the same as far as it is shown"),
}  # fmt: skip
_SORTED = (np.minimum, np.maximum)
_LETTERS = re.compile(r"\D")
Codes = np.ndarray[Any, np.dtype[np.int32]]
Levels = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True)
class CodedField:
    """One field of all records: `codes` (records, int32, -1 for null) index `values`, which are sorted."""

    codes: Codes
    values: list[str]


def coded(table: pa.Table) -> dict[str, CodedField]:
    """Encode the FIELDS of records; given and family names share their values."""
    columns: dict[str, CodedField] = {}
    both = pa.chunked_array([*table["given"].chunks, *table["family"].chunks], pa.string())
    pooled = _column(both)
    columns["given"] = CodedField(pooled.codes[: len(table)], pooled.values)
    columns["family"] = CodedField(pooled.codes[len(table) :], pooled.values)
    for name in fields.FIELDS:
        if name not in columns:
            columns[name] = _column(table[name])
    return columns


def _column(values: pa.ChunkedArray) -> CodedField:
    encoded = pc.dictionary_encode(values.combine_chunks())
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(order) + 1, np.int32)
    rank[order], rank[-1] = np.arange(len(order)), -1
    return CodedField(rank[codes], encoded.dictionary.take(pa.array(order)).to_pylist())


def _on_distinct(a: Codes, b: Codes, values: list[str], alike: Callable[[list[str], list[str]], Levels]) -> Levels:
    """Compare each distinct pair of values once (pairs, uint8); equal codes give 255, nulls 0."""
    levels = np.zeros(len(a), dtype=np.uint8)
    present = (a >= 0) & (b >= 0)
    levels[present & (a == b)] = 255
    different = np.flatnonzero(present & (a != b))
    if len(different):
        low, high = np.minimum(a[different], b[different]).astype(np.int64), np.maximum(a[different], b[different])
        pairs, inverse = np.unique(low * len(values) + high, return_inverse=True)
        left = [values[i] for i in (pairs // len(values)).tolist()]
        right = [values[i] for i in (pairs % len(values)).tolist()]
        levels[different] = alike(left, right)[inverse]
    return levels


def _osa(left: list[str], right: list[str], most: int) -> Any:
    return process.cpdist(left, right, scorer=OSA.distance, score_cutoff=most)


def _winkler(left: list[str], right: list[str]) -> Any:
    return process.cpdist(left, right, scorer=JaroWinkler.similarity)


def _shortest(left: list[str], right: list[str]) -> Any:
    return np.fromiter((min(len(x), len(y)) for x, y in zip(left, right, strict=True)), np.int32, len(left))


def _names(left: list[str], right: list[str]) -> Levels:
    """Levels of two different names; Chinese ones by sound and shared characters."""
    sounds_left, sounds_right = [names.roman(x) for x in left], [names.roman(x) for x in right]
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


def _birthdays(left: list[str], right: list[str]) -> Levels:
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


def _emails(left: list[str], right: list[str]) -> Levels:
    name_left, name_right = [x.partition("@")[0] for x in left], [x.partition("@")[0] for x in right]
    off, winkler = _osa(left, right, 2), _winkler(left, right)
    name_off, name_winkler = _osa(name_left, name_right, 2), _winkler(name_left, name_right)
    # People add numbers to a common name: another number is another person's address.
    numbers = [np.array([_LETTERS.sub("", x) for x in some], object) for some in (name_left, name_right)]
    same = (off <= 2) & (numbers[0] == numbers[1]) | ((name_off == 0) & (_shortest(name_left, name_right) >= 5))
    near, alike = (winkler >= 0.9) & (name_off <= 2), (winkler >= 0.85) | (name_winkler >= 0.9)
    return np.where(same, 4, np.where(near, 3, np.where(alike, 2, 1))).astype(np.uint8)


def _numbers(left: list[str], right: list[str]) -> Levels:
    return np.where(_osa(left, right, 1) <= 1, 2, 1).astype(np.uint8)


def _streets(left: list[str], right: list[str]) -> Levels:
    part = process.cpdist(left, right, scorer=fuzz.partial_ratio)
    size, off = _shortest(left, right), _osa(left, right, 2)
    # Two edits are a typo in a long name, and another street in a short one.
    near = ((off <= 2) & (size >= 8)) | ((off <= 1) & (size >= 4)) | ((part >= 90) & (size >= 6))
    return np.where((_winkler(left, right) >= 0.9) | near, 2, 1).astype(np.uint8)


def _towns(left: list[str], right: list[str]) -> Levels:
    near = (_winkler(left, right) >= 0.9) | ((_osa(left, right, 1) <= 1) & (_shortest(left, right) >= 4))
    return np.where(near, 2, 1).astype(np.uint8)


def _exact(left: list[str], right: list[str]) -> Levels:
    return np.ones(len(left), np.uint8)


def _both(column: CodedField, a: Any, b: Any) -> Any:
    """Whether both records have a value."""
    return (column.codes[a] >= 0) & (column.codes[b] >= 0)


def _same(values: Levels, highest: int) -> Levels:
    return np.where(values == 255, highest, values).astype(np.uint8)


@dataclass(frozen=True)
class ComparisonLevels:
    """Levels (pairs by comparisons, in the order of HIGHEST), and the agreeing value where term frequencies apply.

    `terms` maps a comparison to the field and the codes (pairs, int32) of the value that both have, -1 for none.
    """

    levels: Levels
    terms: dict[str, tuple[str, Codes]]


def compared(columns: dict[str, CodedField], a: Any, b: Any) -> ComparisonLevels:
    """Compare the records at positions `a` and `b` (pairs, int64)."""

    def levels(name: str, alike: Callable[[list[str], list[str]], Levels], highest: int) -> Levels:
        column = columns[name]
        return _same(_on_distinct(column.codes[a], column.codes[b], column.values, alike), highest)

    given_level, family_level, given_term, family_term = _whole_names(columns, a, b)
    place, place_terms = _place(columns, a, b, levels)
    birthday, email = levels("birthday", _birthdays, 6), levels("email", _emails, 5)
    # The same name alone makes addresses similar.
    email[(given_level >= 3) & (family_level >= 3) & ((email == 2) | (email == 3))] = 0
    comparisons = {
        "given": given_level,
        "family": family_level,
        "birthday": birthday,
        "gender": levels("gender", _exact, 2),
        "place": place,
        "email": email,
        "phone": levels("phone", _numbers, 3),
        "national_id": levels("national_id", _numbers, 3),
        "phone_mask": np.where(_both(columns["phone"], a, b), 0, levels("phone_mask", _exact, 2)).astype(np.uint8),
    }
    day = columns["birthday"].codes[a]
    terms = {
        "given": ("names", given_term),
        "family": ("names", family_term),
        "birthday": ("birthday", np.where(birthday == 6, day, -1).astype(np.int32)),
        **place_terms,
    }
    return ComparisonLevels(np.stack([comparisons[name] for name in HIGHEST], axis=1), terms)


def _whole_names(columns: dict[str, CodedField], a: Any, b: Any) -> tuple[Levels, Levels, Codes, Codes]:
    """Levels of given and family name, crosswise where that fits better, and the codes of equal names."""
    given_codes, family_codes, values = columns["given"].codes, columns["family"].codes, columns["given"].values
    straight = [_same(_on_distinct(x[a], x[b], values, _names), 4) for x in (given_codes, family_codes)]
    crossed = [
        _same(_on_distinct(x[a], y[b], values, _names), 4)
        for x, y in ((given_codes, family_codes), (family_codes, given_codes))
    ]
    # A missing part counts a little more than a different one.
    worth = [[np.where(x == 0, 1.5, x) for x in pair] for pair in (straight, crossed)]
    cross = worth[1][0] + worth[1][1] > worth[0][0] + worth[0][1] + 0.5
    terms = [np.where(level == 4, x[a], -1) for level, x in zip(straight, (given_codes, family_codes), strict=True)]
    swapped = [np.where(level == 4, x[a], -1) for level, x in zip(crossed, (given_codes, family_codes), strict=True)]
    # Crosswise neither is the given name: the closer match counts as the family's, whichever record comes first.
    levels = [np.where(cross, f(*crossed), x).astype(np.uint8) for f, x in zip(_SORTED, straight, strict=True)]
    codes = [np.where(cross, f(*swapped), x).astype(np.int32) for f, x in zip(_SORTED, terms, strict=True)]
    return levels[0], levels[1], codes[0], codes[1]


def _place(
    columns: dict[str, CodedField], a: Any, b: Any, levels: Callable[..., Levels]
) -> tuple[Levels, dict[str, tuple[str, Codes]]]:
    """One level for all address fields: a move changes all of them at once."""
    street, city, postcode = (
        levels("street", _streets, 3), levels("city", _towns, 3), levels("postcode", _numbers, 3),
    )  # fmt: skip
    house = levels("house", _exact, 2)
    region = levels("region", _towns, 3)
    some = (street > 0) | (city > 0) | (postcode > 0)
    town = (city >= 2) | ((city == 0) & (region == 3) & (postcode == 0))
    area = (postcode == 3) | ((postcode == 2) & (city >= 2))
    steps = [
        ((street >= 2) & (house == 2) & ((postcode == 3) | (city >= 2)), 8),
        ((street >= 2) & (house == 2), 7),
        (street >= 2, 6),
        (area & (house == 2), 5),
        (area, 4),
        (levels("district", _exact, 2) == 2, 3),
        (town, 2),
        (some, 1),
    ]
    place_levels = np.select([condition for condition, _ in steps], [level for _, level in steps], 0).astype(np.uint8)
    codes = {
        "street": np.where((place_levels >= 6) & (street == 3), columns["street"].codes[a], -1),
        "postcode": np.where(
            ((place_levels == 4) | (place_levels == 5)) & (postcode == 3), columns["postcode"].codes[a], -1
        ),
        "city": np.where((place_levels == 2) & (city == 3), columns["city"].codes[a], -1),
    }
    return place_levels, {f"place.{name}": (name, code.astype(np.int32)) for name, code in codes.items()}
