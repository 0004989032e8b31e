"""Plots in the terminal: bars for classes and truth values, a histogram for numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
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
EPOCH = date(1970, 1, 1)
Bar = tuple[str, int]


def distribution(values: pa.ChunkedArray, kind: str) -> list[Bar]:
    """Labels and numbers of entities: of each value, or of bins of a number; without those of an unknown value."""
    numeric = numbers(values)
    if numeric is None:
        counts = list(value_counts(values).items())
        rest = sum(count for _, count in counts[MOST_BARS:])
        return [*counts[:MOST_BARS], *([(f"{len(counts) - MOST_BARS:,} others", rest)] if rest else [])]
    each, of_each = np.unique(numeric, return_counts=True)
    if len(each) <= MOST_BARS:
        return [(_label(value, kind), int(count)) for value, count in zip(each, of_each, strict=True)]
    return _histogram(numeric, kind)


def _histogram(array: Array, kind: str) -> list[Bar]:
    low, high = np.quantile(array, [FROM, TO])
    if low == high:
        low, high = array.min(), array.max()
    edges = np.linspace(low, high, MOST_BARS + 1)
    whole = kind.startswith(("int", "bigint", "date", "timestamp"))
    edges = np.unique(np.floor(edges)) if whole else edges
    counts = np.bincount(np.clip(np.searchsorted(edges, array, side="right"), 1, len(edges) - 1) - 1)
    ends = [_label(edge, kind) for edge in edges]
    labels = [f"{ends[n]} to {'' if n == len(counts) - 1 else 'under '}{ends[n + 1]}" for n in range(len(counts))]
    labels[0], labels[-1] = f"under {ends[1]}", f"{ends[len(counts) - 1]} and more"
    return list(zip(labels, (int(count) for count in counts), strict=True))


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
