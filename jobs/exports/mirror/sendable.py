"""What may have been sent to a platform by a home that is not known any more, such as one before a restored backup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.consent.facts import Moment, with_customers
from jobs.consent.gate import address_hashes
from jobs.exports.forms import formed, forms_sent, kinds_of
from jobs.exports.mirror.difference import wanted_set
from jobs.exports.platform import OnlinePlatform
from quanyu.identifiers.valid import PERSON
from quanyu.literals import quoted
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

OWNER = "coalesce(customer_id, person_key)"


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
