"""Compares two lakes table by table and row by row. Reports counts, never values of rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.verify.columns import aligned, differing, plain_text
from quanyu.grammar.table import Table
from quanyu.lake import Lake, place_of

if TYPE_CHECKING:
    import pyarrow as pa

# The key of a row in bronze and quarantine.
ROW_OF_FEED = ("_file", "_row")
# Columns that name the declaration of a row: its feed, audience or model, by what the place begins with.
LABELS = {"silver/": "source", "gold/memberships_": "audience", "gold/scores_": "model"}


@dataclass(frozen=True)
class Difference:
    """Rows of a table that differ in one column or, if `column` is empty, that only one lake has.

    `labels` are the feeds, audiences or models of these rows, if the table names them.
    """

    place: str
    column: str
    rows: int = 0
    only_a: int = 0
    only_b: int = 0
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableComparison:
    """One table in both lakes: its rows in each, how many differ in any way, and where."""

    place: str
    rows_a: int
    rows_b: int
    rows_that_differ: int
    differences: tuple[Difference, ...]


def compare(left: Lake, right: Lake, tables: Mapping[str, type[Table]]) -> list[TableComparison]:
    """Compare every table of either lake by its declared key; the order of rows does not matter.

    Values are equal if they have the same bytes; doubles if they differ by less than 1e-9 of their size. A table that
    only one lake has is compared with an empty one.
    """
    keys = {place_of(table): _key(table) for table in tables.values()}
    places = sorted({*left.places(), *right.places()})
    return [compare_table(left, right, place, keys.get(place, ROW_OF_FEED)) for place in places]


def _key(table: type[Table]) -> tuple[str, ...]:
    return (*table.identity(), "recorded_on") if table.layer == "silver" else table.identity()


def compare_table(left: Lake, right: Lake, place: str, key: Sequence[str]) -> TableComparison:
    """Compare one table, a column at a time, so that a complete table is never in memory."""
    sides = [_Side(lake, place) for lake in (left, right)]
    every = [side.names for side in sides if side.names]
    shared = [name for name in every[0] if all(name in names for names in every)]
    key_columns = [name for name in key if name in shared] or shared
    pairs = aligned(*(side.columns(key_columns) for side in sides))
    if pairs.repeated:
        # A repeated key does not identify pairs: compare complete rows instead.
        pairs = aligned(*(side.columns(shared) for side in sides))
    differences = list(_of_rows(place, sides, pairs))
    changed = np.zeros(len(pairs.a), bool)
    for name in dict.fromkeys([*sides[0].names, *sides[1].names]):
        mask = _mask(sides, name, pairs)
        changed |= mask
        if mask.any():
            labels = sides[0].labels(pairs.a[mask])
            differences.append(Difference(place, name, int(mask.sum()), labels=labels))
    alone = len(pairs.only_a) + len(pairs.only_b)
    return TableComparison(place, sides[0].rows, sides[1].rows, int(changed.sum()) + alone, tuple(differences))


def _of_rows(place: str, sides: Sequence[_Side], pairs: Any) -> Iterator[Difference]:
    if len(pairs.only_a) or len(pairs.only_b):
        labels = {*sides[0].labels(pairs.only_a), *sides[1].labels(pairs.only_b)}
        counts = {"only_a": len(pairs.only_a), "only_b": len(pairs.only_b)}
        yield Difference(place, "", labels=tuple(sorted(labels)), **counts)


def _mask(sides: Sequence[_Side], name: str, pairs: Any) -> np.ndarray[Any, Any]:
    """Pairs of rows that differ in a column: bool of shape (pairs,). All differ if a side lacks it or types differ."""
    if any(name not in side.names for side in sides):
        return np.ones(len(pairs.a), bool)
    values = [side.columns([name]).column(0) for side in sides]
    return differing(values[0].take(pairs.a), values[1].take(pairs.b))


class _Side:
    """A table in one lake; without rows and columns if the lake does not have it."""

    def __init__(self, lake: Lake, place: str) -> None:
        self._dataset = lake.arrow(place) if lake.exists(place) else None
        self.names: list[str] = self._dataset.schema.names if self._dataset is not None else []
        self.rows: int = self._dataset.count_rows() if self._dataset is not None else 0
        self._label = next((column for start, column in LABELS.items() if place.startswith(start)), None)

    def columns(self, names: Sequence[str]) -> pa.Table:
        """Some columns, with rows always in the same order."""
        import pyarrow as pa

        if self._dataset is None:
            return pa.table({name: pa.array([], pa.null()) for name in names})
        return plain_text(self._dataset.to_table(columns=list(names)))

    def labels(self, rows: np.ndarray[Any, Any]) -> tuple[str, ...]:
        """Names of the declarations that some rows come from; `rows` are row numbers, int64 of shape (n,)."""
        if not self._label or self._label not in self.names or not len(rows):
            return ()
        values = self.columns([self._label]).column(0).take(rows)
        return tuple(sorted(str(value) for value in values.unique().to_pylist()))
