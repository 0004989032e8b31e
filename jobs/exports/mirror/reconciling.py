"""What was sent after a backup that was restored is on platforms, and unknown to the home: each export reconciles it.

Where a platform can replace a whole set, it is replaced by today's. Otherwise every value that the home could ever have
sent is withdrawn unless it is wanted today: to withdraw a value that is not there does no harm on any platform.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Literal

from jobs.consent.facts import Moment, with_customers
from jobs.consent.gate import address_hashes
from jobs.exports.forms import formed, forms_sent, kinds_of
from jobs.exports.mirror.batches import Sent, batch_key, prepared, with_columns
from jobs.exports.mirror.difference import current_set, wanted_set
from jobs.exports.mirror.set_rows import SetRows
from jobs.exports.platform import OnlinePlatform
from quanyu.errors import QuanyuError
from quanyu.identifiers.valid import PERSON
from quanyu.literals import quoted
from quanyu.run.runner import Context
from quanyu.store import ExportBatch, ExportState

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

Way = Literal["replace", "withdraw"]
OWNER = "coalesce(customer_id, person_key)"
WITHDRAWN = (
    "restored from a backup: everything that may have been sent since is withdrawn before anybody is added; if somebody"
    " was erased since, delete the audience on the platform, then call quanyu export restart"
)


def way_of(
    platform: OnlinePlatform, state: ExportState, wanted: DataFrame, waits: Sequence[str], day: date
) -> Way | None:  # fmt: skip
    """How the set is reconciled now; None if it is not in doubt, or not yet: days are missing that may have been sent.

    It is only replaced where everybody who is wanted may be added.
    """
    if state.doubted is None or day < state.doubted:
        return None
    if "replace" in platform.can() and not waits and wanted.limit(1).count():
        return "replace"
    return None if state.withdrawing else "withdraw"


def notes(state: ExportState, now: ExportState, way: Way | None) -> Iterator[str]:
    """Say what a run did about the doubt of `state`, if there was any; `now` is the state after it."""
    if state.doubted is None:
        return
    if now.doubted is None and way == "replace":
        yield "restored from a backup: the whole set on the platform was replaced"
    elif now.doubted is None:
        yield "restored from a backup: everything that may have been sent since is withdrawn"
    elif now.withdrawing:
        yield WITHDRAWN
    else:
        yield f"restored from a backup: nobody is added before {now.doubted}, and not before the set is reconciled"


def sendable_values(context: Context, platform: OnlinePlatform, purpose: str) -> DataFrame:
    """Every value that may have been sent, in the platform's form: identifier, value, customer_id, address_hash.

    Those of the records of `_records_of_agreed`: of nobody else was anything sent. Also of identifiers that were
    replaced, which may have been sent before that. `customer_id` is today's; of a person without a customer, the
    person's key stands for it.
    """
    forms, scopes = forms_sent(type(platform), platform.account), platform.account.scopes
    kinds = ", ".join(map(quoted, kinds_of(forms)))
    known = context.lake.table(context.catalogue.tables["identifiers"]).where(f"kind in ({kinds})")
    sent = known.join(_records_of_agreed(context, purpose), PERSON, "left_semi")
    owned = with_customers(context, sent, Moment.now()).selectExpr(f"{OWNER} as customer_id", "kind", "scope", "value")
    once = owned.groupBy("kind", "scope", "value").agg({"customer_id": "min"})
    once = context.lake.staging.materialize(once.withColumnRenamed("min(customer_id)", "customer_id"))
    hashed = once.withColumn("address_hash", address_hashes(context)("kind", "value"))
    return wanted_set(formed(hashed.selectExpr("*", "cast(null as string) as reason"), forms, scopes))


def _records_of_agreed(context: Context, purpose: str) -> DataFrame:
    """Records that ever were of a customer who then or ever agreed to a purpose (to any, if it is empty): PERSON.

    Whose a record is today does not say by whose consent its values were sent: it may have been split off since.
    """
    tables = context.catalogue.tables
    assignments = context.lake.table(tables["identities"]).select(*PERSON, "customer_id").distinct()
    grants = context.lake.table(tables["consents"]).where("state = 'granted'")
    grants = grants.where(f"purpose = {quoted(purpose)}") if purpose else grants
    # A person of no customer is one alone.
    agreed = grants.join(assignments, PERSON, "left").selectExpr(f"{OWNER} as owner").distinct()
    records = context.lake.table(tables["identifiers"]).select(*PERSON).distinct()
    owned = records.join(assignments, PERSON, "left").selectExpr(*PERSON, f"{OWNER} as owner")
    return context.lake.staging.materialize(owned.join(agreed, "owner", "left_semi").select(*PERSON).distinct())


def in_doubt(
    context: Context, platform: OnlinePlatform, rows: DataFrame, way: Way | None, purpose: str
) -> DataFrame:  # fmt: skip
    """The set (as `difference` gives it) if nothing is sure: what is there is added again, all else is withdrawn.

    Unless the set is replaced as a whole, everything that may be there gets a row. Without a way nothing changes.
    """
    if way is None:
        return rows
    day = context.day
    again = {
        "state": "if(state = 'there', 'adding', coalesce(state, 'removing')) as state",
        "since": f"if(state = 'there', date'{day}', since) as since",
        "is_changed": "is_changed or state = 'there' as is_changed",
    }
    known = context.lake.staging.materialize(rows.selectExpr(*(again.get(name, name) for name in rows.columns)))
    if way == "replace":
        return known
    value = ("identifier", "value")
    unknown = sendable_values(context, platform, purpose).join(known.select(*value), [*value], "left_anti")
    none = ("cast(null as string) as batch", "cast(null as string) as earlier_batch")
    beyond = unknown.selectExpr(
        "identifier", "value", "customer_id", "address_hash", "'removing' as state", *none, f"date'{day}' as since",
        "true as is_changed",
    )  # fmt: skip
    return known.unionByName(beyond)


def begun(context: Context, state: ExportState) -> ExportState:
    """Note that all that is to be withdrawn is written."""
    return _saved(context, replace(state, withdrawing=True))


def settled(context: Context, state: ExportState) -> ExportState:
    """The state without doubt, once every withdrawal is confirmed that an earlier run began."""
    if not state.withdrawing or current_set(context, state.export).where("state = 'removing'").limit(1).count():
        return state
    return certain(context, state)


def certain(context: Context, state: ExportState) -> ExportState:
    """Note that nothing unknown is on the platform."""
    return _saved(context, replace(state, doubted=None, withdrawing=False))


def _saved(context: Context, state: ExportState) -> ExportState:
    context.store.exports.save(state)
    return state


def replaced(
    context: Context, platform: OnlinePlatform, state: ExportState, values: SetRows, sent: Sent,
    weights: pa.Table | None,
) -> ExportState:  # fmt: skip
    """Replace the whole set on the platform by the values that are to be added; all others are gone then.

    Without the platform's receipt the set stays in doubt, and the next run replaces it again.
    """
    import pyarrow as pa

    ready = prepared(state.export, "add", values.among("adding"), platform.limits.batch, [], weights)
    try:
        receipt = platform.replace(state.audience_id, (batch for batch, _ in ready))
    except QuanyuError as error:
        sent.error = error
        return state
    if receipt.state != "done":
        return state
    gone = values.among("removing")
    values.write(pa.concat_tables([
        *(_settled_rows(part, "there", context.day) for _, part in ready), _settled_rows(gone, None, context.day)
    ]))  # fmt: skip
    rows = sum(part.num_rows for _, part in ready)
    key = batch_key(state.export, "replace", "", values.among("there")["value"].combine_chunks())
    whole = ExportBatch(key, state.export, "replace", "", rows, "done", receipt.handle, receipt.invalid, receipt.words)
    context.store.exports.record([whole])
    sent.batches.append(whole)
    return certain(context, state)


def _settled_rows(rows: pa.Table, state: str | None, day: date) -> pa.Table:
    import pyarrow as pa

    states = pa.repeat(pa.scalar(state, pa.string()), rows.num_rows)
    return with_columns(rows, {"state": states, "since": pa.repeat(pa.scalar(day, pa.date32()), rows.num_rows)})
