"""The way to a purchase: what customers looked at before they bought an item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quanyu.grammar.job import job
from quanyu.model.touch import Events, ItemPaths
from quanyu.model.trade import OrderLines

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# A look longer ago is for something else.
MOST_DAYS = 30
LOOKS = "not is_bot and kind in ('view', 'cart') and sku is not null"
ITEM = ("products.style", "products.category")


@job(reads=[OrderLines, Events], writes=ItemPaths, by_customer=True, refers={OrderLines: ITEM, Events: ITEM})
def item_paths(order_lines: DataFrame, events: DataFrame) -> DataFrame:
    """Items that customers bought after a look at something of the same category."""
    from pyspark.sql import functions as F  # noqa: N812

    key = ["source", "order_id", "line", "customer_id", "ordered_at", "sku"]
    item = ("coalesce(products.style, sku) as style", "products.category as category")
    bought = order_lines.where("purchase").selectExpr(*key, *item)
    looks = events.where(LOOKS).selectExpr("customer_id", "at", *item)
    looks = looks.withColumnRenamed("style", "seen_style")
    recent = f"at <= ordered_at and datediff(ordered_at, at) <= {MOST_DAYS}"
    pairs = bought.join(looks, ["customer_id", "category"]).where(recent)
    paths = pairs.groupBy(*key).agg(
        F.expr("min(at) filter (where seen_style = style)").alias("first_look_at"),
        F.expr("count(*) filter (where seen_style = style)").alias("looks"),
        F.expr("cast(size(array_distinct(collect_list(if(seen_style <> style, seen_style, null)))) as bigint)").alias(
            "compared"
        ),
    )
    return paths.select(*ItemPaths.columns)
