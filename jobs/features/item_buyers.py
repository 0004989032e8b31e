"""Who buys an item: a product is known by the kind of shoppers that its buyers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quanyu.grammar.job import job
from quanyu.model.touch import ItemBuyers
from quanyu.model.trade import OrderLines
from quanyu.point_in_time.customer_tags import CustomerTags

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@job(reads=[OrderLines], writes=ItemBuyers, tags=CustomerTags(("shopper.type",)))
def item_buyers(order_lines: DataFrame, tags: DataFrame) -> DataFrame:
    """Customers who bought an item, with the kind of shopper that each is on the day."""
    from pyspark.sql import functions as F  # noqa: N812

    bought = order_lines.where(OrderLines.conditions["purchase"].sql).where("customer_id is not null")
    buyers = bought.groupBy("sku", "customer_id").agg(F.expr("max(ordered_at)").alias("bought_at"))
    shoppers = tags.selectExpr("customer_id", "`shopper__type` as shopper")
    # Sail builds its hash table from the left side of a join: customers are fewer than pairs.
    return shoppers.join(buyers, "customer_id", "right").select(*ItemBuyers.columns)
