"""Rows of the set of an export, read once in a run: what is sent is filtered from them, and outcomes are written."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from jobs.exports.mirror.batches import REFUSED
from jobs.exports.mirror.difference import PLACE, changes
from quanyu.lake.receipt import Receipt
from quanyu.model.exports import ExportSets
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pyarrow as pa

# Where a row stands among those that were read; not a column of the table.
NTH = "nth"


class SetRows:
    """All rows of ExportSets of an export, or only those that some batches carry, as the run has written them last."""

    def __init__(
        self, context: Context, export: str, receipt: Receipt, batches: Collection[str] | None = None
    ) -> None:  # fmt: skip
        import numpy as np
        import pyarrow as pa
        from pyarrow import compute

        self._context, self._receipt = context, receipt
        where = compute.field("export") == export
        if batches is not None:
            keys = list(batches)
            where &= compute.field("batch").isin(keys) | compute.field("earlier_batch").isin(keys)
        rows = context.lake.rows(PLACE, list(ExportSets.columns), where)
        # Required columns are null in rows that are to be deleted.
        rows = rows.cast(pa.schema([(field.name, field.type) for field in rows.schema]))
        rows = rows.sort_by([("identifier", "ascending"), ("value", "ascending")])
        self._rows = rows.append_column(NTH, pa.array(np.arange(rows.num_rows)))

    def among(self, *states: str) -> pa.Table:
        """Rows in these states, or in any, sorted by identifier and value, with `nth`."""
        import pyarrow as pa
        from pyarrow import compute

        chosen = compute.is_in(self._rows["state"], pa.array(states, pa.string())) if states else None
        return (self._rows if chosen is None else self._rows.filter(chosen)).sort_by(NTH)

    def count(self, *states: str) -> int:
        """Number of rows in these states."""
        import pyarrow as pa
        from pyarrow import compute

        return int(compute.sum(compute.is_in(self._rows["state"], pa.array(states, pa.string()))).as_py() or 0)

    def refused_withdrawals(self) -> int:
        """Number of values that were not withdrawn today, and cannot be there since the platform calls them invalid."""
        import pyarrow as pa
        from pyarrow import compute

        rows = self.among("refused")
        today = compute.equal(rows["since"], pa.scalar(self._context.day, pa.date32()))
        withdrawn = compute.starts_with(rows["batch"], f"{REFUSED}/")
        return int(compute.sum(compute.and_(today, withdrawn)).as_py() or 0)

    def write(self, rows: pa.Table) -> None:
        """Write rows (with `nth`) in their new state, batch and since; those without a state are gone: deleted."""
        import pyarrow as pa
        from pyarrow import compute

        if not rows.num_rows:
            return
        self._merge(rows.drop_columns([NTH]))
        others = self._rows.filter(compute.invert(compute.is_in(self._rows[NTH], rows[NTH].combine_chunks())))
        self._rows = pa.concat_tables([others, rows.filter(compute.is_valid(rows["state"]))])

    def _merge(self, rows: pa.Table) -> None:
        lake = self._context.lake
        schema = ", ".join(f"`{name}` {column.type}" for name, column in ExportSets.columns.items())
        staged = lake.staging.stage_arrow(lake.spark, rows, schema).rows
        ready = lake.staging.stage(changes(staged))
        lake.merge(ExportSets, ready, ExportSets.keys, self._receipt, {"out": ready.count})
