"""Rows that belong to groups, told by how many there are of each."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def place_within(counts: Array) -> Array:
    """Return for each row its place in its group, from 0."""
    return np.asarray(np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts))
