"""Comparison levels of two records, field by field: 0 nothing to compare, 1 different, the highest the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.unify.matching import similarity
from jobs.unify.matching.comparison import COMPARISONS, FIELDS
from jobs.unify.matching.similarity import Levels

_SORTED = (np.minimum, np.maximum)
Codes = np.ndarray[Any, np.dtype[np.int32]]
Similarity = Callable[[list[str], list[str]], Levels]


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
    for name in FIELDS:
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


def _on_distinct(a: Codes, b: Codes, values: list[str], similar: Similarity) -> Levels:
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
        levels[different] = similar(left, right)[inverse]
    return levels


def _both(column: CodedField, a: Any, b: Any) -> Any:
    """Whether both records have a value."""
    return (column.codes[a] >= 0) & (column.codes[b] >= 0)


def _same(values: Levels, highest: int) -> Levels:
    return np.where(values == 255, highest, values).astype(np.uint8)


@dataclass(frozen=True)
class PairLevels:
    """Levels (pairs by comparisons), and the values that both records have where term frequencies apply.

    `terms` maps the field of each term to the codes (pairs, int32) of the shared value, -1 for none.
    """

    levels: Levels
    terms: dict[str, Codes]


def compare_pairs(columns: dict[str, CodedField], a: Any, b: Any) -> PairLevels:
    """Compare the records at positions `a` and `b` (pairs, int64)."""

    def levels(name: str, similar: Similarity, highest: int) -> Levels:
        column = columns[name]
        return _same(_on_distinct(column.codes[a], column.codes[b], column.values, similar), highest)

    by_name = {one.name: levels(one.fields[0], one.similar, one.highest) for one in COMPARISONS if one.similar}
    by_name["given"], by_name["family"], terms = _whole_names(columns, a, b, by_name)
    by_name["place"], place_terms = _place(columns, a, b, levels)
    email, birthday = by_name["email"], columns["birthday"].codes[a]
    # The same name alone makes addresses similar.
    email[(by_name["given"] >= 3) & (by_name["family"] >= 3) & ((email == 2) | (email == 3))] = 0
    # Where both complete phones are there, their masks say nothing more.
    by_name["phone_mask"][_both(columns["phone"], a, b)] = 0
    terms["birthday"] = np.where(by_name["birthday"] == 6, birthday, -1).astype(np.int32)
    return PairLevels(np.stack([by_name[one.name] for one in COMPARISONS], axis=1), terms | place_terms)


def _whole_names(
    columns: dict[str, CodedField], a: Any, b: Any, by_name: dict[str, Levels]
) -> tuple[Levels, Levels, dict[str, Codes]]:
    """Levels of given and family name, crosswise where that fits better, and the codes of equal names."""
    given_codes, family_codes, values = columns["given"].codes, columns["family"].codes, columns["given"].values
    straight = [by_name["given"], by_name["family"]]
    crossed = [
        _same(_on_distinct(x[a], y[b], values, similarity.personal_names), 4)
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
    return levels[0], levels[1], dict(zip(("given", "family"), codes, strict=True))


def _place(
    columns: dict[str, CodedField], a: Any, b: Any, levels: Callable[..., Levels]
) -> tuple[Levels, dict[str, Codes]]:
    """One level for all address fields: a move changes all of them at once."""
    street, city = levels("street", similarity.streets, 3), levels("city", similarity.towns, 3)
    postcode = levels("postcode", similarity.numbers, 3)
    house = levels("house", similarity.exact, 2)
    region = levels("region", similarity.towns, 3)
    some = (street > 0) | (city > 0) | (postcode > 0)
    town = (city >= 2) | ((city == 0) & (region == 3) & (postcode == 0))
    area = (postcode == 3) | ((postcode == 2) & (city >= 2))
    steps = [
        ((street >= 2) & (house == 2) & ((postcode == 3) | (city >= 2)), 8),
        ((street >= 2) & (house == 2), 7),
        (street >= 2, 6),
        (area & (house == 2), 5),
        (area, 4),
        (levels("district", similarity.exact, 2) == 2, 3),
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
    return place_levels, {name: code.astype(np.int32) for name, code in codes.items()}
