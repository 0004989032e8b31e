"""Whole numbers that stand for several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
# Constants of SplitMix64.
_STEP, _FACTOR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


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
