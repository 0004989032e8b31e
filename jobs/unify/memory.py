"""What the last run knew of records and pairs, so that a day's work is that of its changes; it can be computed anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute as pc

from jobs.unify.numbers import mixed
from quanyu.lake import Lake
from quanyu.lake.receipt import Receipt

Array = np.ndarray[Any, Any]
RECORDS, PAIRS = "gold/identity_records", "gold/identity_pairs"
PAIR = pa.schema([
    ("a", pa.int64()), ("b", pa.int64()), ("levels", pa.int64()), ("weight", pa.float64()),
    ("weights", pa.list_(pa.float64())), ("batch", pa.int64()),
])  # fmt: skip
# What a run needs of the pairs that it does not touch; the weights of fields are read when they are asked for.
BRIEF = pa.schema([PAIR.field(name) for name in ("a", "b", "weight", "batch")])
RECORD = ("raw", "shows", "called", "mark", "standing", "batch", "sign")


class Seen(NamedTuple):
    """Which state of silver was taken: as of which day (since 1970), the last commits of both tables, and in what form.

    Forms are hashes: `form` of all that makes numbers of what lies there, `compared` of how records are compared.
    """

    day: int
    identifiers: int
    people: int
    form: int
    compared: int


@dataclass
class Memory:
    """The newest row of each record, by number, and all rows of pairs (BRIEF); `rows` counts those there.

    `shown` are the identifiers of each record, as `packed` has them; `seen` is None where not all of them are known.
    """

    person: Array
    columns: dict[str, Array]
    keys: Array
    shown: pa.ListArray
    seen: Seen | None
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
        return forgotten(blocks)
    table = lake.arrow(RECORDS).to_table()
    keys = table["block_keys"].combine_chunks()
    width = len(keys.values) // max(len(keys), 1)
    if width != blocks or not len(table) or "shows" not in table.column_names:
        return forgotten(blocks, _last(table))
    person, written = table["person"].to_numpy(), table["written"].to_numpy()
    order = np.lexsort((written, person))
    newest = order[np.flatnonzero(np.append(person[order][1:] != person[order][:-1], True))]
    if table["shows"].take(pa.array(newest)).null_count:
        return forgotten(blocks, _last(table))
    matrix = keys.values.to_numpy(zero_copy_only=False).reshape(-1, width)[newest]
    columns = {name: table[name].fill_null(0).to_numpy()[newest] for name in RECORD}
    pairs = read_pairs(lake, BRIEF)
    last = max(_last(table), int(pairs["batch"].to_numpy().max()) if len(pairs) else 0)
    shown = table["shown"].combine_chunks().take(pa.array(newest))
    return Memory(person[newest], columns, matrix, shown, _seen(lake), pairs, last, len(table))


def _seen(lake: Lake) -> Seen | None:
    counts = (lake.receipt(RECORDS) or {}).get("counts", {})
    return Seen(*(int(counts[name]) for name in Seen._fields)) if set(Seen._fields) <= set(counts) else None


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
    nothing = pa.array([], pa.list_(pa.int64()))
    none = np.zeros(0, np.int64)
    return Memory(none, columns, np.zeros((0, blocks), np.int64), nothing, None, BRIEF.empty_table(), last, 0)


def remember(
    lake: Lake, receipt: Receipt, place: str, table: pa.Table, live: pa.Table | None, seen: Seen | None = None
) -> None:
    """Append rows; `live`, where given, takes the place of all that lies there, so that the dead do not pile up."""
    rows = live if live is not None else table
    if not len(rows):
        return
    write = lake.append_rows if live is None else lake.replace_rows
    write(place, rows, receipt, {"out": len(rows), **(seen._asdict() if seen else {})})


def packed(records: int, rows: pd.DataFrame) -> tuple[pa.ListArray, Array]:
    """Identifiers by record, three numbers each (kind, blocked and day in one; scope; value), and their sums by record.

    `rows` are those of links.Shown, in the order of their records.
    """
    record = rows["record"].to_numpy()
    kind, blocked, day = (rows[name].to_numpy(np.int64) for name in ("kind", "blocked", "day"))
    one = kind | blocked << 8 | day << 16
    numbers = [one, rows["scope"].to_numpy(), rows["value"].to_numpy()]
    sums = np.zeros(records, np.int64)
    with np.errstate(over="ignore"):
        np.add.at(sums, record, mixed(numbers))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(record, minlength=records) * 3)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.stack(numbers, axis=1).ravel())), sums


def unpacked(lists: pa.ListArray) -> pd.DataFrame:
    """Rows of identifiers again, `record` being the place in the lists."""
    lengths = pc.list_value_length(lists).to_numpy() // 3
    one, scope, value = lists.flatten().to_numpy().reshape(-1, 3).T
    return pd.DataFrame({
        "record": np.repeat(np.arange(len(lengths)), lengths), "kind": (one & 255).astype(np.int32), "scope": scope,
        "value": value, "day": (one >> 16).astype(np.int32), "blocked": (one >> 8 & 255).astype(np.int32),
    })  # fmt: skip


def records_table(person: Array, columns: dict[str, Array], keys: Array, shown: pa.ListArray, written: int) -> pa.Table:
    """Rows of records as they are written."""
    offsets = pa.array(np.arange(len(person) + 1, dtype=np.int32) * keys.shape[1])
    lists = pa.ListArray.from_arrays(offsets, pa.array(keys.ravel()))
    made = {name: pa.array(columns[name]) for name in RECORD}
    return pa.table({
        "person": pa.array(person), "block_keys": lists, "shown": shown, **made,
        "written": pa.array(np.full(len(person), written, np.int64)),
    })  # fmt: skip


def places(pairs: pa.Table, person: Array, batch: Array) -> tuple[Array, Array, Array]:
    """Find the pairs that count: of records that are still there, scored when one of them was scored last.

    Returns the places of both records, and the rows.
    """
    if not len(pairs) or not len(person):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
    a, b = pairs["a"].to_numpy(), pairs["b"].to_numpy()
    left, right = (np.minimum(np.searchsorted(person, x), len(person) - 1) for x in (a, b))
    there = (person[left] == a) & (person[right] == b)
    newest = np.maximum(batch[left], batch[right]) == pairs["batch"].to_numpy()
    rows = np.flatnonzero(there & newest)
    return left[rows], right[rows], rows


def current(pairs: pa.Table, person: Array, batch: Array) -> pa.Table:
    """Take the pairs that count."""
    return pairs.take(pa.array(places(pairs, person, batch)[2]))
