"""Our purchases, reported to the platforms that take them, of customers who consent to ads: each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from jobs.consent import gate
from jobs.consent.facts import Question, held_out
from jobs.consent.global_holdout import global_holdout
from jobs.consent.missing_answers import reasons_to_wait
from jobs.exports.destination import Destination
from jobs.exports.platform import BatchReceipt, Conversion, OnlinePlatform
from jobs.results.accounts import with_conversions
from jobs.results.facts import ConversionFacts
from quanyu.discover import Catalogue
from quanyu.errors import RejectedError
from quanyu.grammar.declaration import digest
from quanyu.grammar.platforms.account import Account
from quanyu.home import home_name
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.lake.staging import StagedRows
from quanyu.lake.union import union_all
from quanyu.literals import quoted
from quanyu.model.entities import Customer
from quanyu.model.exports import ExportConversions
from quanyu.model.outcomes import memberships_of
from quanyu.model.people import ANY
from quanyu.model.trade import Orders
from quanyu.plurals import number_of
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context, Outcome, Step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Days in which a purchase may arrive late; platforms take none that is much older.
DAYS = 7
# Identifiers that are the same everywhere, by which platforms attribute a purchase.
KINDS = ("phone", "email")
PURPOSE = "ads"


def steps(catalogue: Catalogue) -> list[Step]:
    """List a step for every account that purchases are reported to."""
    return [_step(catalogue, destination) for destination in with_conversions(catalogue)]


def _step(catalogue: Catalogue, destination: Destination) -> Step:
    reads = (place_of(Orders), place_of(memberships_of(Customer)), *gate.READS)
    suppression = catalogue.settings.suppression.model_dump()
    return Step(
        f"conversions.{destination.name}", "returns", reads, (place_of(ExportConversions),),
        digest([destination.digest(), ExportConversions.definition(), suppression]),
        partial(report, destination=destination),
        f"Reports purchases of customers who consent to ads to {destination.name}.",
        as_of=True, inputs=_doubts, reaches_people=True,
    )  # fmt: skip


def _doubts(context: Context) -> Mapping[str, Any]:
    return {"the reasons to wait": reasons_to_wait(context, PURPOSE)}


def report(context: Context, receipt: Receipt, destination: Destination) -> Outcome:
    """Report the purchases of the last days that were not reported yet.

    A purchase counts as reported by the receipt of the platform alone; a killed run reports some of them again, which
    the platform knows by their key. Raises RetryableError and RejectedError of the platform.
    """
    waits = reasons_to_wait(context, PURPOSE)
    waits += [] if context.sends else ["this run was started to compute alone"]
    if barred := home_name.may_send(context.settings):
        waits = [barred]
    if waits:
        words = f"no purchase is reported: {'; '.join(waits)}"
        return Outcome(notes=(words,), run_again=True, alerts={"held": words})
    context.lake.prepare(ExportConversions)
    opened = destination.open()
    account, states = opened.account, _settled(context, receipt, opened)
    orders = context.lake.staging.stage(_unreported(context, account))
    free = context.lake.staging.stage(_with_identifiers(context, destination, orders.rows))
    failed = 0
    for conversions, rows in _batches(context, free, opened.limits.batch):
        answer = opened.convert(conversions)
        if answer.state == "failed":
            raise RejectedError(f"{account.name}: refused {number_of(len(rows), 'purchase')}: {answer.words}")
        states["rejected"] += answer.invalid
        stored = [_recorded(context, opened, row, answer, place) for place, row in enumerate(rows)]
        states.update(row["status"] for row in stored)
        failed += sum(row["status"] == "failed" for row in stored)
        _store(context, receipt, stored)
    withheld = orders.count - free.count
    facts = ConversionFacts(account.name, states["sent"], states["pending"], states["rejected"], withheld)
    notes = [f"{withheld:,} without consent to ads or an identifier that the platform takes"] if withheld else []
    notes += (
        [f"{number_of(failed, 'purchase')} failed on the platform: the next run reports them again"] if failed else []
    )
    words = f"{number_of(facts.rejected, 'purchase')} rejected by {account.platform}"
    return Outcome(orders.count, free.count, notes=tuple(notes), facts=facts, run_again=bool(facts.pending or failed),
                   alerts={"rejected": words} if facts.rejected else {})  # fmt: skip


def _settled(context: Context, receipt: Receipt, opened: OnlinePlatform) -> Counter[str]:
    """Ask what became of batches that the platform had not decided; return the number of purchases by status.

    A batch that failed as a whole is reported again.
    """
    from pyarrow import compute

    wanted = (compute.field("account") == opened.account.name) & (compute.field("status") == "pending")
    rows = context.lake.rows(place_of(ExportConversions), None, wanted).to_pylist()
    answers = {handle: _answer(opened, handle) for handle in dict.fromkeys(row["handle"] for row in rows)}
    decided = [
        {**row, **_outcome(opened, answers[row["handle"]], row["place"])}
        for row in rows if answers[row["handle"]].state != "pending"
    ]  # fmt: skip
    _store(context, receipt, decided)
    states = Counter(row["status"] for row in decided)
    states["pending"] = len(rows) - len(decided)
    # Older releases did not keep the places by which the platform names purchases: these are counted alone.
    placed = {(row["handle"], row["place"]) for row in rows}
    for handle, answer in answers.items():
        if answer.state == "done":
            unplaced = sum((handle, None) in placed for _ in answer.rejected)
            states["rejected"] += unplaced + answer.invalid
    return states


def _answer(opened: OnlinePlatform, handle: str) -> BatchReceipt:
    """What became of a batch; one that the platform refuses to tell of, such as one that it forgot, has failed."""
    try:
        return opened.poll("", handle)
    except RejectedError as error:
        return BatchReceipt(handle, "failed", words=str(error))


def _outcome(opened: OnlinePlatform, answer: BatchReceipt, place: int | None) -> dict[str, Any]:
    """Status and reason of the purchase at a place of a batch, by the platform's answer."""
    if answer.state == "failed":
        return {"status": "failed", "reason": answer.words or None}
    if place is not None and place in answer.rejected:
        reason = answer.reasons.get(place) or answer.words
        return {"status": "failed" if reason in opened.passing_reasons else "rejected", "reason": reason or None}
    return {"status": "pending" if answer.state == "pending" else "sent", "reason": None}


def _unreported(context: Context, account: Account) -> DataFrame:
    """Purchases of customers within the last days that the account was not told: order_key, customer_id, at, amount.

    Those that failed for a reason that passes are told again.
    """
    orders = as_of.facts(context, context.catalogue.tables[Orders.name], context.day)
    recent = f"customer_id is not null and amount > 0 and to_date(ordered_at) > date_sub(date'{context.day}', {DAYS})"
    purchases = orders.where(Orders.conditions["purchase"].sql).where(recent)
    key = "sha2(concat(source, '/', order_id), 256) as order_key"
    rows = purchases.selectExpr(key, "customer_id", "ordered_at as at", "amount")
    told = f"account = {quoted(account.name)} and status <> 'failed'"
    reported = context.lake.table(ExportConversions).where(told).select("order_key")
    return rows.join(reported, "order_key", "left_anti")


def _with_identifiers(context: Context, destination: Destination, orders: DataFrame) -> DataFrame:
    """Purchases of customers whom the gate lets go, with the newest identifier of each kind in the platform's form."""
    from pyspark.sql import functions as F  # noqa: N812

    forms = destination.forms
    kinds = [kind for kind in KINDS if kind in forms]
    declared = context.catalogue.audiences.values()
    audiences = [audience.name for audience in declared if destination.name in audience.send_to]
    held = union_all([global_holdout(context), *(held_out(context, name) for name in audiences)])
    customers = orders.select("customer_id").distinct()
    allowed = gate.check_consent(context, Question(PURPOSE, ANY, tuple(kinds)), customers, held).where("reason is null")
    cases = " ".join(f"when {quoted(kind)} then {forms[kind].sql('value')}" for kind in kinds)
    shaped = allowed.selectExpr("customer_id", "kind", "recorded_on", f"case kind {cases} end as shaped")
    newest = [
        F.expr(f"max(struct(recorded_on, shaped)) filter (where kind = {quoted(kind)}).shaped").alias(kind)
        for kind in kinds
    ]
    identified = shaped.where("shaped is not null").groupBy("customer_id").agg(*newest)
    return orders.join(context.lake.staging.materialize(identified), "customer_id")


def _batches(
    context: Context, purchases: StagedRows, size: int
) -> Iterator[tuple[Sequence[Conversion], Sequence[Mapping[str, Any]]]]:
    """Purchases as the platform is told, with their rows, `size` at a time."""
    for batch in purchases.dataset().to_batches(batch_size=size):
        rows = batch.to_pylist()
        if rows:
            yield [_conversion(context, row) for row in rows], rows


def _conversion(context: Context, row: Mapping[str, Any]) -> Conversion:
    identifiers = {kind: row[kind] for kind in KINDS if row.get(kind)}
    return Conversion(key=row["order_key"], identifiers=identifiers, happened_at=row["at"], amount=row["amount"],
                      currency=context.settings.currency)  # fmt: skip


def _recorded(
    context: Context, opened: OnlinePlatform, row: Mapping[str, Any], answer: BatchReceipt, place: int
) -> dict[str, Any]:
    return {
        "account": opened.account.name, "order_key": row["order_key"], "customer_id": row["customer_id"],
        "sent_on": context.day, "handle": answer.handle, "place": place, **_outcome(opened, answer, place),
    }  # fmt: skip


def _store(context: Context, receipt: Receipt, rows: Sequence[Mapping[str, Any]]) -> None:
    import pyarrow as pa

    if rows:
        table = pa.Table.from_pylist(
            [dict(row) for row in rows], context.lake.arrow(place_of(ExportConversions)).schema
        )
        context.lake.upsert_rows(ExportConversions, table, receipt, {"out": len(rows)})
