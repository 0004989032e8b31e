"""Bands of a name of the profile: its most frequent values, or fifths of its numbers; they stay for four weeks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int32]

MOST_VALUES = 20
FIFTHS = (0.2, 0.4, 0.6, 0.8)
CUT_DAYS = 28
WHOLE = ("int", "bigint", "date")
UNKNOWN, OTHERS = "unknown", "others"
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Bands:
    """How the entities are divided by a name: by `values`, or at the `edges`, of a number, each the end of a band.

    An entity is in several bands of a list, and in exactly one of anything else.
    """

    type: str
    cut_on: date
    values: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()

    @property
    def is_list(self) -> bool:
        """Whether a value is a list."""
        return self.type.startswith("array")

    @property
    def labels(self) -> tuple[str, ...]:
        """Label of each band by its number."""
        if not self.edges:
            # Values that are new, or too many to list, are in the last band.
            return UNKNOWN, *self.values, *([] if self.type == "boolean" else [OTHERS])
        ends = [_written(edge, self.type) for edge in self.edges]
        # Of whole numbers the next one begins the next band.
        starts = [_written(edge + 1, self.type) for edge in self.edges] if self.type in WHOLE else ends
        between = (low if low == high else f"{low} – {high}" for low, high in zip(starts, ends[1:], strict=False))
        return UNKNOWN, f"≤ {ends[0]}", *between, f"≥ {starts[-1]}" if self.type in WHOLE else f"> {ends[-1]}"

    def limits(self, band: int) -> tuple[float | None, float | None]:
        """The ends of a band of numbers; None where it has none."""
        if not self.edges or not band:
            return None, None
        return (self.edges[band - 2] if band > 1 else None), (self.edges[band - 1] if band <= len(self.edges) else None)

    def stands(self, type_: str, day: date) -> bool:
        """Whether a name of a type is still cut so on a day."""
        return self.type == type_ and timedelta() <= day - self.cut_on < timedelta(days=CUT_DAYS)

    def codes(self, column: pa.ChunkedArray) -> Iterator[Codes]:
        """Numbers of the bands of all entities, shape (n,), -1 for none; several arrays for lists, which add up."""
        if self.is_list:
            yield from self._of_lists(column)
        elif self.edges:
            numbers = as_numbers(column)
            codes = np.searchsorted(np.asarray(self.edges), numbers, side="left") + 1
            yield np.where(np.isnan(numbers), 0, codes).astype(np.int32)
        else:
            yield self._places(column)

    def _places(self, texts: Any) -> Codes:
        """Band of each text, shape (n,): 0 for null; the last one for a value that is not listed."""
        import pyarrow as pa
        from pyarrow import compute

        texts = texts.cast(pa.string())
        places = compute.index_in(texts, value_set=pa.array(self.values, pa.string()))
        known = compute.fill_null(places, len(self.values)).to_numpy() + 1
        return np.where(compute.is_null(texts).to_numpy(), 0, known).astype(np.int32)

    def _of_lists(self, column: pa.ChunkedArray) -> Iterator[Codes]:
        from pyarrow import compute

        lengths = compute.fill_null(compute.list_value_length(column), 0).to_numpy()
        yield np.where(lengths == 0, 0, -1).astype(np.int32)
        owners = np.repeat(np.arange(len(column)), lengths)
        places = self._places(compute.list_flatten(column))
        for band in range(1, len(self.labels)):
            codes = np.full(len(column), -1, np.int32)
            codes[owners[places == band]] = band
            yield codes


def cut(column: pa.ChunkedArray, type_: str, day: date) -> Bands:
    """Cut a column of the profile: texts at the most frequent values, numbers and days at fifths of the entities."""
    from pyarrow import compute, types

    if types.is_boolean(column.type):
        return Bands(type_, day, ("true", "false"))
    if types.is_list(column.type) or types.is_string(column.type) or types.is_large_string(column.type):
        counts = _value_counts(compute.list_flatten(column) if types.is_list(column.type) else column)
        return Bands(type_, day, tuple(counts[:MOST_VALUES]))
    numbers = as_numbers(column)
    numbers = numbers[~np.isnan(numbers)]
    edges = np.unique(np.quantile(numbers, FIFTHS, method="lower")) if numbers.size else np.zeros(1)
    # Nothing lies above the largest number.
    edges = edges[edges < numbers.max()] if numbers.size and numbers.max() > edges[0] else edges
    return Bands(type_, day, edges=tuple(float(edge) for edge in edges))


def _value_counts(column: Any) -> list[str]:
    """Values that are not null, the most frequent first, equals in order."""
    counts = [(one["values"], one["counts"]) for one in column.value_counts().to_pylist() if one["values"] is not None]
    return [str(value) for value, _ in sorted(counts, key=lambda one: (-one[1], str(one[0])))]


def as_numbers(column: pa.ChunkedArray) -> Floats:
    """Numbers of a column, shape (n,), nan for null; of dates and times, days since 1970."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.date32(), safe=False)
    if types.is_date(column.type):
        column = column.cast(pa.int32())
    numbers: Floats = column.cast(pa.float64(), safe=False).to_numpy()
    return numbers


def is_number(type_: str) -> bool:
    """Whether values of a type of the profile can be added."""
    return type_.startswith(("int", "bigint", "double", "decimal"))


def is_cut(type_: str) -> bool:
    """Whether values of a type are divided at edges."""
    return is_number(type_) or type_ in ("date", "timestamp")


def _written(edge: float, type_: str) -> str:
    if type_ in ("date", "timestamp"):
        return str(EPOCH + timedelta(days=int(edge)))
    return f"{edge:,.0f}" if abs(edge) >= 1000 or edge == int(edge) else f"{edge:.3g}"


def stored_bands(rows: Sequence[dict[str, Any]], types_: dict[str, str]) -> dict[str, Bands]:
    """Bands by name, from the rows of an entity in the table, in the types that the names have now."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: int(row["band"])):
        by_name.setdefault(row["tag"], []).append(row)
    return {name: _stored(listed, types_[name]) for name, listed in by_name.items() if name in types_}


def _stored(rows: list[dict[str, Any]], type_: str) -> Bands:
    cut_on, edges = rows[0]["cut_on"], tuple(row["high"] for row in rows if row["high"] is not None)
    if is_cut(type_):
        return Bands(type_, cut_on, edges=edges)
    labels = [row["label"] for row in rows if row["band"]]
    return Bands(type_, cut_on, tuple(labels if type_ == "boolean" else labels[:-1]))
