"""Mirrors the members of an audience on a platform: what is there follows who should be, through every failure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from jobs.exports.mirror.batches import Operation, Sent, emptied, marked, send, settle
from jobs.exports.mirror.difference import current_set, difference, rows_in, wanted_set, write_outcomes, write_set
from jobs.exports.platform import OnlinePlatform, StatusAnswer
from quanyu.errors import QuanyuError, RejectedError, RetryableError
from quanyu.home import home_name
from quanyu.lake.receipt import Receipt
from quanyu.plurals import number_of
from quanyu.run.runner import Context
from quanyu.store import ExportBatch, ExportState

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

# An audience that its platform ends after a time is renewed so long before.
RENEWED_BEFORE = timedelta(days=30)


@dataclass(frozen=True)
class Mirrored:
    """What a run did on a platform: values added, withdrawn and refused, values there now, and its answer."""

    added: int
    removed: int
    invalid: int
    there: int
    waiting: int
    status: StatusAnswer | None
    error: QuanyuError | None = None

    def notes(self) -> Iterator[str]:
        """Say what the platform refused, still reads, or asks for."""
        if self.invalid:
            yield f"{number_of(self.invalid, 'value')} refused by the platform"
        if self.waiting:
            yield f"{number_of(self.waiting, 'value')} not confirmed yet: the next run asks again"
        if self.status and self.status.words:
            yield f"the platform says: {self.status.words}"


def code_of(context: Context, export: str) -> str:
    """Our name of an audience on a platform: the same on every run of this home, other in every other home."""
    return f"{context.settings.name}_{home_name.identity(context.settings)[:8]}_{export.partition('.')[0]}"


def mirror(
    context: Context, receipt: Receipt, platform: OnlinePlatform, export: str, addresses: DataFrame,
    waits: Sequence[str], describes: str, weights: pa.Table | None = None,
) -> Mirrored:  # fmt: skip
    """Bring a platform's audience to the values of `addresses` (answers of the gate, formed); nobody new if it waits.

    `weights` (customer_id, weight) rank the members of a seed, where the platform takes them.

    What is to be sent is written before it is sent, so that after a kill the next run finds all that may be there.
    """
    state = context.store.exports.state(export)
    _poll(context, receipt, platform, state)
    unsettled = context.store.exports.open(export)
    wanted = wanted_set(addresses)
    rows = difference(current_set(context, export), wanted, context.day, not waits, [each.batch for each in unsettled])
    write_set(context, export, rows, receipt)
    if not state.audience_id and not rows_in(context, export, "adding", "removing").num_rows:
        return Mirrored(0, 0, 0, 0, 0, None)
    if not state.audience_id:
        state = replace(state, audience_id=platform.open_audience(code_of(context, export), describes))
        context.store.exports.save(state)
    # A run that ended while it was sending does not know whether that arrived: only the next run adds such values.
    context.store.exports.record([replace(batch, state="unknown") for batch in unsettled if batch.state == "sent"])
    sent = _send(context, receipt, platform, state, unsettled, not waits, weights)
    there, waiting = (rows_in(context, export, *states).num_rows for states in (("there",), ("adding", "removing")))
    status = _published(context, platform, state, sent, there)
    invalid = sum(batch.invalid for batch in sent.batches)
    return Mirrored(sent.rows("add"), sent.rows("remove"), invalid, there, waiting, status, sent.error)


def _poll(context: Context, receipt: Receipt, platform: OnlinePlatform, state: ExportState) -> None:
    """Ask what became of the batches of earlier runs, and settle the values that they carried."""
    for batch in context.store.exports.open(state.export):
        if batch.state == "sent":
            continue
        answer = platform.poll(state.audience_id, batch.handle)
        if answer.state == "pending":
            continue
        carried = rows_in(context, state.export, "adding", "removing", "there", "refused")
        write_outcomes(context, settle(carried, batch, answer, context.day), receipt)
        # After the values: a kill in between asks once more.
        context.store.exports.record(
            [replace(batch, state=answer.state, invalid=answer.invalid, words=answer.words)]
        )  # fmt: skip


def _send(
    context: Context, receipt: Receipt, platform: OnlinePlatform, state: ExportState, open_: Sequence[ExportBatch],
    adds: bool, weights: pa.Table | None,
) -> Sent:  # fmt: skip
    """Withdraw, then add. Withdrawals go out whatever waits, and before anything is added.

    A value that a batch may still add is withdrawn now and once more after that has ended; all others wait for the
    batch that carries them. So no two batches with one value ever race, but for that one withdrawal.
    """
    sent, unsettled = Sent(), [batch.batch for batch in open_]
    withdrawn = [batch.batch for batch in open_ if batch.operation == "remove" and batch.state == "pending"]
    leaving = _not_in(rows_in(context, state.export, "removing"), withdrawn)
    _send_rows(context, receipt, platform, state, "remove", leaving, unsettled, sent)
    if sent.emptied:
        there = rows_in(context, state.export, "there")
        write_outcomes(context, emptied(there, sent.emptied, context.day), receipt)
    if adds and not isinstance(sent.error, RetryableError):
        states = ("adding", "there") if _is_ending(context, platform, state) else ("adding",)
        entering = _not_in(rows_in(context, state.export, *states), unsettled)
        _send_rows(context, receipt, platform, state, "add", entering, unsettled, sent, weights)
    return sent


def _send_rows(
    context: Context, receipt: Receipt, platform: OnlinePlatform, state: ExportState, operation: Operation,
    rows: pa.Table, unsettled: Sequence[str], sent: Sent, weights: pa.Table | None = None,
) -> None:  # fmt: skip
    """Write which batch will carry each row, send the batches, and write what became of the rows."""
    import pyarrow as pa

    ready = marked(state.export, operation, rows, platform.limits.batch, unsettled)
    write_outcomes(context, ready, receipt)
    before = len(sent.outcomes)
    store = context.store.exports
    send(platform, state, operation, ready, context.day, lambda batch: store.record([batch]), sent, weights)
    write_outcomes(context, pa.concat_tables([ready.slice(0, 0), *sent.outcomes[before:]]), receipt)


def _not_in(rows: pa.Table, batches: Sequence[str]) -> pa.Table:
    """Rows that none of these batches carries."""
    import pyarrow as pa
    from pyarrow import compute

    carried = compute.fill_null(compute.is_in(rows["batch"], pa.array(batches, pa.string())), False)
    return rows.filter(compute.invert(carried))


def _is_ending(context: Context, platform: OnlinePlatform, state: ExportState) -> bool:
    """Whether the platform will end the audience soon if nothing changes."""
    lifetime = platform.limits.lifetime
    if lifetime is None or state.changed_on is None:
        return False
    return context.day >= state.changed_on + lifetime - min(RENEWED_BEFORE, lifetime / 2)


def _published(
    context: Context, platform: OnlinePlatform, state: ExportState, sent: Sent, there: int
) -> StatusAnswer | None:
    """Have the audience published, ask where it stands, and store it."""
    status = None
    try:
        if state.state != "usable" or sent.batches:
            platform.publish(state.audience_id)
        status = platform.status(state.audience_id)
    except QuanyuError as error:
        sent.error = sent.error or error
    words = str(sent.error) if sent.error else status.words if status else ""
    is_changed = any(batch.state != "failed" for batch in sent.batches)
    context.store.exports.save(
        replace(
            state, state="failed" if isinstance(sent.error, RejectedError) else status.state if status else "uploaded",
            words=words, changed_on=context.day if is_changed else state.changed_on, members=there,
        )
    )  # fmt: skip
    return status
