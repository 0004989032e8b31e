"""What third parties say of customers, joined by hashed phone or e-mail, where consent covers the purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.consent import states
from quanyu.grammar.job import job
from quanyu.model.people import ANY, Attributes, Consents, CustomerAttributes, Identifiers

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Older statements are outdated.
MOST_DAYS = 730
HASHED = {"phone": "phone_sha256", "email": "email_sha256"}


@job(reads=[Attributes, Identifiers, Consents], writes=CustomerAttributes)
def customer_attributes(attributes: DataFrame, identifiers: DataFrame, consents: DataFrame) -> DataFrame:
    """What third parties say of each customer who consented to the purpose, unless two customers share the hash."""
    owners = hashes(identifiers.where("customer_id is not null"))
    named = identifiers.where(f"kind in {tuple(HASHED.values())}").selectExpr("source", "person_key", "value as hash")
    # Third-party data is bound to no channel, so consent must be for any of them.
    answers = states.by_customer(consents.where("customer_id is not null"))
    allowed = answers.where(f"granted and channel = '{ANY}'").select("customer_id", "purpose")
    fresh = attributes.drop("customer_id").where(f"said_on >= date_sub(feed_day, {MOST_DAYS})")
    statements = (
        fresh.join(named, ["source", "person_key"]).join(owners, "hash").join(allowed, ["customer_id", "purpose"])
    )
    newest = "rank() over (partition by customer_id, source, attribute order by said_on desc) as nth"
    last = statements.selectExpr("*", newest).where("nth = 1").select(*CustomerAttributes.columns).distinct()
    alone = "count(*) over (partition by customer_id, source, attribute) as said"
    return last.selectExpr("*", alone).where("said = 1").drop("said")


def hashes(identifiers: DataFrame) -> DataFrame:
    """Customer of each hash of a clear or hashed identifier: hash, customer_id, each hash once."""
    cases = " ".join(f"when '{clear}' then sha2(value, 256)" for clear in HASHED)
    contacts = identifiers.where(f"kind in {(*HASHED, *HASHED.values())}")
    pairs = contacts.selectExpr(f"case kind {cases} else value end as hash", "customer_id").distinct()
    return pairs.selectExpr("*", "count(*) over (partition by hash) as owners").where("owners = 1").drop("owners")
