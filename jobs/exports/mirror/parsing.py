"""Parsing: the platform still reads batches of earlier runs, which are asked for and settled."""

from __future__ import annotations

from dataclasses import replace

from jobs.exports.mirror.batches import settle
from jobs.exports.mirror.export_run import ExportRun
from jobs.exports.mirror.set_rows import SetRows
from jobs.exports.platform import BatchReceipt
from quanyu.errors import QuanyuError, RejectedError
from quanyu.store import ExportBatch, ExportState


def poll(run: ExportRun, state: ExportState) -> QuanyuError | None:
    """Ask what became of the batches of earlier runs, and settle the values that they carried.

    Returns the first error: it keeps no withdrawal back. A batch that the platform refuses to tell of has failed.
    """
    first: QuanyuError | None = None
    pending = [batch for batch in run.open_batches() if batch.state != "sent"]
    if not pending:
        return None
    values = SetRows(run.context, run.export, run.receipt, [batch.batch for batch in pending])
    for batch in pending:
        try:
            answer = run.platform.poll(state.audience_id, batch.handle)
        except RejectedError as error:
            answer, first = BatchReceipt(batch.handle, "failed", words=str(error)), first or error
        except QuanyuError as error:
            first = first or error
            continue
        if answer.state != "pending":
            _settle(run, values, batch, answer)
    return first


def _settle(run: ExportRun, values: SetRows, batch: ExportBatch, answer: BatchReceipt) -> None:
    """Write what became of the values of a batch, and then of itself: a kill in between asks once more."""
    values.write(settle(values.among(), batch, answer, run.platform, run.day))
    invalid = answer.invalid + len(answer.rejected)
    run.record(replace(batch, state=answer.state, invalid=invalid, words=answer.words))
