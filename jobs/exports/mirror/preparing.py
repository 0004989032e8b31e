"""Prepared: what is to be added and withdrawn is written before any of it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.exports.mirror import reconciling
from jobs.exports.mirror.difference import current_set, difference, wanted_set, write_set
from jobs.exports.mirror.export_run import ExportRun
from jobs.exports.mirror.set_rows import SetRows
from quanyu.store import ExportBatch, ExportState

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Prepared:
    """The set with what is to be done, and where the export stands before anything is sent.

    `unsettled` are batches of earlier runs; `way` says how a set in doubt is reconciled.
    """

    state: ExportState
    values: SetRows
    unsettled: Sequence[ExportBatch]
    way: reconciling.Way | None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is or ever was on the platform, and nothing is to go there."""
        return not self.state.audience_id and not self.values.count("adding", "removing")


def prepare(run: ExportRun, state: ExportState, addresses: DataFrame) -> Prepared:
    """Write what brings the platform's set to the values of `addresses` (answers of the gate, formed).

    After a kill the next run finds by it all that may be there.
    """
    unsettled, wanted = run.open_batches(), wanted_set(addresses)
    current = current_set(run.context, run.export)
    rows = difference(current, wanted, run.day, not run.waits, [each.batch for each in unsettled])
    way = reconciling.way_of(run, state, wanted)
    write_set(run.context, run.export, reconciling.in_doubt(run, rows, way, state.purpose), run.receipt)
    if way == "withdraw":
        state = reconciling.begun(run, state)
    return Prepared(state, SetRows(run.context, run.export, run.receipt), unsettled, way)
