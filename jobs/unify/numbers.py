"""Numbers of records and values: Spark's xxhash64, computed in this process for a few rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from xxhash import xxh64_intdigest

Array = np.ndarray[Any, Any]
# Where Spark's function begins to hash a row.
_SEED = 42
# Constants of SplitMix64.
_STEP, _FACTOR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
_OF_BOOLEAN = {False: b"\0\0\0\0", True: b"\1\0\0\0"}


def hashed(*columns: Iterable[str | bool | None]) -> Array:
    """Hash rows of columns (texts or truths; null is passed over) as Spark's `xxhash64(column, ...)` does."""
    seeds: list[int] = []
    for place, column in enumerate(columns):
        values = list(column)
        seeds = seeds if place else [_SEED] * len(values)
        seeds = [
            seed if value is None else xxh64_intdigest(_bytes(value), seed)
            for value, seed in zip(values, seeds, strict=True)
        ]
    return np.array(seeds, np.uint64).view(np.int64)


def _bytes(value: str | bool) -> bytes:
    return value.encode() if isinstance(value, str) else _OF_BOOLEAN[value]


def persons(sources: Iterable[str], keys: Iterable[str]) -> Array:
    """Numbers of records, by which the tables of who is who know them."""
    return hashed(sources, keys)


def mixed(columns: Iterable[Array]) -> Array:
    """Mix columns of whole numbers to one."""
    found: Array | None = None
    with np.errstate(over="ignore"):
        for column in columns:
            bits = column.astype(np.int64).view(np.uint64)
            found = ((bits if found is None else found ^ bits) + _STEP) * _FACTOR
            found ^= found >> np.uint64(29)
    if found is None:
        raise ValueError("nothing to mix")
    return found.view(np.int64)
