"""Weights of candidate pairs, on Spark's workers: each process opens the prepared records once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import dataset

from jobs.unify.matching import fields
from jobs.unify.matching.levels import HIGHEST, Column, coded, compared
from jobs.unify.matching.model import Model

ROWS = 250_000
_OPENED: dict[str, Any] = {}


@dataclass(frozen=True)
class Scorer:
    """Scores pairs of records by their places in the files of `folder`; `nobodys` are codes that tell nothing.

    Pairs below the model's floor are left out.
    """

    folder: str
    model: Model = field(repr=False)
    nobodys: Sequence[int] = ()

    def __call__(self, stream: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Take batches of a and b; give the persons' numbers, levels packed into one number, and weights in bits."""
        for batch in stream:
            for start in range(0, batch.num_rows, ROWS):
                part = batch.slice(start, ROWS)
                yield self.scored(part.column(0).to_numpy(), part.column(1).to_numpy())

    def scored(self, a: Any, b: Any) -> pa.RecordBatch:
        """Score one batch of pairs."""
        if self.folder not in _OPENED:
            _OPENED.clear()
            _OPENED[self.folder] = Compared(read(self.folder), self.model, self.nobodys)
        return _OPENED[self.folder].scored(a, b)


class Compared:
    """Prepared records in memory, ready to be compared in pairs."""

    def __init__(self, table: pa.Table, model: Model, nobodys: Sequence[int] = ()) -> None:
        self.model, self.person = model, table["person"].to_numpy()
        self.columns = coded(table)
        for name, code in (("email", "email_code"), ("phone", "phone_code"), ("phone_mask", "phone_code")):
            self.columns[name] = _without(self.columns[name], table[code].to_numpy(), nobodys)
        self.shares = model.shares(self.columns)

    def scored(self, a: Any, b: Any) -> pa.RecordBatch:
        """Score pairs by their places; those below the model's floor are left out."""
        found = compared(self.columns, a, b)
        weights = self.model.weights(found, self.shares)
        total = self.model.total(found, weights)
        kept = np.flatnonzero(total >= self.model.floor)
        lists = pa.ListArray.from_arrays(
            pa.array(np.arange(len(kept) + 1, dtype=np.int32) * len(HIGHEST)), pa.array(weights[kept].ravel())
        )
        return pa.RecordBatch.from_arrays(
            [
                pa.array(self.person[a[kept]]), pa.array(self.person[b[kept]]), pa.array(packed(found.levels[kept])),
                pa.array(total[kept].astype(np.float32)), lists,
            ],
            names=["a", "b", "levels", "weight", "weights"],
        )  # fmt: skip


def _without(column: Column, codes: Any, nobodys: Sequence[int]) -> Column:
    """Take out of a column what a hub shows."""
    if not len(nobodys):
        return column
    return replace(column, codes=np.where(np.isin(codes, np.array(nobodys)), -1, column.codes).astype(np.int32))


def read(folder: str) -> pa.Table:
    """Read the prepared records in the order of their files, which is everybody's."""
    return dataset.dataset(folder, format="parquet").to_table(columns=[*fields.PASSED, *fields.FIELDS])


def packed(levels: Any) -> Any:
    """Pack levels (pairs by comparisons) into one number each, four bits a comparison, the first lowest."""
    places = np.arange(levels.shape[1], dtype=np.int64) * 4
    return (levels.astype(np.int64) << places).sum(axis=1)


def unpacked(number: int) -> dict[str, int]:
    """Levels by comparison out of a packed number."""
    return {name: number >> (4 * place) & 15 for place, name in enumerate(HIGHEST)}
