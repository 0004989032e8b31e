"""Union of DataFrames."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def union_all(frames: Sequence[DataFrame]) -> DataFrame:
    """Union of at least one DataFrame with the same columns, in any order. Duplicates stay."""
    return reduce(lambda one, other: one.unionByName(other), frames)
