"""Records what platforms say of audiences, a row per export and day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.exports.destination import Destination
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.exports import AudienceStatus
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from jobs.exports.mirror.mirrored import Mirrored


def record_status(
    context: Context, receipt: Receipt, export: str, destination: Destination, mirrored: Mirrored
) -> None:  # fmt: skip
    """Store the answer of the day; a later one of the same day replaces it."""
    import pyarrow as pa

    state, status = context.store.exports.state(export), mirrored.status
    row = {
        "export": export, "asked_on": context.day, "platform": destination.platform.name, "account": destination.name,
        "audience": export.partition(".")[0], "state": state.state, "words": state.words or None,
        "sent": mirrored.there, "matched": status and status.matched, "usable": status and status.usable,
        "match_rate": status and status.match_rate, "expires_on": status and status.expires_on,
    }  # fmt: skip
    context.lake.prepare(AudienceStatus)
    schema = context.lake.arrow(place_of(AudienceStatus)).schema
    context.lake.upsert_rows(AudienceStatus, pa.Table.from_pylist([row], schema), receipt, {"out": 1})
