"""Plots in the terminal: bars for classes and truth values, a histogram for numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table as Grid

from jobs.catalogue.statistics import Array, numbers, value_counts
from quanyu.printable import cell

if TYPE_CHECKING:
    import pyarrow as pa

MOST_BARS = 12
# Of a number, bins lie between these quantiles; the first and the last bin hold what is beyond.
FROM, TO = 0.01, 0.99
# Zeros with a larger share have a bar of their own; numbers that span more than this factor have bins that grow.
LARGE_SHARE, WIDE = 0.05, 50
EPOCH = date(1970, 1, 1)
Bar = tuple[str, int]


def distribution(values: pa.ChunkedArray, kind: str) -> list[Bar]:
    """Labels and numbers of entities: of each value, or of bins of a number; without those of an unknown value."""
    from pyarrow import types

    numeric = numbers(values)
    if numeric is None:
        counts = list(value_counts(values).items())
        # An entity counts for each element of a list, so that a sum over elements says nothing.
        rest = 0 if types.is_list(values.type) else sum(count for _, count in counts[MOST_BARS:])
        return [*counts[:MOST_BARS], *([(f"{len(counts) - MOST_BARS:,} others", rest)] if rest else [])]
    each, of_each = np.unique(numeric, return_counts=True)
    if len(each) <= MOST_BARS:
        return [(_label(value, kind), int(count)) for value, count in zip(each, of_each, strict=True)]
    return _histogram(numeric, kind)


def _histogram(array: Array, kind: str) -> list[Bar]:
    """Bins with round ends; zeros, where there are many, have a bar of their own."""
    zeros = int((array == 0).sum())
    apart = zeros > LARGE_SHARE * len(array) and array.min() == 0
    rest = array[array != 0] if apart else array
    low, high = np.quantile(rest, [FROM, TO])
    edges = _round_edges(low, high, _is_whole(kind))
    counts = np.bincount(np.searchsorted(edges, rest, side="right"), minlength=len(edges) + 1)
    ends = [_label(edge, kind) for edge in edges]
    labels = [f"under {ends[0]}", *(f"{one} to {other}" for one, other in pairwise(ends)), f"{ends[-1]} and more"]
    bins = [(label, int(count)) for label, count in zip(labels, counts, strict=True)]
    first, last = next(n for n, (_, c) in enumerate(bins) if c), max(n for n, (_, c) in enumerate(bins) if c)
    return [*([("0", zeros)] if apart else []), *bins[first : last + 1]]


def _round_edges(low: float, high: float, whole: bool) -> Array:
    """Ends of bins at 1, 2 and 5 times powers of ten if the numbers span a wide range, else at equal distances."""
    if low > 0 and high / low > WIDE:
        powers = 10.0 ** np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        steps = (1, 2, 5) if len(powers) * 3 <= MOST_BARS + 3 else (1,)
        edges = np.sort(np.concatenate([powers * step for step in steps]))
        return edges[(edges > low) & (edges < high)]
    width = max((high - low) / MOST_BARS, 1 if whole else 1e-12)
    power = 10.0 ** math.floor(math.log10(width))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= width * (1 - 1e-9))
    return np.arange(math.floor(low / step) + 1, math.ceil(high / step)) * step


def _is_whole(kind: str) -> bool:
    return kind.startswith(("int", "bigint", "date", "timestamp"))


def _label(number: float, kind: str) -> str:
    if kind in ("date", "timestamp"):
        return str(EPOCH + timedelta(days=int(number)))
    if float(number).is_integer():
        return f"{int(number):,}"
    return f"{number:,.4g}" if abs(number) < 1000 else f"{number:,.0f}"


def bars(rows: Sequence[Bar], total: int, width: int) -> Grid:
    """A bar for each row, as long as its share of the largest, with number and share of the total."""
    largest = max((count for _, count in rows), default=0)
    grid = Grid(show_header=False, box=None, padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=max(width // 3, 12))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, justify="right")
    grid.add_column(no_wrap=True, justify="right")
    longest = max(width - max(width // 3, 12) - 22, 8)
    for label, count in rows:
        length = round(longest * count / largest) if largest else 0
        bar = "█" * length or ("▏" if count else "")
        grid.add_row(cell(label), cell(bar, "green"), f"{count:,}", f"{count / total:.1%}" if total else "")
    return grid
