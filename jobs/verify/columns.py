"""Compares columns of two tables: pairs their rows by key, and finds the values that differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

Array = np.ndarray[Any, Any]
# Sums of doubles depend on the order of rows, which engines do not guarantee.
RELATIVE = 1e-9


@dataclass(frozen=True)
class Pairs:
    """Row numbers of paired rows in two tables (a, b), of unpaired rows, and whether keys repeat.

    All arrays are int64 of shape (rows,); a and b have the same length.
    """

    a: Array
    b: Array
    only_a: Array
    only_b: Array
    repeated: bool


def plain_text(table: pa.Table) -> pa.Table:
    """The table with every text column as Arrow's `string`: files of several writers use several types."""
    import pyarrow as pa

    texts = (pa.types.is_string_view, pa.types.is_large_string, pa.types.is_dictionary)
    fields = [pa.field(f.name, pa.string() if any(is_text(f.type) for is_text in texts) else f.type)
              for f in table.schema]  # fmt: skip
    return table.cast(pa.schema(fields))


def aligned(left: pa.Table, right: pa.Table) -> Pairs:
    """Pair the rows of two tables that are equal in all columns; the nth row of a key with the nth."""
    numbers = _numbered(left, right)
    turns = [_turns(side) for side in (numbers[: left.num_rows], numbers[left.num_rows :])]
    width = int(max(turn.max(initial=0) for turn in turns)) + 1
    keys = numbers * width + np.concatenate(turns)
    key_a, key_b = keys[: left.num_rows], keys[left.num_rows :]
    _, a, b = np.intersect1d(key_a, key_b, assume_unique=True, return_indices=True)
    return Pairs(a, b, _others(len(key_a), a), _others(len(key_b), b), width > 1)


def _others(rows: int, chosen: Array) -> Array:
    """Row numbers that are not chosen: int64 of shape (rows - chosen,)."""
    alone = np.ones(rows, bool)
    alone[chosen] = False
    return np.flatnonzero(alone)


def _numbered(left: pa.Table, right: pa.Table) -> Array:
    """A number for each distinct row of two tables, one after the other: int64 of shape (rows,). Null is a value."""
    number = np.zeros(left.num_rows + right.num_rows, np.int64)
    for name in left.column_names:
        codes = _codes(left[name], right[name])
        both = number * (int(codes.max(initial=0)) + 2) + codes + 1
        number = np.unique(both, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return number


def _codes(left: pa.ChunkedArray, right: pa.ChunkedArray) -> Array:
    """A number for each distinct value of two columns, one after the other: int64 of shape (rows,), -1 for null."""
    import pyarrow as pa

    if left.type != right.type or pa.types.is_nested(left.type):
        left, right = _as_text(left), _as_text(right)
    values = _combined(pa.chunked_array([*left.chunks, *right.chunks], left.type))
    return np.asarray(values.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)


def _as_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    texts = [None if value is None else str(value) for value in values.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _turns(numbers: Array) -> Array:
    """How many times each number occurred before its position: int64 of shape (rows,)."""
    import pandas as pd

    return np.asarray(pd.Series(numbers).groupby(numbers).cumcount(), np.int64)


def differing(left: pa.ChunkedArray, right: pa.ChunkedArray) -> Array:
    """Which values differ: by type, null on one side only, or not equal. Bool of shape (rows,); lengths are equal."""
    import pyarrow as pa

    if left.type != right.type:
        return np.ones(len(left), bool)
    a, b = _combined(left), _combined(right)
    if pa.types.is_list(a.type) or pa.types.is_large_list(a.type):
        return _lists(a, b)
    nulls = _mask(a.is_null()) != _mask(b.is_null())
    if pa.types.is_floating(a.type):
        return np.asarray(nulls | ~_close(*(side.fill_null(0).to_numpy(zero_copy_only=False) for side in (a, b))))
    from pyarrow import compute

    return np.asarray(nulls | _mask(compute.not_equal(a, b).fill_null(False)))


def _combined(values: pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa

    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array


def _mask(values: pa.Array) -> Array:
    return np.asarray(values.to_numpy(zero_copy_only=False), bool)


def _close(left: Array, right: Array) -> Array:
    return np.asarray(np.isclose(left, right, rtol=RELATIVE, atol=0, equal_nan=True))


def _lists(left: pa.Array, right: pa.Array) -> Array:
    """Which lists differ, in length or in an element: bool of shape (rows,)."""
    import pyarrow as pa
    from pyarrow import compute

    lengths = [compute.list_value_length(side).fill_null(-1).to_numpy(zero_copy_only=False) for side in (left, right)]
    different = lengths[0] != lengths[1]
    same = np.flatnonzero(~different)
    a, b = left.take(pa.array(same)), right.take(pa.array(same))
    elements = differing(a.flatten(), b.flatten())
    parents = compute.list_parent_indices(a).to_numpy(zero_copy_only=False)
    different[same[np.unique(parents[elements])]] = True
    return np.asarray(different, bool)
