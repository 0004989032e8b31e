"""What comes of pages that customers share: visits, and purchases of the visitors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quanyu.grammar.job import job
from quanyu.model.people import Identifiers
from quanyu.model.touch import Events, ReferralEvents
from quanyu.model.trade import Orders

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# A later purchase is for another reason.
MOST_DAYS = 30


@job(reads=[Events, Identifiers, Orders], writes=ReferralEvents)
def referral_events(events: DataFrame, identifiers: DataFrame, orders: DataFrame) -> DataFrame:
    """Visits by a page that a customer shared, and purchases within 30 days; the page names a hash of an identifier.

    A hash of several customers' identifiers is nobody's, and no visit by one's own page counts.
    """
    from pyspark.sql import functions as F  # noqa: N812

    led = events.where("shared_by is not null and not is_bot").withColumnRenamed("customer_id", "visitor")
    owned = identifiers.where("customer_id is not null").selectExpr("customer_id", "sha2(value, 256) as shared_by")
    owned = owned.join(led.select("shared_by").distinct(), "shared_by", "left_semi")
    owners = owned.groupBy("shared_by").agg(
        F.expr("min(customer_id)").alias("sharer"), F.expr("max(customer_id)").alias("last")
    )
    sharers = owners.where("sharer = last").drop("last")
    known = identifiers.groupBy("customer_id").agg(F.expr("min(recorded_on)").alias("known_on"))
    led = led.join(known.withColumnRenamed("customer_id", "visitor"), "visitor", "left")
    led = led.withColumn("is_new", F.expr("known_on >= to_date(at)"))
    visits = led.join(sharers, "shared_by").where("visitor is null or visitor <> sharer")
    visits = visits.withColumnRenamed("sharer", "customer_id")
    came = _referrals(visits, "'visit'", "concat('visit/', event_id)", "at", referred="visitor", sku="sku")
    return came.unionByName(_orders(visits, orders))


def _orders(visits: DataFrame, orders: DataFrame) -> DataFrame:
    """Purchases after a visit; each belongs to whom the visitor's newest visit before it was owed to.

    A visitor who was new belongs to whom he came by, whatever pages of others he opened since.
    """
    bought = orders.where(Orders.conditions["purchase"].sql).selectExpr(
        "source", "order_id", "customer_id as visitor", "ordered_at", "amount", "channel", "store"
    )
    led = visits.where("visitor is not null").selectExpr(
        "visitor", "customer_id", "event_id", "at as visited_at", "is_new"
    )
    recent = f"ordered_at >= visited_at and datediff(ordered_at, visited_at) <= {MOST_DAYS}"
    order = "coalesce(is_new, false) desc, visited_at desc, event_id"
    newest = f"row_number() over (partition by source, order_id order by {order}) as nth"
    owed = led.join(bought, "visitor").where(recent).selectExpr("*", newest).where("nth = 1")
    return _referrals(owed, "'order'", "concat('order/', order_id)", "ordered_at", referred="visitor",
                      order_id="order_id", amount="amount", channel="channel", store="store")  # fmt: skip


def _referrals(rows: DataFrame, kind: str, key: str, at: str, **columns: str) -> DataFrame:
    """Rows with `customer_id` and `is_new` as referral events, by SQL of their other columns; others are null."""
    values = {"source": "source", "referral_id": key, "customer_id": "customer_id", "kind": kind, "at": at,
              "referred_new": "is_new", **columns}  # fmt: skip
    types = {name: column.type for name, column in ReferralEvents.columns.items()}
    return rows.selectExpr(*(f"cast({values.get(name, 'null')} as {kind}) as {name}" for name, kind in types.items()))
