"""Message outcomes in the lake: written before and after sending, and read back if the store has lost them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date
from typing import TYPE_CHECKING, Any

from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.outcomes import Deliveries
from quanyu.run.runner import Context
from quanyu.store import Message

if TYPE_CHECKING:
    import pyarrow as pa

PLACE = place_of(Deliveries)
# The store remembers under this key the version of the table that it was last in step with.
AGREED = "journeys.deliveries"


def record(context: Context, receipt: Receipt) -> int:
    """Write outbox changes since the last call to the lake, in one commit. Returns the number of messages."""
    lake, outbox = context.lake, context.store.outbox
    changed = outbox.unrecorded()
    if changed:
        lake.prepare(Deliveries)
        rows = _arrow(changed, context, lake.arrow(PLACE).schema)
        lake.upsert_rows(Deliveries, rows, receipt, {"out": len(changed)})
        outbox.record(changed)
        context.store.unchanged_runs.save(AGREED, "", {"version": lake.version(PLACE)})
    return len(changed)


def restore_outbox(context: Context) -> int:
    """Restore messages from the lake that the outbox lacks, such as all of them after the store was lost.

    Returns their number. After the store or the lake was restored from a backup, the version of the table is not the
    one last agreed on.
    """
    if is_in_step(context):
        return 0
    lake, store = context.lake, context.store
    rows = lake.rows(PLACE, _columns()).to_pylist() if lake.exists(PLACE) else []
    count = store.outbox.restore([_message(row) for row in rows])
    store.unchanged_runs.save(AGREED, "", {"version": lake.version(PLACE)})
    return count


def is_in_step(context: Context) -> bool:
    """Whether the store is in step with the current version of the table."""
    last = context.store.unchanged_runs.load(AGREED) or {"version": None}
    return bool(last["version"] == context.lake.version(PLACE))


def _columns() -> list[str]:
    return [name for name in Deliveries.columns if name not in ("at", "day", "home")]


def _arrow(messages: Sequence[Message], context: Context, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    rows = [_row(message, context.day, context.settings.name) for message in messages]
    return pa.Table.from_pylist([{name: row[name] for name in schema.names} for row in rows], schema)


def _row(message: Message, day: date, home: str) -> dict[str, Any]:
    values = {"step": int(message.step), "due_on": message.due_on or message.planned_on}
    at = message.updated_at.astimezone(UTC) if message.updated_at else None
    return {**vars(message), **values, "day": day, "at": at, "home": home}


def _message(row: dict[str, Any]) -> Message:
    return Message(**{**row, "step": str(row["step"])}, recorded=row["revision"])
