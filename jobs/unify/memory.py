"""What the last run knew of records and pairs, so that a day's work is that of its changes; it can be computed anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from quanyu.lake import Lake
from quanyu.lake.receipt import Receipt

Array = np.ndarray[Any, Any]
RECORDS, PAIRS = "gold/identity_records", "gold/identity_pairs"
PAIR = pa.schema([
    ("a", pa.int64()), ("b", pa.int64()), ("levels", pa.int64()), ("weight", pa.float64()),
    ("weights", pa.list_(pa.float64())), ("batch", pa.int64()),
])  # fmt: skip
# What a run needs of the pairs that it does not touch; the weights of fields are read when they are asked for.
BRIEF = pa.schema([PAIR.field(name) for name in ("a", "b", "levels", "weight", "batch")])
RECORD = ("raw", "called", "mark", "standing", "batch", "sign")


@dataclass
class Memory:
    """The newest row of each record, by number, and all rows of pairs (BRIEF); `rows` counts those there."""

    person: Array
    columns: dict[str, Array]
    keys: Array
    pairs: pa.Table
    last: int
    rows: int

    def at(self, person: Array) -> tuple[Array, Array]:
        """Place of each record here, and whether it is here at all."""
        if not len(self.person):
            return np.zeros(len(person), np.int64), np.zeros(len(person), bool)
        place = np.minimum(np.searchsorted(self.person, person), len(self.person) - 1)
        return place, self.person[place] == person


def recall(lake: Lake, blocks: int) -> Memory:
    """Read what the last run knew; nothing where the blocks are others than they were."""
    if not lake.exists(RECORDS):
        return forgotten(blocks, max(read_pairs(lake, BRIEF)["batch"].to_pylist(), default=0))
    table = lake.arrow(RECORDS).to_table()
    if not lake.exists(PAIRS):
        return forgotten(blocks, _last(table))
    keys = table["block_keys"].combine_chunks()
    width = len(keys.values) // max(len(keys), 1)
    if width != blocks or not len(table):
        return forgotten(blocks, _last(table))
    person, written = table["person"].to_numpy(), table["written"].to_numpy()
    order = np.lexsort((written, person))
    newest = order[np.flatnonzero(np.append(person[order][1:] != person[order][:-1], True))]
    matrix = keys.values.to_numpy(zero_copy_only=False).reshape(-1, width)[newest]
    columns = {name: table[name].fill_null(0).to_numpy()[newest] for name in RECORD}
    pairs = read_pairs(lake, BRIEF)
    last = max(_last(table), int(pairs["batch"].to_numpy().max()) if len(pairs) else 0)
    return Memory(person[newest], columns, matrix, pairs, last, len(table))


def read_pairs(lake: Lake, schema: pa.Schema) -> pa.Table:
    """Read all rows of pairs, in some of their columns."""
    if not lake.exists(PAIRS):
        return schema.empty_table()
    return lake.arrow(PAIRS).to_table(columns=schema.names).select(schema.names).cast(schema)


def _last(table: pa.Table) -> int:
    return int(table["written"].to_numpy().max()) if len(table) else 0


def forgotten(blocks: int, last: int = 0) -> Memory:
    """Know nothing."""
    columns = {name: np.zeros(0, np.int64) for name in RECORD}
    return Memory(np.zeros(0, np.int64), columns, np.zeros((0, blocks), np.int64), BRIEF.empty_table(), last, 0)


def remember(lake: Lake, receipt: Receipt, place: str, table: pa.Table, live: pa.Table | None) -> None:
    """Append rows; `live`, where given, takes the place of all that lies there, so that the dead do not pile up."""
    rows = live if live is not None else table
    if not len(rows):
        return
    # A home of before has columns that are written no more.
    for field in lake.arrow(place).schema:
        if field.name not in rows.column_names:
            rows = rows.append_column(field.name, pa.nulls(len(rows), field.type))
    write = lake.append_rows if live is None else lake.replace_rows
    write(place, rows, receipt, {"out": len(rows)})


def records_table(person: Array, columns: dict[str, Array], keys: Array, written: int) -> pa.Table:
    """Rows of records as they are written."""
    offsets = pa.array(np.arange(len(person) + 1, dtype=np.int32) * keys.shape[1])
    lists = pa.ListArray.from_arrays(offsets, pa.array(keys.ravel()))
    arrays = {name: pa.array(columns[name]) for name in RECORD}
    last = pa.array(np.full(len(person), written, np.int64))
    return pa.table({"person": pa.array(person), "block_keys": lists, **arrays, "written": last})


def places(pairs: pa.Table, person: Array, batch: Array) -> tuple[Array, Array, Array]:
    """Find the pairs that count: of records that are still there, scored when one of them was scored last.

    Returns the places of both records, and the rows.
    """
    if not len(pairs) or not len(person):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
    a, b = pairs["a"].to_numpy(), pairs["b"].to_numpy()
    left, right = (np.minimum(np.searchsorted(person, x), len(person) - 1) for x in (a, b))
    present = (person[left] == a) & (person[right] == b)
    newest = np.maximum(batch[left], batch[right]) == pairs["batch"].to_numpy()
    rows = np.flatnonzero(present & newest)
    return left[rows], right[rows], rows


def current(pairs: pa.Table, person: Array, batch: Array) -> pa.Table:
    """Take the pairs that count."""
    return pairs.take(pa.array(places(pairs, person, batch)[2]))
