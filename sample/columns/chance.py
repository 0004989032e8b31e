"""Counter-based randomness: any day or person can be drawn again alone, with the same values."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import numpy as np

Ints = np.ndarray[Any, np.dtype[Any]]
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def rng(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """Return the generator for a seed, a purpose, and counters such as day and block."""
    return np.random.default_rng([seed, crc32(purpose.encode()), *(number + 100_000 for number in numbers)])


def scatter(seed: int, purpose: str, *columns: Ints | int) -> Ints:
    """Return one uint64 per row of the columns (splitmix64 of seed, purpose and the row's numbers)."""
    state = np.uint64((seed * 0x2545F491 + crc32(purpose.encode())) % 2**64)
    with np.errstate(over="ignore"):
        mixed: Ints = _mix(np.atleast_1d(state))
        for column in columns:
            mixed = _mix(mixed + GOLDEN + np.atleast_1d(np.asarray(column)).astype(np.int64).astype(np.uint64))
    return mixed


def uniform(seed: int, purpose: str, *columns: Ints | int) -> Ints:
    """Return a float64 in [0, 1) per row of the columns; the same numbers always give the same value."""
    return np.asarray((scatter(seed, purpose, *columns) >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def pick(shares: Ints | list[float] | tuple[float, ...], chances: Ints) -> Ints:
    """Return int64 per chance in [0, 1): the index of the share it falls into; the shares need not sum to 1."""
    bounds = np.cumsum(np.asarray(shares, dtype=np.float64))
    return np.minimum(np.searchsorted(bounds / bounds[-1], chances, side="right"), len(bounds) - 1)


def _mix(state: Ints) -> Ints:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(state ^ (state >> np.uint64(31)))
