"""Mirrors the members of an audience on a platform: what is there follows who should be, through every failure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from jobs.exports.mirror import reconciling
from jobs.exports.mirror.batches import Operation, Sent, emptied, prepared, send, settle
from jobs.exports.mirror.difference import current_set, difference, wanted_set, write_set
from jobs.exports.mirror.set_rows import SetRows
from jobs.exports.platform import BatchReceipt, OnlinePlatform, StatusAnswer
from quanyu.errors import ConfigError, QuanyuError, RejectedError, RetryableError
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
    """What a run did on a platform: values added, withdrawn and refused, values there now, and its answer.

    `is_open`: a batch is not confirmed, or a withdrawal is not over. `doubts` tell of a backup that was restored.
    `refused`: values that were not withdrawn today, since the platform calls them invalid.
    """

    added: int
    removed: int
    invalid: int
    there: int
    waiting: int
    status: StatusAnswer | None
    error: QuanyuError | None = None
    words: tuple[str, ...] = ()
    is_open: bool = False
    doubts: tuple[str, ...] = ()
    refused: int = 0

    def notes(self) -> Iterator[str]:
        """Say what the platform refused, still reads, or asks for."""
        yield from self.doubts
        yield from (f"the platform says: {words}" for words in self.words)
        if self.invalid:
            yield f"{number_of(self.invalid, 'value')} refused by the platform"
        if self.waiting:
            yield f"{number_of(self.waiting, 'value')} not confirmed yet: the next run asks again"
        if self.status and self.status.words:
            yield f"the platform says: {self.status.words}"

    def alerts(self, platform: str) -> dict[str, str]:
        """What somebody should look at on a platform, by name."""
        refused = f"{number_of(self.refused, 'withdrawal')} refused by {platform} as invalid"
        words = f"{refused}, so nobody is there by these values: see whether its page agrees"
        return {"refused": words} if self.refused else {}


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
    state = _placed(context, platform, export)
    error = _poll(context, receipt, platform, state)
    doubted, state = state, reconciling.settled(context, state)
    unsettled = context.store.exports.open(export)
    wanted = wanted_set(addresses)
    rows = difference(current_set(context, export), wanted, context.day, not waits, [each.batch for each in unsettled])
    way = reconciling.way_of(platform, state, wanted, waits, context.day)
    write_set(context, export, reconciling.in_doubt(context, platform, rows, way, state.purpose), receipt)
    if way == "withdraw":
        state = reconciling.begun(context, state)
    values = SetRows(context, export, receipt)
    if not state.audience_id and not values.count("adding", "removing"):
        return Mirrored(0, 0, 0, 0, 0, None)
    sent, adds = Sent(), not waits
    try:
        state = _opened(context, platform, state, describes)
    except QuanyuError as refused:
        if not state.audience_id:
            raise
        # The audience of before is usable: a further list that is refused holds no withdrawal back.
        sent.error, adds, way = refused, False, None if way == "replace" else way
    if way == "replace":
        state = reconciling.replaced(context, platform, state, values, sent, weights)
    state = _send(context, platform, state, values, unsettled, adds, weights, sent)
    _give_up(context, unsettled, sent)
    sent.error = sent.error or error
    status = _published(context, platform, state, sent, values.count("there"))
    doubts = tuple(reconciling.notes(doubted, state, way))
    return _summed_up(context, export, values, sent, status, doubts)


def _summed_up(
    context: Context, export: str, values: SetRows, sent: Sent, status: StatusAnswer | None, doubts: tuple[str, ...]
) -> Mirrored:  # fmt: skip
    words = tuple(dict.fromkeys(batch.words for batch in sent.batches if batch.words))
    return Mirrored(
        sent.rows("add", "replace"), sent.rows("remove"), sum(batch.invalid for batch in sent.batches),
        values.count("there"), values.count("adding", "removing"), status, sent.error, words,
        bool(context.store.exports.open(export)) or values.count("removing") > 0, doubts,
        values.refused_withdrawals(),
    )  # fmt: skip


def _opened(context: Context, platform: OnlinePlatform, state: ExportState, describes: str) -> ExportState:
    """The state with the platform's audience; an account that sends further identifiers may need a further list."""
    if state.audience_id and state.declared == platform.account.digest():
        return state
    opened = platform.open_audience(code_of(context, state.export), describes)
    state = replace(state, audience_id=opened, declared=platform.account.digest())
    context.store.exports.save(state)
    return state


def _give_up(context: Context, unsettled: Sequence[ExportBatch], sent: Sent) -> None:
    """Mark batches at which an earlier run ended: whether they arrived stays unknown; the next run adds their values.

    Last of all: after a kill they are still open, so that nothing that they carry is added meanwhile.
    """
    lost = [batch for batch in unsettled if batch.state == "sent" and batch.batch not in sent.tried]
    context.store.exports.record([replace(batch, state="unknown") for batch in lost])


def place_on(platform: OnlinePlatform) -> str:
    """Where an account's values are: platform, account and address."""
    return "|".join((platform.name, platform.account.account, platform.account.url or ""))


def _placed(context: Context, platform: OnlinePlatform, export: str) -> ExportState:
    """Where an export stands. Raises ConfigError if its account is another than the one that has its values."""
    state, account, place = context.store.exports.state(export), platform.account, place_on(platform)
    if state.place and state.place != place and _may_be_there(context, export):
        raise ConfigError(
            f"{account.file}: values of {export} are on the account that was declared before: put its platform, account"
            " and url back, end the audience, and change the account when all are withdrawn"
        )
    if state.place == place:
        return state
    return replace(
        ExportState(export), place=place, doubted=state.doubted, withdrawing=state.withdrawing, purpose=state.purpose,
        approved=state.approved, approved_members=state.approved_members,
    )  # fmt: skip


def _may_be_there(context: Context, export: str) -> bool:
    return bool(current_set(context, export).where("state <> 'refused'").limit(1).count())


def _poll(
    context: Context, receipt: Receipt, platform: OnlinePlatform, state: ExportState
) -> QuanyuError | None:  # fmt: skip
    """Ask what became of the batches of earlier runs, and settle the values that they carried.

    Returns the first error: it keeps no withdrawal back. A batch that the platform refuses to tell of has failed.
    """
    first: QuanyuError | None = None
    pending = [batch for batch in context.store.exports.open(state.export) if batch.state != "sent"]
    if not pending:
        return None
    values = SetRows(context, state.export, receipt, [batch.batch for batch in pending])
    for batch in pending:
        try:
            answer = platform.poll(state.audience_id, batch.handle)
        except RejectedError as error:
            answer, first = BatchReceipt(batch.handle, "failed", words=str(error)), first or error
        except QuanyuError as error:
            first = first or error
            continue
        if answer.state == "pending":
            continue
        values.write(settle(values.among(), batch, answer, platform, context.day))
        # After the values: a kill in between asks once more.
        invalid = answer.invalid + len(answer.rejected)
        context.store.exports.record([replace(batch, state=answer.state, invalid=invalid, words=answer.words)])
    return first


def _send(
    context: Context, platform: OnlinePlatform, state: ExportState, values: SetRows, open_: Sequence[ExportBatch],
    adds: bool, weights: pa.Table | None, sent: Sent,
) -> ExportState:  # fmt: skip
    """Withdraw, then add. Withdrawals go out whatever waits, and before anything is added.

    Nothing is added while more may be there than the home knows.

    A value that a batch may still add is withdrawn now and once more after that has ended; all others wait for the
    batch that carries them. So no two batches with one value ever race, but for that one withdrawal.
    """
    unsettled = [batch.batch for batch in open_]
    withdrawn = [batch.batch for batch in open_ if batch.operation == "remove" and batch.state == "pending"]
    leaving = _not_in(values.among("removing"), withdrawn)
    _send_rows(context, platform, state, "remove", values, leaving, unsettled, sent)
    if state.withdrawing and not values.count("removing"):
        state = reconciling.certain(context, state)
    if adds and not state.doubted and not isinstance(sent.error, RetryableError):
        entering = _not_in(_due(values.among("adding", "there"), platform, context.day), unsettled)
        _send_rows(context, platform, state, "add", values, entering, unsettled, sent, weights)
    return state


def _send_rows(
    context: Context, platform: OnlinePlatform, state: ExportState, operation: Operation, values: SetRows,
    rows: pa.Table, unsettled: Sequence[str], sent: Sent, weights: pa.Table | None = None,
) -> None:  # fmt: skip
    """Write which batch will carry each row, send the batches, and write what became of the rows."""
    import pyarrow as pa

    ready = prepared(state.export, operation, rows, platform.limits.batch, unsettled, weights)
    if not ready:
        return
    values.write(pa.concat_tables([part for _, part in ready]))
    before = len(sent.outcomes)
    store = context.store.exports
    send(platform, state, operation, ready, context.day, lambda batch: store.record([batch]), sent)
    outcomes = [rows.slice(0, 0), *sent.outcomes[before:]]
    if operation == "remove" and sent.emptied:
        outcomes.append(emptied(values.among("there"), sent.emptied, context.day))
    values.write(pa.concat_tables(outcomes))


def _not_in(rows: pa.Table, batches: Sequence[str]) -> pa.Table:
    """Rows that none of these batches carries."""
    import pyarrow as pa
    from pyarrow import compute

    carried = compute.fill_null(compute.is_in(rows["batch"], pa.array(batches, pa.string())), False)
    return rows.filter(compute.invert(carried))


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


def _restart(state: ExportState) -> str:
    return f"quanyu export restart {state.export}"


def _published(
    context: Context, platform: OnlinePlatform, state: ExportState, sent: Sent, there: int
) -> StatusAnswer | None:
    """Have the audience published, ask where it stands, and store it."""
    status = None
    try:
        if state.state != "usable" or sent.batches:
            platform.publish(state.audience_id)
        status = platform.status(state.audience_id)
        if status.gone and there:
            status = replace(status, state="failed", words=f"the audience is gone from the platform: {_restart(state)}")
    except RejectedError as error:
        sent.error = RejectedError(f"{sent.error or error}; if somebody deleted the audience there: {_restart(state)}")
    except QuanyuError as error:
        sent.error = sent.error or error
    words = str(sent.error) if sent.error else status.words if status else ""
    # Somebody may have approved it meanwhile.
    state = replace(context.store.exports.state(state.export), audience_id=state.audience_id)
    is_changed = any(batch.state != "failed" for batch in sent.batches)
    context.store.exports.save(
        replace(
            state, state="failed" if isinstance(sent.error, RejectedError) else status.state if status else "uploaded",
            words=words, changed_on=context.day if is_changed else state.changed_on, members=there,
        )
    )  # fmt: skip
    return status
