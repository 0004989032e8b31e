"""Columns of two tables: which of their rows belong together, and which of those differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

Array = np.ndarray[Any, Any]
# Sums of doubles depend on their order, which no engine promises.
RELATIVE = 1e-9


@dataclass(frozen=True)
class Pairs:
    """Places of rows with the same key in two tables (a, b), of the rows without a partner, and whether keys repeat."""

    a: Array
    b: Array
    only_a: Array
    only_b: Array
    repeated: bool


def plain_text(table: pa.Table) -> pa.Table:
    """The same table with every text in Arrow's plain form: files of several writers have several."""
    import pyarrow as pa

    texts = (pa.types.is_string_view, pa.types.is_large_string, pa.types.is_dictionary)
    fields = [pa.field(f.name, pa.string() if any(is_text(f.type) for is_text in texts) else f.type)
              for f in table.schema]  # fmt: skip
    return table.cast(pa.schema(fields))


def aligned(one: pa.Table, other: pa.Table) -> Pairs:
    """Pair the rows of two tables that agree in all columns, the first of a key with the first."""
    numbers = _numbered(one, other)
    turns = [_turns(side) for side in (numbers[: one.num_rows], numbers[one.num_rows :])]
    width = int(max(turn.max(initial=0) for turn in turns)) + 1
    keys = numbers * width + np.concatenate(turns)
    key_a, key_b = keys[: one.num_rows], keys[one.num_rows :]
    _, a, b = np.intersect1d(key_a, key_b, assume_unique=True, return_indices=True)
    return Pairs(a, b, _others(len(key_a), a), _others(len(key_b), b), width > 1)


def _others(rows: int, chosen: Array) -> Array:
    """Places of the rows that are not chosen."""
    alone = np.ones(rows, bool)
    alone[chosen] = False
    return np.flatnonzero(alone)


def _numbered(one: pa.Table, other: pa.Table) -> Array:
    """One number for each different row of two tables beneath each other; nulls count as a value."""
    number = np.zeros(one.num_rows + other.num_rows, np.int64)
    for name in one.column_names:
        codes = _codes(one[name], other[name])
        both = number * (int(codes.max(initial=0)) + 2) + codes + 1
        number = np.unique(both, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return number


def _codes(one: pa.ChunkedArray, other: pa.ChunkedArray) -> Array:
    """A number for each different value of two columns beneath each other, -1 for null."""
    import pyarrow as pa

    if one.type != other.type or pa.types.is_nested(one.type):
        one, other = _as_text(one), _as_text(other)
    values = _whole(pa.chunked_array([*one.chunks, *other.chunks], one.type))
    return np.asarray(values.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)


def _as_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    texts = [None if value is None else str(value) for value in values.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _turns(numbers: Array) -> Array:
    """How often each number stood before, at each of its places."""
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(numbers) else np.zeros(0, np.int64)
    turn = np.zeros(len(numbers), np.int64)
    turn[order] = np.arange(len(numbers)) - np.repeat(starts, np.diff(np.append(starts, len(numbers))))
    return turn


def differing(one: pa.ChunkedArray, other: pa.ChunkedArray) -> Array:
    """Which values differ: of another type, null on one side only, or not equal. Both have the same length."""
    import pyarrow as pa

    if one.type != other.type:
        return np.ones(len(one), bool)
    a, b = _whole(one), _whole(other)
    if pa.types.is_list(a.type) or pa.types.is_large_list(a.type):
        return _lists(a, b)
    nulls = _mask(a.is_null()) != _mask(b.is_null())
    if pa.types.is_floating(a.type):
        return np.asarray(nulls | ~_close(*(side.fill_null(0).to_numpy(zero_copy_only=False) for side in (a, b))))
    from pyarrow import compute

    return np.asarray(nulls | _mask(compute.not_equal(a, b).fill_null(False)))


def _whole(values: pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa

    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole


def _mask(values: pa.Array) -> Array:
    return np.asarray(values.to_numpy(zero_copy_only=False), bool)


def _close(one: Array, other: Array) -> Array:
    return np.asarray(np.isclose(one, other, rtol=RELATIVE, atol=0, equal_nan=True))


def _lists(one: pa.Array, other: pa.Array) -> Array:
    """Which lists differ, in length or in an element."""
    import pyarrow as pa
    from pyarrow import compute

    lengths = [compute.list_value_length(side).fill_null(-1).to_numpy(zero_copy_only=False) for side in (one, other)]
    different = lengths[0] != lengths[1]
    same = np.flatnonzero(~different)
    a, b = one.take(pa.array(same)), other.take(pa.array(same))
    elements = differing(a.flatten(), b.flatten())
    parents = compute.list_parent_indices(a).to_numpy(zero_copy_only=False)
    different[same[np.unique(parents[elements])]] = True
    return np.asarray(different, bool)
