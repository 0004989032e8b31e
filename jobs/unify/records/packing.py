"""Combines several integers into one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
# Constants of SplitMix64.
_STEP, _FACTOR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


def hash_rows(columns: Iterable[Array]) -> Array:
    """Hash columns of integers, each (n,), to one int64 column. Raises ValueError where there is none."""
    mix: Array | None = None
    with np.errstate(over="ignore"):
        for column in columns:
            bits = column.astype(np.int64).view(np.uint64)
            mix = ((bits if mix is None else mix ^ bits) + _STEP) * _FACTOR
            mix ^= mix >> np.uint64(29)
    if mix is None:
        raise ValueError("nothing to mix")
    return mix.view(np.int64)
