"""The consent gate. Every export and message asks it who may be contacted, where, and why not."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from jobs.consent import facts, states
from jobs.consent import objections as objecting
from jobs.consent.facts import Moment, Question, answers, identifiers_of_records, newest_grants
from quanyu.config.settings import person_key_secret
from quanyu.identifiers.comparable import with_hashes
from quanyu.literals import quoted
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Why a contact is refused: the customer is in the holdout, has no consent or objected, or has no address;
# or somebody who shares the address objected, or is in the holdout.
CAUSES = HELD_OUT, CONSENT, ADDRESS, BARRED, SHARED = "held out", "consent", "address", "barred", "shared"
# Tables that the answers depend on.
READS = (
    "gold/identities",
    "silver/consents",
    "silver/identifiers",
    "silver/messages",
    "silver/suppressions",
)


def check_consent(
    context: Context, question: Question, customers: DataFrame, held_out: DataFrame | None = None,
    moment: Moment | None = None,
) -> DataFrame:  # fmt: skip
    """Decide for each customer (customer_id) where they may be contacted; columns as in `ConsentGate.check`."""
    return ConsentGate(context, question, held_out, moment).check(customers)


class MomentEvidence:
    """What all questions at one moment have in common, read once for all of them."""

    def __init__(self, context: Context, moment: Moment) -> None:
        self.context, self.moment = context, moment
        self._unreadable: dict[str, DataFrame] = {}

    @cached_property
    def identifiers(self) -> DataFrame:
        """Identifiers of records, as `identifiers_of_records` gives them."""
        return self.context.lake.staging.materialize(identifiers_of_records(self.context, self.moment))

    def unreadable(self, purpose: str) -> DataFrame:
        """Rows that cannot be read of the feeds that decide about a purpose, as `facts.unreadable` gives them."""
        if purpose not in self._unreadable:
            rows = facts.unreadable(self.context, purpose, self.moment)
            self._unreadable[purpose] = self.context.lake.staging.materialize(rows)
        return self._unreadable[purpose]


class ConsentGate:
    """Answers one question at one moment; questions at the same moment may share their `evidence`.

    The objections of everybody are computed once for all calls: the caller locks the home, so that no fact changes
    meanwhile. Customers in `held_out` (customer_id) get nothing, and their addresses are withheld from everybody.
    """

    def __init__(
        self, context: Context, question: Question, held_out: DataFrame | None = None, moment: Moment | None = None,
        evidence: MomentEvidence | None = None,
    ) -> None:  # fmt: skip
        self._evidence = evidence or MomentEvidence(context, moment or Moment.now())
        self._context, self._question, self._moment = context, question, self._evidence.moment
        nobody = context.lake.spark.createDataFrame([], "customer_id string")
        self._held_out = held_out.select("customer_id").distinct() if held_out is not None else nobody

    def check(self, customers: DataFrame) -> DataFrame:
        """Decide for each customer (customer_id) where they may be contacted, and give the reason if not.

        One row per address: customer_id, kind, scope, value, address_hash, recorded_on, reason, cause (one of
        CAUSES). Reason and cause are null if the address may be used. A customer who may not be contacted at all, or
        has no address, has one row without an address.
        """
        people = self._people(customers)
        addresses = self._addresses(people.where("reason is null").select("customer_id"))
        reached = addresses.join(self._barred(addresses), ["customer_id", "kind", "value"], "left")
        shared = quoted(objecting.SHARED_HOLDOUT)
        reached = reached.selectExpr(
            "*", f"case reason when {shared} then '{SHARED}' else if(reason is null, null, '{BARRED}') end as cause"
        )
        no_address = people.join(addresses.select("customer_id").distinct(), "customer_id", "left_anti")
        missing = quoted(f"no {' or '.join(self._question.kinds)}")
        without = no_address.selectExpr(
            "customer_id", "cast(null as string) as kind", "cast(null as string) as scope",
            "cast(null as string) as value", "cast(null as string) as address_hash",
            "cast(null as date) as recorded_on",
            f"coalesce(reason, {missing}) as reason",
            f"if(reason is null, '{ADDRESS}', if(reason = '{HELD_OUT}', reason, '{CONSENT}')) as cause",
        )  # fmt: skip
        return self._context.lake.staging.materialize(reached.select(*without.columns).unionByName(without))

    def _keep(self, rows: DataFrame) -> DataFrame:
        return self._context.lake.staging.materialize(rows)

    @cached_property
    def _message_events(self) -> DataFrame:
        """Events of message systems that object; empty if the question is not about messages."""
        events = objecting.message_suppressions(self._context, self._question, self._moment)
        return self._keep(events if self._question.purpose == "messages" else events.where("false"))

    @cached_property
    def _records(self) -> DataFrame:
        """Records that object."""
        shown, bad_rows = self._evidence.identifiers, self._evidence.unreadable(self._question.purpose)
        rows = objecting.objections(
            self._context, self._question, self._moment, shown, self._message_events, bad_rows
        )  # fmt: skip
        return self._keep(rows)

    @cached_property
    def _bars(self) -> DataFrame:
        """Suppressed identifiers: text, barred_kind, reason."""
        shown, bad_rows = self._evidence.identifiers, self._evidence.unreadable(self._question.purpose)
        rows = objecting.suppressed(
            self._context, self._question, self._moment, shown, self._records, self._held_out, bad_rows
        )
        return self._keep(rows.withColumnRenamed("kind", "barred_kind"))

    @cached_property
    def _agreed(self) -> DataFrame:
        """Customers who grant what is asked: customer_id, granted."""
        rows = answers(self._context, self._moment).where(f"purpose = {quoted(self._question.purpose)}")
        yes = states.by_customer(rows).where(f"channel = {quoted(self._question.channel)} and granted")
        return self._keep(yes.select("customer_id", "granted"))

    @cached_property
    def _newest_grants(self) -> DataFrame:
        return self._keep(newest_grants(self._context, self._question, self._moment))

    def _people(self, customers: DataFrame) -> DataFrame:
        """One row per customer: customer_id, and the reason why none of their addresses may be used, or null."""
        objects = self._records.where("customer_id is not null and kind is null")
        objects = objects.groupBy("customer_id").agg({"reason": "min"})
        objects = objects.withColumnRenamed("min(reason)", "objection")
        joined = customers.select("customer_id").distinct()
        for rows in (objects, self._agreed, self._held_out.selectExpr("customer_id", "true as out")):
            joined = joined.join(rows, "customer_id", "left")
        refused = quoted(f"no consent to {self._question.purpose} on {self._question.channel}")
        reason = f"if(out, '{HELD_OUT}', coalesce(objection, if(granted, null, {refused}))) as reason"
        return self._keep(joined.selectExpr("customer_id", reason))

    def _addresses(self, customers: DataFrame) -> DataFrame:
        """Addresses of customers: customer_id, kind, scope, value, recorded_on, address_hash, `text` for comparison."""
        kinds = ", ".join(map(quoted, self._question.kinds))
        rows = self._evidence.identifiers.where(f"stands and shown_kind in ({kinds})").join(customers, "customer_id")
        rows = rows.selectExpr("customer_id", "shown_kind as kind", "scope", "value", "text", "recorded_on")
        newest = rows.groupBy("customer_id", "kind", "scope", "value", "text").agg({"recorded_on": "max"})
        newest = newest.withColumnRenamed("max(recorded_on)", "recorded_on")
        return self._keep(newest.withColumn("address_hash", address_hashes(self._context)("kind", "value")))

    def _barred(self, addresses: DataFrame) -> DataFrame:
        """Suppressed addresses: customer_id, kind, value, reason."""
        texts = with_hashes(addresses, ("customer_id", "kind", "value"))
        matches = texts.join(self._bars, "text").where("barred_kind is null or barred_kind = kind")
        events = (
            self._message_events.where("address_hash is not null")
            .select("address_hash", "reason", "over_at")
            .distinct()
        )
        # A shared address may be used again for those customers who consented again themselves.
        events = events.join(addresses, "address_hash").join(self._newest_grants, "customer_id", "left")
        events = events.where("over_at is null or not coalesce(granted_at > over_at, false)")
        columns = ("customer_id", "kind", "value", "reason")
        both = matches.select(*columns).unionByName(events.select(*columns))
        first = both.groupBy(*columns[:3]).agg({"reason": "min"})
        return first.withColumnRenamed("min(reason)", "reason")


def address_hashes(context: Context) -> Any:
    """The engine's function of a kind and a value that gives the keyed hash of an address."""
    from pyspark.sql import functions as F  # noqa: N812

    from quanyu.identifiers import persons

    persons.send_code_to_workers()
    hashes = persons.address_hashes(person_key_secret(context.settings))
    return F.pandas_udf(hashes, "string")  # type: ignore[attr-defined]
