"""Sends what is to be added and withdrawn in batches, and turns what the platform says into states of values."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Literal

from jobs.exports.platform import Batch, BatchReceipt, OnlinePlatform
from quanyu.errors import QuanyuError, RejectedError
from quanyu.store import ExportBatch, ExportState

if TYPE_CHECKING:
    import pyarrow as pa

Operation = Literal["add", "remove"]
# State of a value after its batch is done; null: it is gone.
SETTLED = {"add": "there", "remove": None}


@dataclass
class Sent:
    """What became of the batches of a run: their records, the rows of the set that changed, and the first error."""

    batches: list[ExportBatch] = field(default_factory=list)
    outcomes: list[pa.Table] = field(default_factory=list)
    error: QuanyuError | None = None

    def rows(self, operation: Operation) -> int:
        """Number of values that the platform took, or takes now, in an operation."""
        return sum(batch.rows for batch in self.batches if batch.operation == operation and batch.state != "failed")


def batch_key(export: str, operation: str, identifier: str, values: pa.Array) -> str:
    """Hash of all that a batch is: the same values of the same export give the same key."""
    content = hashlib.sha256(f"{export}|{operation}|{identifier}".encode())
    for value in values:
        content.update(b"|" + value.as_py().encode())
    return content.hexdigest()


def batches(export: str, operation: Operation, rows: pa.Table, most: int) -> Iterator[tuple[Batch, pa.Table]]:
    """Cut rows of a set, sorted by identifier and value, into batches of one identifier with at most `most` values."""
    from pyarrow import compute

    for identifier in rows["identifier"].unique().to_pylist():
        of_identifier = rows.filter(compute.equal(rows["identifier"], identifier))
        for start in range(0, of_identifier.num_rows, most):
            part = of_identifier.slice(start, most)
            values = part["value"].combine_chunks()
            yield Batch(batch_key(export, operation, identifier, values), identifier, values), part


def send(
    platform: OnlinePlatform, state: ExportState, operation: Operation, rows: pa.Table, day: date,
    unsettled: Collection[str], sent: Sent,
) -> None:  # fmt: skip
    """Send rows as batches of an operation, and note in `sent` what became of each.

    `unsettled` are keys of batches whose outcome the platform has still to tell: rows that they carry are sent, and
    stay to be sent again, since the platform may take both in any order. A batch that is refused is noted and the
    others go on; if the platform does not answer, the rest waits for the next run.
    """
    call = platform.add if operation == "add" else platform.remove
    for batch, part in batches(state.export, operation, rows, platform.limits.batch):
        try:
            receipt = call(state.audience_id, batch)
        except RejectedError as error:
            receipt = BatchReceipt("", "failed", words=str(error))
            sent.error = sent.error or error
        except QuanyuError as error:
            sent.error = error
            return
        sent.batches.append(
            ExportBatch(
                batch.key, state.export, operation, batch.identifier, part.num_rows, receipt.state, receipt.handle,
                receipt.invalid, receipt.words,
            )
        )  # fmt: skip
        sent.outcomes.append(outcome(part, receipt, operation, batch.key, day, unsettled))


def outcome(
    part: pa.Table, receipt: BatchReceipt, operation: Operation, key: str, day: date, unsettled: Collection[str]
) -> pa.Table:
    """Rows of a batch with the state that its receipt gives them, but for those that an unsettled batch carries too."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import compute

    if receipt.state == "failed":
        return part.slice(0, 0)
    held = np.asarray(compute.fill_null(compute.is_in(part["batch"], pa.array(list(unsettled), pa.string())), False))
    values = {"batch": pa.array([key] * part.num_rows, pa.string())}
    if receipt.state == "done":
        states = np.full(part.num_rows, SETTLED[operation], dtype=object)
        if operation == "add":
            states[list(receipt.rejected)] = "refused"
        values |= {"state": pa.array(states, pa.string()), "since": pa.array([day] * part.num_rows, pa.date32())}
    for name, column in values.items():
        part = part.set_column(part.column_names.index(name), name, column)
    return part.filter(pa.array(~held))


def settle(rows: pa.Table, batch: ExportBatch, receipt: BatchReceipt, day: date) -> pa.Table:
    """Rows that a batch carried, by the answer of a poll: those in another state than it left them are sent again."""
    import pyarrow as pa
    from pyarrow import compute

    operation: Operation = "add" if batch.operation == "add" else "remove"
    states = pa.array(["adding", "there"] if operation == "add" else ["removing"])
    of_batch = compute.fill_null(compute.equal(rows["batch"], batch.batch), False)
    carried = rows.filter(compute.and_(of_batch, compute.is_in(rows["state"], states)))
    return outcome(carried, receipt, operation, batch.batch, day, ())
