"""Rows in groups, described by the number of rows per group."""

from __future__ import annotations

import numpy as np

from sample.columns import Array


def place_within(counts: Array) -> Array:
    """Return int64 (counts.sum(),): each row's index within its group, from 0."""
    return np.asarray(np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts))
