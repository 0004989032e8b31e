"""Stored state of the last run, so that a day's work is proportional to its changes; it can be computed again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from quanyu.lake import Lake
from quanyu.lake.receipt import Receipt

Array = np.ndarray[Any, Any]
RECORDS, PAIRS = "gold/identity_records", "gold/identity_pairs"
PAIR = pa.schema([
    ("a", pa.int64()), ("b", pa.int64()), ("levels", pa.int64()), ("weight", pa.float64()),
    ("weights", pa.list_(pa.float64())), ("batch", pa.int64()),
])  # fmt: skip
# Columns that a run needs of unchanged pairs; the weights of fields are read on demand.
BRIEF = pa.schema([PAIR.field(name) for name in ("a", "b", "levels", "weight", "batch")])
RECORD = ("raw", "called", "mark", "standing", "batch", "sign")


@dataclass
class State:
    """The newest row of each record, sorted by person, and all rows of pairs (BRIEF).

    `person` and each of `columns` (RECORD) are (records,) int64, `keys` is (records by blocks) int64. `last` is the
    last batch; `rows` counts all stored rows of records.
    """

    person: Array
    columns: dict[str, Array]
    keys: Array
    pairs: pa.Table
    last: int
    rows: int

    def at(self, person: Array) -> tuple[Array, Array]:
        """Position of each person here (int64), and whether it is stored at all (bool)."""
        if not len(self.person):
            return np.zeros(len(person), np.int64), np.zeros(len(person), bool)
        place = np.minimum(np.searchsorted(self.person, person), len(self.person) - 1)
        return place, self.person[place] == person


def load_state(lake: Lake, blocks: int) -> State:
    """Read the state of the last run; empty where the blocks changed."""
    if not lake.exists(RECORDS):
        return empty_state(blocks, max(read_pairs(lake, BRIEF)["batch"].to_pylist(), default=0))
    table = lake.arrow(RECORDS).to_table()
    if not lake.exists(PAIRS):
        return empty_state(blocks, _last(table))
    keys = table["block_keys"].combine_chunks()
    width = len(keys.values) // max(len(keys), 1)
    if width != blocks or not len(table):
        return empty_state(blocks, _last(table))
    person, written = table["person"].to_numpy(), table["written"].to_numpy()
    order = np.lexsort((written, person))
    newest = order[np.flatnonzero(np.append(person[order][1:] != person[order][:-1], True))]
    matrix = keys.values.to_numpy(zero_copy_only=False).reshape(-1, width)[newest]
    columns = {name: table[name].fill_null(0).to_numpy()[newest] for name in RECORD}
    pairs = read_pairs(lake, BRIEF)
    last = max(_last(table), int(pairs["batch"].to_numpy().max()) if len(pairs) else 0)
    return State(person[newest], columns, matrix, pairs, last, len(table))


def persons_with_name(lake: Lake, code: int) -> list[int]:
    """Persons whose name has this code, after the last run."""
    columns = ["person", "called", "written"]
    persons = lake.rows(RECORDS, ["person"], compute.field("called") == code)["person"].unique()
    rows = lake.rows(RECORDS, columns, compute.field("person").isin(persons)).sort_by("written").to_pandas()
    newest = rows.drop_duplicates("person", keep="last")
    return [int(person) for person in newest.loc[newest["called"] == code, "person"]]


def read_pairs(lake: Lake, schema: pa.Schema) -> pa.Table:
    """Read all rows of pairs, with the columns of `schema`."""
    if not lake.exists(PAIRS):
        return schema.empty_table()
    return lake.arrow(PAIRS).to_table(columns=schema.names).select(schema.names).cast(schema)


def _last(table: pa.Table) -> int:
    return int(table["written"].to_numpy().max()) if len(table) else 0


def empty_state(blocks: int, last: int = 0) -> State:
    """Empty state."""
    columns = {name: np.zeros(0, np.int64) for name in RECORD}
    return State(np.zeros(0, np.int64), columns, np.zeros((0, blocks), np.int64), BRIEF.empty_table(), last, 0)


def append_rows(lake: Lake, receipt: Receipt, place: str, table: pa.Table, live: pa.Table | None) -> None:
    """Append rows; `live`, where given, replaces the whole table, so that outdated rows do not pile up."""
    rows = live if live is not None else table
    if not len(rows):
        return
    # Older homes have columns that are no longer written.
    for field in lake.arrow(place).schema:
        if field.name not in rows.column_names:
            rows = rows.append_column(field.name, pa.nulls(len(rows), field.type))
    write = lake.append_rows if live is None else lake.replace_rows
    write(place, rows, receipt, {"out": len(rows)})


def records_table(person: Array, columns: dict[str, Array], keys: Array, written: int) -> pa.Table:
    """Rows of records as they are stored."""
    offsets = pa.array(np.arange(len(person) + 1, dtype=np.int32) * keys.shape[1])
    lists = pa.ListArray.from_arrays(offsets, pa.array(keys.ravel()))
    arrays = {name: pa.array(columns[name]) for name in RECORD}
    last = pa.array(np.full(len(person), written, np.int64))
    return pa.table({"person": pa.array(person), "block_keys": lists, **arrays, "written": last})


def valid_pair_positions(pairs: pa.Table, person: Array, batch: Array) -> tuple[Array, Array, Array]:
    """Find the valid pairs: both records exist, and the pair was scored when one of them was scored last.

    Returns positions of both records, and the rows of pairs, each (pairs,) int64.
    """
    if not len(pairs) or not len(person):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
    a, b = pairs["a"].to_numpy(), pairs["b"].to_numpy()
    left, right = (np.minimum(np.searchsorted(person, x), len(person) - 1) for x in (a, b))
    present = (person[left] == a) & (person[right] == b)
    newest = np.maximum(batch[left], batch[right]) == pairs["batch"].to_numpy()
    rows = np.flatnonzero(present & newest)
    return left[rows], right[rows], rows


def valid_pairs(pairs: pa.Table, person: Array, batch: Array) -> pa.Table:
    """The valid pairs."""
    return pairs.take(pa.array(valid_pair_positions(pairs, person, batch)[2]))
