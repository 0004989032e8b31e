"""The one way out: who may be reached, at which address, for a purpose on a channel, and why not, at a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.consent import objections as objecting
from jobs.consent import states
from jobs.consent.facts import Moment, Question, answers, known, newest_grants
from jobs.unify import normalise
from quanyu.literals import quoted
from quanyu.run import Context
from quanyu.settings import person_key_secret

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Why not: held out, no consent or an objection, no address, an address that somebody else bars, or who is held out.
CAUSES = HELD_OUT, CONSENT, ADDRESS, BARRED, SHARED = "held out", "consent", "address", "barred", "shared"
# What its answers are made of.
READS = (
    "gold/identities",
    "silver/consents",
    "silver/identifiers",
    "silver/messages",
    "silver/suppressions",
)


def ask(
    context: Context, question: Question, customers: DataFrame, held_out: DataFrame | None = None,
    moment: Moment | None = None,
) -> DataFrame:  # fmt: skip
    """Say of each customer (customer_id) where they may be reached, and why not.

    A row for each address: customer_id, kind, value, address_hash, recorded_on, reason, cause (one of CAUSES); reason
    and cause are null where the customer may be reached there. Who may not be reached at all, or has no address, has
    one row without an address. `held_out` (customer_id) are reached by nothing, and what they show is withheld from
    everybody.
    """
    moment = moment or Moment.now()
    staging, spark = context.lake.staging, context.lake.spark
    none = spark.createDataFrame([], "customer_id string")
    held_out = held_out.select("customer_id").distinct() if held_out is not None else none
    records = staging.keep(objecting.objections(context, question, moment))
    people = _people(context, question, customers, records, held_out, moment)
    addresses = _addresses(context, question, people.where("reason is null").select("customer_id"), moment)
    barred = _barred(context, question, addresses, records, held_out, moment)
    reached = addresses.join(barred, ["customer_id", "kind", "value"], "left")
    shared = quoted(objecting.SHARED_HOLDOUT)
    reached = reached.selectExpr(
        "*", f"case reason when {shared} then '{SHARED}' else if(reason is null, null, '{BARRED}') end as cause"
    )
    whole = people.join(addresses.select("customer_id").distinct(), "customer_id", "left_anti")
    missing = quoted(f"no {' or '.join(question.kinds)}")
    without = whole.selectExpr(
        "customer_id", "cast(null as string) as kind", "cast(null as string) as value",
        "cast(null as string) as address_hash", "cast(null as date) as recorded_on",
        f"coalesce(reason, {missing}) as reason",
        f"if(reason is null, '{ADDRESS}', if(reason = '{HELD_OUT}', reason, '{CONSENT}')) as cause",
    )  # fmt: skip
    return staging.keep(reached.select(*without.columns).unionByName(without))


def _people(
    context: Context, question: Question, customers: DataFrame, records: DataFrame, held_out: DataFrame, moment: Moment
) -> DataFrame:
    """Each customer once, with the reason for which no address of theirs may be used, or null."""
    objects = records.where("customer_id is not null and kind is null").groupBy("customer_id").agg({"reason": "min"})
    objects = objects.withColumnRenamed("min(reason)", "objection")
    yes = states.by_customer(answers(context, moment).where(f"purpose = {quoted(question.purpose)}"))
    yes = yes.where(f"channel = {quoted(question.channel)} and granted").select("customer_id", "granted")
    out = held_out.selectExpr("customer_id", "true as out")
    asked = customers.select("customer_id").distinct()
    joined = (
        asked.join(objects, "customer_id", "left").join(yes, "customer_id", "left").join(out, "customer_id", "left")
    )
    refused = quoted(f"no consent to {question.purpose} on {question.channel}")
    reason = f"case when out then '{HELD_OUT}' else coalesce(objection, if(granted, null, {refused})) end as reason"
    return context.lake.staging.keep(joined.selectExpr("customer_id", reason))


def _addresses(context: Context, question: Question, customers: DataFrame, moment: Moment) -> DataFrame:
    """Addresses that customers show: customer_id, kind, value, recorded_on, address_hash, and `text` to compare."""
    kinds = ", ".join(map(quoted, question.kinds))
    rows = known(context, "identifiers", moment).where(f"kind in ({kinds})").join(customers, "customer_id")
    text = f"{normalise.comparable_sql('kind', 'scope', 'value')} as text"
    rows = rows.selectExpr("customer_id", "kind", "value", text, "recorded_on")
    newest = rows.groupBy("customer_id", "kind", "value", "text").agg({"recorded_on": "max"})
    newest = newest.withColumnRenamed("max(recorded_on)", "recorded_on")
    return context.lake.staging.keep(newest.withColumn("address_hash", _hash(context)("kind", "value")))


def _hash(context: Context) -> Any:
    from pyspark import cloudpickle
    from pyspark.sql import functions as F  # noqa: N812

    cloudpickle.register_pickle_by_value(normalise)  # type: ignore[no-untyped-call]
    hashes = normalise.address_hashes(person_key_secret(context.settings))
    return F.pandas_udf(hashes, "string")  # type: ignore[attr-defined]


def _barred(
    context: Context, question: Question, addresses: DataFrame, records: DataFrame, held_out: DataFrame, moment: Moment
) -> DataFrame:
    """Addresses that may not be used whoever shows them: customer_id, kind, value, reason."""
    bars = context.lake.staging.keep(objecting.suppressed(context, question, moment, records, held_out))
    bars = bars.withColumnRenamed("kind", "barred_kind")
    texts = _texts(addresses)
    found = texts.join(bars, "text").where("barred_kind is null or barred_kind = kind")
    found = found.select("customer_id", "kind", "value", "reason")
    if question.purpose == "messages":
        told = objecting.of_messages(context, question, moment).where("address_hash is not null")
        told = told.select("address_hash", "reason", "over_at").distinct().join(addresses, "address_hash")
        # Where several show an address, it is free again for those who consented anew themselves.
        told = told.join(newest_grants(context, question, moment), "customer_id", "left")
        told = told.where("over_at is null or not coalesce(granted_at > over_at, false)")
        found = found.unionByName(told.select("customer_id", "kind", "value", "reason"))
    return (
        found.groupBy("customer_id", "kind", "value").agg({"reason": "min"}).withColumnRenamed("min(reason)", "reason")
    )


def _texts(addresses: DataFrame) -> DataFrame:
    """Each address by its own text and by those of its hashes, since another may show it as a hash alone."""
    names = ("customer_id", "kind", "value")
    clear = addresses.where("kind in ('phone', 'email')")
    handed = clear.selectExpr(*names, f"explode({normalise.handed_sql('kind', 'value')}) as handed")
    texts = addresses.select(*names, "text")
    for name, sql in {"sha256": "sha2(handed, 256)", "md5": "md5(handed)"}.items():
        texts = texts.unionByName(handed.selectExpr(*names, f"concat(kind, '_{name}||', {sql}) as text"))
    return texts
