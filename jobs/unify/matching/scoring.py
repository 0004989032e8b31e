"""Scores candidate pairs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.unify.matching import households
from jobs.unify.matching.comparison import COMPARISONS, PLACES
from jobs.unify.matching.levels import CodedField, coded, compare_pairs
from jobs.unify.matching.model import Model

# Pairs that are compared at a time.
ROWS = 250_000
# Bit in packed levels that marks names of two persons.
RELATIVES = np.int64(1 << 40)


class PreparedRecords:
    """Records, ready to be compared in pairs; `non_identifying` (int64) are codes of e-mails and phones to ignore."""

    def __init__(self, table: pa.Table, model: Model, non_identifying: Any = ()) -> None:
        self.model, self.person = model, table["person"].to_numpy()
        self.columns = coded(table)
        for name, kind in ((one.name, one.identifier) for one in COMPARISONS if one.identifier):
            self.columns[name] = _without(self.columns[name], table[f"{kind}_code"].to_numpy(), non_identifying)
        self.shares = model.shares(self.columns)
        # Without term frequencies, every name may be common.
        untrained = not len(model.terms["names"][0])
        # Without phones and e-mails, families and typos look alike: there the trained weights decide alone.
        self.families = np.int64(untrained or any((self.columns[name].codes >= 0).any() for name in ("phone", "email")))
        self.common = np.append((self.shares["names"] > model.rarest) | untrained, False)

    def scored(self, a: Any, b: Any) -> pa.Table:
        """Score pairs by positions; those below the model's floor are left out.

        Columns: the persons' numbers (a, b), levels packed into one number, weight and weights in bits.
        """
        parts = range(0, max(len(a), 1), ROWS)
        return pa.Table.from_batches([self._scored(a[at : at + ROWS], b[at : at + ROWS]) for at in parts])

    def _scored(self, a: Any, b: Any) -> pa.RecordBatch:
        comparison = compare_pairs(self.columns, a, b)
        weights = self.model.weights(comparison, self.shares)
        total = self.model.total(comparison, weights)
        chosen = np.flatnonzero(total >= self.model.floor)
        marked = (
            households.relatives(self.columns, self.common, a[chosen], b[chosen], comparison.levels[chosen])
            & self.families
        )
        lists = pa.ListArray.from_arrays(
            pa.array(np.arange(len(chosen) + 1, dtype=np.int32) * len(COMPARISONS)), pa.array(weights[chosen].ravel())
        )
        return pa.RecordBatch.from_arrays(
            [
                pa.array(self.person[a[chosen]]), pa.array(self.person[b[chosen]]),
                pa.array(packed(comparison.levels[chosen]) | marked * RELATIVES),
                pa.array(total[chosen].astype(np.float32)), lists,
            ],
            names=["a", "b", "levels", "weight", "weights"],
        )  # fmt: skip


def _without(column: CodedField, codes: Any, non_identifying: Any) -> CodedField:
    """Remove the values of hubs from a column."""
    if not len(non_identifying):
        return column
    return replace(column, codes=np.where(np.isin(codes, non_identifying), -1, column.codes).astype(np.int32))


def packed(levels: Any) -> Any:
    """Pack levels (pairs by comparisons) into one int64 each, four bits a comparison, the first lowest."""
    places = np.arange(levels.shape[1], dtype=np.int64) * 4
    return (levels.astype(np.int64) << places).sum(axis=1)


def are_relatives(levels: Any) -> Any:
    """Whether packed levels belong to pairs with names of two persons."""
    return (levels & RELATIVES) != 0


def unpacked(number: int) -> dict[str, int]:
    """Levels by comparison, from a packed number."""
    return {name: number >> (4 * place) & 15 for name, place in PLACES.items()}
