"""Rows in groups, described by the number of rows per group."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def place_within(counts: Array) -> Array:
    """Return int64 (counts.sum(),): each row's index within its group, from 0."""
    return np.asarray(np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts))
