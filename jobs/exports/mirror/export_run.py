"""A run of an export to an account, as each of its states uses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from jobs.exports.platform import OnlinePlatform
from quanyu.lake.receipt import Receipt
from quanyu.run.runner import Context
from quanyu.store import ExportBatch, ExportState

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class ExportRun:
    """One run of an export. `waits` are reasons to add nobody; `describes` says what the audience is.

    `weights` (customer_id, weight) rank the members of a seed, where the platform takes them.
    """

    context: Context
    receipt: Receipt
    platform: OnlinePlatform
    export: str
    waits: Sequence[str]
    describes: str
    weights: pa.Table | None = None

    @property
    def day(self) -> date:
        """The day whose members are sent."""
        return self.context.day

    def open_batches(self) -> list[ExportBatch]:
        """Batches of which it is not known what became of them."""
        return self.context.store.exports.open(self.export)

    def record(self, *batches: ExportBatch) -> None:
        """Store what became of batches."""
        self.context.store.exports.record(batches)

    def saved(self, state: ExportState) -> ExportState:
        """Store where the export stands, and return it."""
        self.context.store.exports.save(state)
        return state
