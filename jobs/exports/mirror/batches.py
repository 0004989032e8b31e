"""Sends what is to be added and withdrawn in batches, and turns what the platform says into states of values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from jobs.exports.platform import Batch, BatchReceipt, OnlinePlatform
from quanyu.errors import QuanyuError, RejectedError
from quanyu.store import ExportBatch, ExportState

if TYPE_CHECKING:
    import pyarrow as pa

Operation = Literal["add", "remove", "replace"]
# State of a value after its batch is done; null: it is gone.
SETTLED: Mapping[Operation, str | None] = {"add": "there", "remove": None}
# A row whose withdrawal was refused in a batch of so many rows names it as `refused/ROWS`. It goes again in one of a
# tenth; the key of that ends with its size. Of these at most so many go in a run.
REFUSED, SMALLER, MOST_AGAIN = "refused", 10, 1_000
SIZED, ALONE = r"^(?P<key>.*)/(?P<size>\d+)$", "/1"


@dataclass
class Sent:
    """What became of the batches of a run: their records, the rows of the set that changed, and the first error.

    `tried` are keys of all batches that were begun, `emptied` identifiers of which the platform has nobody any more.
    """

    batches: list[ExportBatch] = field(default_factory=list)
    outcomes: list[pa.Table] = field(default_factory=list)
    tried: set[str] = field(default_factory=set)
    emptied: set[str] = field(default_factory=set)
    error: QuanyuError | None = None

    def rows(self, *operations: Operation) -> int:
        """Number of values that the platform took, or takes now, in some operations."""
        return sum(batch.rows for batch in self.batches if batch.operation in operations and batch.state != "failed")


def batch_key(export: str, operation: str, identifier: str, values: pa.Array) -> str:
    """Hash of all that a batch is: the same values of the same export give the same key."""
    import pyarrow as pa
    from pyarrow import compute

    # Joined by Arrow: a file has up to a million values.
    joined = compute.binary_join(pa.ListArray.from_arrays([0, len(values)], values), "|")[0].as_py()
    return hashlib.sha256(f"{export}|{operation}|{identifier}|{joined}".encode()).hexdigest()


def batches(
    export: str, operation: Operation, rows: pa.Table, most: int, weights: pa.Table | None = None
) -> Iterator[tuple[Batch, pa.Table]]:
    """Cut rows of a set, sorted by identifier and value, into batches of one identifier with at most `most` values.

    `weights` (customer_id, weight) go with the values; a customer without one weighs 0, and so does a negative weight.
    """
    from pyarrow import compute

    for identifier in rows["identifier"].unique().to_pylist():
        of_identifier = rows.filter(compute.equal(rows["identifier"], identifier))
        for start in range(0, of_identifier.num_rows, most):
            part = of_identifier.slice(start, most)
            values = part["value"].combine_chunks()
            key = batch_key(export, operation, identifier, values)
            yield Batch(key, identifier, values, None if weights is None else _weights(part, weights)), part


def _weights(rows: pa.Table, weights: pa.Table) -> pa.Array:
    from pyarrow import compute

    position = compute.index_in(rows["customer_id"], weights["customer_id"].combine_chunks())
    known = compute.fill_null(weights["weight"].take(position).cast("double"), 0.0)
    return compute.max_element_wise(known, 0.0).combine_chunks()


def prepared(
    export: str, operation: Operation, rows: pa.Table, most: int, unsettled: Collection[str],
    weights: pa.Table | None = None,
) -> list[tuple[Batch, pa.Table]]:  # fmt: skip
    """Batches with their rows, which name the batch that will carry each: to be written before any of them is sent.

    A row that is withdrawn while a batch of `unsettled` may still add it keeps that batch's key as `earlier_batch`.
    Rows whose withdrawal was refused go in ever smaller batches, until it is known which of them the platform refuses.
    """
    import pyarrow as pa
    from pyarrow import compute

    keys = pa.array(unsettled, pa.string())
    earlier = [
        compute.if_else(compute.is_in(rows[name], keys), rows[name], None) for name in ("earlier_batch", "batch")
    ]
    rows = with_columns(rows, {"earlier_batch": compute.coalesce(*earlier)})
    whole, *smaller = _by_size(rows) if operation == "remove" else [(0, rows)]
    ready = list(batches(export, operation, whole[1], most, weights))
    for size, refused in smaller:
        few = refused.slice(0, size * MOST_AGAIN)
        ready += [
            (replace(batch, key=f"{batch.key}/{size}"), part) for batch, part in batches(export, operation, few, size)
        ]
    return [
        (batch, with_columns(part, {"batch": pa.repeat(pa.scalar(batch.key, pa.string()), part.num_rows)}))
        for batch, part in ready
    ]


def _by_size(rows: pa.Table) -> list[tuple[int, pa.Table]]:
    """Rows to be withdrawn by the size of their next batch: first those that were not refused, as size 0."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import compute

    named = compute.extract_regex(rows["batch"].combine_chunks(), SIZED)
    refused = compute.fill_null(compute.equal(compute.struct_field(named, "key"), REFUSED), False)
    before = compute.fill_null(compute.struct_field(named, "size").cast("int64"), 0).to_numpy(zero_copy_only=False)
    sizes = np.where(refused.to_numpy(zero_copy_only=False), np.maximum(before // SMALLER, 1), before)
    return [(int(size), rows.filter(pa.array(sizes == size))) for size in np.union1d([0], sizes)]


def send(
    platform: OnlinePlatform, state: ExportState, operation: Operation, ready: Sequence[tuple[Batch, pa.Table]],
    day: date, record: Callable[[ExportBatch], None], sent: Sent,
) -> None:  # fmt: skip
    """Send batches of an operation, and note in `sent` what became of each; `record` stores it at once.

    A batch that is refused is noted and the others go on; if the platform does not answer, the rest waits for the next
    run.
    """
    call = platform.add if operation == "add" else platform.remove
    for batch, part in ready:
        written = ExportBatch(batch.key, state.export, operation, batch.identifier, part.num_rows, "sent")
        record(written)
        sent.tried.add(batch.key)
        try:
            receipt = call(state.audience_id, batch)
        except RejectedError as error:
            receipt = BatchReceipt("", "failed", words=str(error))
            sent.error = sent.error or error
        except QuanyuError as error:
            sent.error = error
            return
        answered = replace(
            written,
            state=receipt.state,
            handle=receipt.handle,
            words=receipt.words,
            invalid=receipt.invalid + len(receipt.rejected),
        )
        record(answered)
        sent.batches.append(answered)
        sent.outcomes.append(outcome(part, receipt, operation, platform, day))
        if receipt.emptied:
            sent.emptied.add(batch.identifier)


def outcome(
    part: pa.Table, receipt: BatchReceipt, operation: Operation, platform: OnlinePlatform, day: date
) -> pa.Table:  # fmt: skip
    """Rows of a batch with the state that its receipt gives them; none while it is pending, or after it failed.

    A row that an earlier batch may still add is withdrawn once more.
    """
    import numpy as np
    import pyarrow as pa
    from pyarrow import compute

    if receipt.state != "done":
        return part.slice(0, 0)
    states, carried = np.full(part.num_rows, SETTLED[operation], dtype=object), part["batch"]
    failed = np.zeros(part.num_rows, dtype=bool)
    failed[list(receipt.rejected)] = True
    if operation == "remove":
        # Where the platform counts some that it does not name, nobody knows which values are still there.
        failed |= receipt.invalid > 0
        states[failed] = "removing"
        states[_never_there(part, failed, receipt, platform)] = "refused"
        carried = compute.if_else(pa.array(failed), f"{REFUSED}/{part.num_rows}", carried)
    else:
        # A value that was there before may still be there.
        before, passing = np.asarray(part["state"].to_pylist(), dtype=object), _passing(failed, receipt, platform)
        states[failed] = np.where(before[failed] == "there", "there", np.where(passing[failed], "adding", "refused"))
    again = compute.is_valid(part["earlier_batch"])
    changed = {
        "state": compute.if_else(again, part["state"], pa.array(states, pa.string())),
        "batch": compute.coalesce(part["earlier_batch"], carried),
        "earlier_batch": pa.nulls(part.num_rows, pa.string()),
        "since": pa.array([day] * part.num_rows, pa.date32()),
    }
    return with_columns(part, changed)


def _passing(failed: Any, receipt: BatchReceipt, platform: OnlinePlatform) -> Any:
    """Which of the failed rows may succeed later, by what the platform says of each or of all."""
    import numpy as np

    reasons = {int(place): receipt.reasons.get(int(place)) or receipt.words for place in np.flatnonzero(failed)}
    passing = np.zeros(len(failed), dtype=bool)
    passing[[place for place, reason in reasons.items() if reason in platform.passing_reasons]] = True
    return passing


def _never_there(part: pa.Table, failed: Any, receipt: BatchReceipt, platform: OnlinePlatform) -> Any:
    """Which rows cannot be there, since the platform calls their value invalid.

    It says so by a reason, or refuses the same row alone after a batch with it.
    """
    import numpy as np

    never = np.zeros(len(failed), dtype=bool)
    never[[place for place in receipt.rejected if receipt.reasons.get(place) in platform.wrong_values]] = True
    is_alone = bool(failed.any()) and part["batch"][0].as_py().endswith(ALONE)
    return never | (failed & ~_passing(failed, receipt, platform) & is_alone)


def emptied(there: pa.Table, identifiers: Collection[str], day: date) -> pa.Table:
    """Rows that were on the platform until it lost all values of these identifiers: they are to be added again."""
    import pyarrow as pa
    from pyarrow import compute

    lost = there.filter(compute.is_in(there["identifier"], pa.array(list(identifiers), pa.string())))
    states, none = pa.array(["adding"] * lost.num_rows, pa.string()), pa.nulls(lost.num_rows, pa.string())
    changed = {"state": states, "batch": none, "since": pa.array([day] * lost.num_rows, pa.date32())}
    return with_columns(lost, changed)


def with_columns(rows: pa.Table, columns: Mapping[str, Any]) -> pa.Table:
    """The rows with other content in some of their columns."""
    for name, column in columns.items():
        rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows


def settle(
    rows: pa.Table, batch: ExportBatch, receipt: BatchReceipt, platform: OnlinePlatform, day: date
) -> pa.Table:  # fmt: skip
    """Rows that a batch carried, by the answer of a poll: those in another state than it left them are sent again.

    If the platform names some by their positions and not all rows are left, nobody knows which: all are sent again.
    """
    import pyarrow as pa
    from pyarrow import compute

    operation: Operation = "add" if batch.operation == "add" else "remove"
    of_batch = rows.filter(compute.fill_null(compute.equal(rows["batch"], batch.batch), False))
    if receipt.rejected and of_batch.num_rows != batch.rows:
        return of_batch.slice(0, 0)
    settled = outcome(of_batch, receipt, operation, platform, day)
    states = pa.array(["adding", "there"] if operation == "add" else ["removing"])
    return settled.filter(compute.is_in(of_batch["state"], states)) if settled.num_rows else settled
