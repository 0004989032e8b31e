"""Statistics of one column of a profile: coverage, mean, quantiles, most frequent values, and counts by bin."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

QUANTILES = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)
DECILES = tuple(n / 10 for n in range(1, 10))
MOST_VALUES = 20

Statistics = dict[str, Any]
Array = np.ndarray[Any, Any]


def statistics(
    values: pa.ChunkedArray, edges: Sequence[float] | None, declared: Collection[str] = ()
) -> Statistics:  # fmt: skip
    """Statistics of a column in the form of TagStatistics; without `edges`, bins are cut at the column's deciles.

    `declared` are the values that the column declares, which are listed also where a single entity has them.
    """
    row: Statistics = {"entities": len(values), "with_value": len(values) - values.null_count, "mean": None,
                       "quantiles": None, "values": None, "counts": None, "edges": None, "bins": None}  # fmt: skip
    numeric = numbers(values)
    if numeric is not None:
        return row | _of_numbers(numeric, edges)
    return row | _of_values(values, declared)


def numbers(values: pa.ChunkedArray) -> Array | None:
    """Known numbers of a column, float64 (n,); of dates and times, days since 1970; None for other types."""
    import pyarrow as pa
    from pyarrow import compute, types

    present = values.drop_null()
    if types.is_timestamp(present.type):
        present = present.cast(pa.timestamp("us")).cast(pa.date32(), safe=False)
    if types.is_date(present.type):
        present = present.cast(pa.int32())
    if not (types.is_integer(present.type) or types.is_floating(present.type) or types.is_decimal(present.type)):
        return None
    array: Array = compute.cast(present, pa.float64()).to_numpy()
    return array[np.isfinite(array)]


def _of_numbers(array: Array, edges: Sequence[float] | None) -> Statistics:
    if not array.size:
        return {"edges": list(edges or []), "bins": [0] * (len(edges or []) + 1)}
    cuts = np.unique(np.quantile(array, DECILES)) if edges is None else np.asarray(edges)
    bins = np.bincount(np.searchsorted(cuts, array, side="left"), minlength=len(cuts) + 1)
    quantiles = [float(number) for number in np.quantile(array, QUANTILES)]
    # An exact sum, whatever the order of the rows.
    mean = math.fsum(array) / len(array)
    return {"mean": mean, "quantiles": quantiles, "edges": cuts.tolist(), "bins": bins.tolist()}


def _of_values(values: pa.ChunkedArray, declared: Collection[str]) -> Statistics:
    """Most frequent values of a text, truth value or list.

    A text that is not declared and that a single entity has says something of this one: it is not listed.
    """
    from pyarrow import compute, types

    whole = types.is_boolean(values.type)
    counts = value_counts(values).items()
    listed = [(value, count) for value, count in counts if count > 1 or whole or value in declared][:MOST_VALUES]
    mean = compute.mean(values).as_py() if whole else None
    return {"mean": mean, "values": [value for value, _ in listed], "counts": [count for _, count in listed]}


def value_counts(values: pa.ChunkedArray) -> Mapping[str, int]:
    """Number of entities by value, the most frequent first, equals in order; a list counts for each of its values."""
    import pyarrow as pa
    from pyarrow import types

    flat = _elements(values) if types.is_list(values.type) else values
    pairs = flat.drop_null().cast(pa.string()).value_counts().to_pylist()
    ordered = sorted(pairs, key=lambda pair: (-pair["counts"], pair["values"]))
    return {pair["values"]: pair["counts"] for pair in ordered}


def _elements(lists: pa.ChunkedArray) -> pa.ChunkedArray:
    """Elements of all lists, an element that one of them has several times once."""
    import pyarrow as pa
    from pyarrow import compute

    whole = lists.combine_chunks()
    pairs = pa.table({"of": compute.list_parent_indices(whole), "element": compute.list_flatten(whole)})
    return pairs.group_by(["of", "element"]).aggregate([])["element"]
