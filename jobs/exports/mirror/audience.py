"""Mirrors the members of an audience on a platform: what is there follows who should be, through every failure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs.exports.mirror import parsing, reconciling
from jobs.exports.mirror.audience_place import placed
from jobs.exports.mirror.batches import Sent
from jobs.exports.mirror.export_run import ExportRun
from jobs.exports.mirror.mirrored import Mirrored
from jobs.exports.mirror.preparing import prepare
from jobs.exports.mirror.publishing import publish
from jobs.exports.mirror.set_rows import SetRows
from jobs.exports.mirror.uploading import upload
from jobs.exports.platform import OnlinePlatform, StatusAnswer
from quanyu.lake.receipt import Receipt
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


def mirror(
    context: Context, receipt: Receipt, platform: OnlinePlatform, export: str, addresses: DataFrame,
    waits: Sequence[str], describes: str, weights: pa.Table | None = None,
) -> Mirrored:  # fmt: skip
    """Bring a platform's audience to the values of `addresses` (answers of the gate, formed); nobody new if it waits.

    `weights` (customer_id, weight) rank the members of a seed, where the platform takes them. Each state is a file
    beside this one: after a kill the next run goes through all of them again.
    """
    run = ExportRun(context, receipt, platform, export, waits, describes, weights)
    before = placed(run)
    poll_error = parsing.poll(run, before)
    ready = prepare(run, reconciling.settled(run, before), addresses)
    if ready.is_empty:
        return Mirrored()
    sent = Sent()
    after = upload(run, ready, sent)
    sent.error = sent.error or poll_error
    status = publish(run, after, sent, ready.values.count("there"))
    return _summed_up(run, ready.values, sent, status, tuple(reconciling.notes(before, after, sent)))


def _summed_up(
    run: ExportRun, values: SetRows, sent: Sent, status: StatusAnswer | None, doubts: tuple[str, ...]
) -> Mirrored:  # fmt: skip
    return Mirrored(
        added=sent.rows("add", "replace"), removed=sent.rows("remove"),
        invalid=sum(batch.invalid for batch in sent.batches), there=values.count("there"),
        waiting=values.count("adding", "removing"), status=status, error=sent.error,
        words=tuple(dict.fromkeys(batch.words for batch in sent.batches if batch.words)),
        is_open=bool(run.open_batches()) or values.count("removing") > 0, doubts=doubts,
        refused=values.refused_withdrawals(),
    )  # fmt: skip
