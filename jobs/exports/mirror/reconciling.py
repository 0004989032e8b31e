"""What was sent after a backup that was restored is on platforms, and unknown to the home: each export reconciles it.

Where a platform can replace a whole set, it is replaced by today's. Otherwise every value that the home could ever have
sent is withdrawn unless it is wanted today: to withdraw a value that is not there does no harm on any platform.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Literal

from jobs.exports.mirror.batches import Sent, batch_key, prepared, with_columns
from jobs.exports.mirror.difference import current_set
from jobs.exports.mirror.export_run import ExportRun
from jobs.exports.mirror.sendable import sendable_values
from jobs.exports.mirror.set_rows import SetRows
from quanyu.errors import QuanyuError
from quanyu.store import ExportBatch, ExportState

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

Way = Literal["replace", "withdraw"]
WITHDRAWN = (
    "restored from a backup: everything that may have been sent since is withdrawn before anybody is added; if somebody"
    " was erased since, delete the audience on the platform, then call quanyu export restart"
)


def way_of(run: ExportRun, state: ExportState, wanted: DataFrame) -> Way | None:
    """How the set is reconciled now; None if it is not in doubt, or not yet: days are missing that may have been sent.

    It is only replaced where everybody who is wanted may be added.
    """
    if state.doubted is None or run.day < state.doubted:
        return None
    if "replace" in run.platform.can() and not run.waits and wanted.limit(1).count():
        return "replace"
    return None if state.withdrawing else "withdraw"


def notes(before: ExportState, after: ExportState, sent: Sent) -> Iterator[str]:
    """Say what a run did about the doubt of the state before it, if there was any."""
    if before.doubted is None:
        return
    if after.doubted is None and any(batch.operation == "replace" for batch in sent.batches):
        yield "restored from a backup: the whole set on the platform was replaced"
    elif after.doubted is None:
        yield "restored from a backup: everything that may have been sent since is withdrawn"
    elif after.withdrawing:
        yield WITHDRAWN
    else:
        yield f"restored from a backup: nobody is added before {after.doubted}, and not before the set is reconciled"


def in_doubt(run: ExportRun, rows: DataFrame, way: Way | None, purpose: str) -> DataFrame:
    """The set (as `difference` gives it) if nothing is sure: what is there is added again, all else is withdrawn.

    Unless the set is replaced as a whole, everything that may be there gets a row. Without a way nothing changes.
    """
    if way is None:
        return rows
    context, day = run.context, run.day
    again = {
        "state": "if(state = 'there', 'adding', coalesce(state, 'removing')) as state",
        "since": f"if(state = 'there', date'{day}', since) as since",
        "is_changed": "is_changed or state = 'there' as is_changed",
    }
    known = context.lake.staging.materialize(rows.selectExpr(*(again.get(name, name) for name in rows.columns)))
    if way == "replace":
        return known
    value = ("identifier", "value")
    unknown = sendable_values(context, run.platform, purpose).join(known.select(*value), [*value], "left_anti")
    none = ("cast(null as string) as batch", "cast(null as string) as earlier_batch")
    beyond = unknown.selectExpr(
        "identifier", "value", "customer_id", "address_hash", "'removing' as state", *none, f"date'{day}' as since",
        "true as is_changed",
    )  # fmt: skip
    return known.unionByName(beyond)


def begun(run: ExportRun, state: ExportState) -> ExportState:
    """Note that all that is to be withdrawn is written."""
    return run.saved(replace(state, withdrawing=True))


def settled(run: ExportRun, state: ExportState) -> ExportState:
    """The state without doubt, once every withdrawal is confirmed that an earlier run began."""
    current = current_set(run.context, run.export)
    if not state.withdrawing or current.where("state = 'removing'").limit(1).count():
        return state
    return certain(run, state)


def certain(run: ExportRun, state: ExportState) -> ExportState:
    """Note that nothing unknown is on the platform."""
    return run.saved(replace(state, doubted=None, withdrawing=False))


def replaced(run: ExportRun, state: ExportState, values: SetRows, sent: Sent) -> ExportState:
    """Replace the whole set on the platform by the values that are to be added; all others are gone then.

    Without the platform's receipt the set stays in doubt, and the next run replaces it again.
    """
    ready = prepared(run.export, "add", values.among("adding"), run.platform.limits.batch, [], run.weights)
    try:
        receipt = run.platform.replace(state.audience_id, (batch for batch, _ in ready))
    except QuanyuError as error:
        sent.error = error
        return state
    if receipt.state != "done":
        return state
    _write_replaced(run, [part for _, part in ready], values)
    rows = sum(part.num_rows for _, part in ready)
    key = batch_key(run.export, "replace", "", values.among("there")["value"].combine_chunks())
    whole = ExportBatch(key, run.export, "replace", "", rows, "done", receipt.handle, receipt.invalid, receipt.words)
    run.record(whole)
    sent.batches.append(whole)
    return certain(run, state)


def _write_replaced(run: ExportRun, parts: Sequence[pa.Table], values: SetRows) -> None:
    import pyarrow as pa

    gone = _settled_rows(values.among("removing"), None, run.day)
    values.write(pa.concat_tables([*(_settled_rows(part, "there", run.day) for part in parts), gone]))


def _settled_rows(rows: pa.Table, state: str | None, day: date) -> pa.Table:
    import pyarrow as pa

    states = pa.repeat(pa.scalar(state, pa.string()), rows.num_rows)
    return with_columns(rows, {"state": states, "since": pa.repeat(pa.scalar(day, pa.date32()), rows.num_rows)})
