"""Blocking: pairs worth comparing share a block; blocks that are too large are left out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
# Steps by which limits shrink, coarse so that they seldom change from day to day.
SHRUNK = (1.0, 0.75, 0.5, 0.35, 0.25, 0.15, 0.1)
# Fewer records may have as many pairs as so many.
FEW = 100_000
THREADS = min(os.cpu_count() or 1, 8)


class RecordBlocks(NamedTuple):
    """Records with a key, sorted by key, where each block begins, and its size (all int64)."""

    order: Array
    starts: Array
    sizes: Array


def grouped(keys: Array) -> list[RecordBlocks]:
    """Group records by their keys, block by block; the order in a group is undefined.

    `keys` is records by blocks, int64; 0 is no key.
    """
    columns = np.asfortranarray(keys)
    # Sorting releases the GIL.
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda place: _groups(columns[:, place]), range(keys.shape[1])))


def limits(groups: Sequence[RecordBlocks], most: Sequence[int], pairs: float, records: int) -> list[int]:
    """Largest size of each block: `most`, shrunk evenly until there are no more than `pairs` pairs per record.

    A pair counts in each block that it shares. Small blocks are left out last, blocks of two never.
    """
    for share in SHRUNK:
        shrunk = [max(int(limit * share), 2) for limit in most]
        counts = (_pairs(sizes, limit) for (_, _, sizes), limit in zip(groups, shrunk, strict=True))
        if sum(counts) <= pairs * max(records, FEW):
            return shrunk
    return shrunk


def _pairs(sizes: Array, limit: int) -> int:
    some = sizes[sizes <= limit].astype(np.int64)
    return int((some * (some - 1) // 2).sum())


def block_bits(groups: Sequence[RecordBlocks], limits: Sequence[int], records: int) -> Array:
    """Blocks of each record in bits (records, int64): those whose key it has and that are not too large."""
    bits = np.zeros(records, dtype=np.int64)
    for place, (limit, (order, _, sizes)) in enumerate(zip(limits, groups, strict=True)):
        bits[order[np.repeat(sizes <= limit, sizes)]] |= 1 << place
    return bits


def _groups(column: Array) -> RecordBlocks:
    keyed = np.flatnonzero(column)
    order = keyed[np.argsort(column[keyed])]
    values = column[order]
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]])) if len(values) else np.array([], int)
    return RecordBlocks(order, starts, np.diff(np.concatenate([starts, [len(values)]])))


def candidates(groups: Sequence[RecordBlocks], limits: Sequence[int], touched: Array) -> tuple[Array, Array, Array]:
    """List each pair of records (a < b) that shares a block and has a touched record, with its blocks.

    `touched` is (records, bool). Returns a, b (positions) and the blocks in bits, each (pairs,) int64.
    """
    n = len(touched)
    codes, bits = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for place, limit in enumerate(limits):
        a, b = _within(groups[place], limit, touched)
        fresh = np.minimum(a, b).astype(np.int64) * n + np.maximum(a, b)
        codes = np.concatenate([codes, fresh])
        bits = np.concatenate([bits, np.full(len(fresh), 1 << place, np.int64)])
    order = np.argsort(codes, kind="stable")
    codes, bits = codes[order], bits[order]
    starts = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]])) if len(codes) else np.zeros(0, np.int64)
    joined = np.bitwise_or.reduceat(bits, starts) if len(starts) else bits
    distinct = codes[starts]
    return distinct // max(n, 1), distinct % max(n, 1), joined


def _within(groups: RecordBlocks, limit: int, touched: Array) -> tuple[Array, Array]:
    order, starts, sizes = groups
    if not len(order):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    eligible = (sizes > 1) & (sizes <= limit) & (np.add.reduceat(touched[order].astype(np.int64), starts) > 0)
    starts, sizes = starts[eligible], sizes[eligible]
    left, right = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for size in np.unique(sizes):
        members = order[starts[sizes == size][:, None] + np.arange(size)]
        one, other = np.triu_indices(size, 1)
        left.append(members[:, one].ravel())
        right.append(members[:, other].ravel())
    a, b = np.concatenate(left), np.concatenate(right)
    either = touched[a] | touched[b]
    return a[either], b[either]


def in_shared_block(pairs: tuple[Array, Array, Array], keys: Array, block_bits: Array) -> tuple[Array, Array, Array]:
    """Select the pairs (positions of both records, and rows) whose records share a block."""
    a, b, rows = pairs
    shared, undecided = np.zeros(len(a), bool), np.arange(len(a))
    both = block_bits[a] & block_bits[b]
    for place in range(keys.shape[1]):
        column = keys[:, place]
        some = (both[undecided] >> place & 1).astype(bool) & (column[a[undecided]] == column[b[undecided]])
        shared[undecided[some]] = True
        undecided = undecided[~some]
    return a[shared], b[shared], rows[shared]
