"""Uploaded: what is prepared goes out in batches, withdrawals before additions, each with the platform's receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from jobs.exports.mirror import reconciling
from jobs.exports.mirror.audience_place import opened
from jobs.exports.mirror.batches import Operation, Sent, emptied, prepared, send
from jobs.exports.mirror.export_run import ExportRun
from jobs.exports.mirror.preparing import Prepared
from jobs.exports.mirror.set_rows import SetRows
from jobs.exports.platform import OnlinePlatform
from quanyu.errors import QuanyuError, RetryableError
from quanyu.store import ExportBatch, ExportState

if TYPE_CHECKING:
    import pyarrow as pa

# An audience that its platform ends after a time is renewed so long before.
RENEWED_BEFORE = timedelta(days=30)


def upload(run: ExportRun, ready: Prepared, sent: Sent) -> ExportState:
    """Send what is prepared, and note in `sent` what became of it. Raises a QuanyuError if there is no audience."""
    adds, way = not run.waits, ready.way
    try:
        state = opened(run, ready.state)
    except QuanyuError as refused:
        if not ready.state.audience_id:
            raise
        # The audience of before is usable: a further list that is refused holds no withdrawal back.
        state, sent.error, adds, way = ready.state, refused, False, None if way == "replace" else way
    if way == "replace":
        state = reconciling.replaced(run, state, ready.values, sent)
    state = withdraw(run, state, ready, sent)
    if adds and not state.doubted and not isinstance(sent.error, RetryableError):
        add(run, state, ready, sent)
    _give_up(run, ready.unsettled, sent)
    return state


def withdraw(run: ExportRun, state: ExportState, ready: Prepared, sent: Sent) -> ExportState:
    """Withdraw, whatever waits, and before anything is added. Return the state, in which a doubt may have ended.

    A value that a batch may still add is withdrawn now and once more after that has ended; all others wait for the
    batch that carries them. So no two batches with one value ever race, but for that one withdrawal.
    """
    values = ready.values
    carried = [batch for batch in ready.unsettled if batch.operation == "remove" and batch.state == "pending"]
    leaving = _not_in(values.among("removing"), carried)
    _send_rows(run, state, "remove", values, leaving, ready.unsettled, sent)
    if state.withdrawing and not values.count("removing"):
        return reconciling.certain(run, state)
    return state


def add(run: ExportRun, state: ExportState, ready: Prepared, sent: Sent) -> None:
    """Add new values, and those again that the platform ends soon, unless an earlier batch still carries them.

    Nobody is added while more may be there than the home knows.
    """
    due = _due(ready.values.among("adding", "there"), run.platform, run.day)
    _send_rows(run, state, "add", ready.values, _not_in(due, ready.unsettled), ready.unsettled, sent)


def _send_rows(
    run: ExportRun, state: ExportState, operation: Operation, values: SetRows, rows: pa.Table,
    unsettled: Sequence[ExportBatch], sent: Sent,
) -> None:  # fmt: skip
    """Write which batch will carry each row, send the batches, and write what became of the rows."""
    import pyarrow as pa

    weights = run.weights if operation == "add" else None
    keys = [batch.batch for batch in unsettled]
    ready = prepared(run.export, operation, rows, run.platform.limits.batch, keys, weights)
    if not ready:
        return
    values.write(pa.concat_tables([part for _, part in ready]))
    before = len(sent.outcomes)
    send(run.platform, state, operation, ready, run.day, run.record, sent)
    outcomes = [rows.slice(0, 0), *sent.outcomes[before:]]
    if operation == "remove" and sent.emptied:
        outcomes.append(emptied(values.among("there"), sent.emptied, run.day))
    values.write(pa.concat_tables(outcomes))


def _not_in(rows: pa.Table, batches: Sequence[ExportBatch]) -> pa.Table:
    """Rows that none of these batches carries."""
    import pyarrow as pa
    from pyarrow import compute

    keys = pa.array([batch.batch for batch in batches], pa.string())
    return rows.filter(compute.invert(compute.fill_null(compute.is_in(rows["batch"], keys), False)))


def _due(rows: pa.Table, platform: OnlinePlatform, day: date) -> pa.Table:
    """Rows to be added: new ones, and those there that the platform ends soon if they are not sent again."""
    import pyarrow as pa
    from pyarrow import compute

    new = compute.equal(rows["state"], "adding")
    lifetime = platform.limits.lifetime
    if lifetime is None:
        return rows.filter(new)
    oldest = day - (lifetime - min(RENEWED_BEFORE, lifetime / 2))
    return rows.filter(compute.or_(new, compute.less_equal(rows["since"], pa.scalar(oldest, pa.date32()))))


def _give_up(run: ExportRun, unsettled: Sequence[ExportBatch], sent: Sent) -> None:
    """Mark batches at which an earlier run ended: whether they arrived stays unknown; the next run adds their values.

    Last of all: after a kill they are still open, so that nothing that they carry is added meanwhile.
    """
    lost = [batch for batch in unsettled if batch.state == "sent" and batch.batch not in sent.tried]
    run.record(*(replace(batch, state="unknown") for batch in lost))
