"""The way to a purchase: what customers looked at before they bought an item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quanyu.grammar.job import job
from quanyu.model.touch import Events, ItemPaths
from quanyu.model.trade import OrderLines, Products

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# A look longer ago is for something else.
MOST_DAYS = 30
LOOKS = "not is_bot and kind in ('view', 'cart') and sku is not null and customer_id is not null"


@job(reads=[OrderLines, Events, Products], writes=ItemPaths)
def item_paths(order_lines: DataFrame, events: DataFrame, products: DataFrame) -> DataFrame:
    """Items that customers bought after a look at something of the same category."""
    from pyspark.sql import functions as F  # noqa: N812

    newest = "row_number() over (partition by sku order by recorded_on desc, source) as nth"
    items = products.selectExpr("sku", "coalesce(style, sku) as style", "category", newest).where("nth = 1").drop("nth")
    key = ["source", "order_id", "line", "customer_id", "ordered_at", "sku"]
    lines = order_lines.where(OrderLines.conditions["purchase"].sql).where("customer_id is not null").select(*key)
    bought = items.join(lines, "sku").select(*key, "style", "category")
    seen = items.join(events.where(LOOKS).select("customer_id", "at", "sku"), "sku")
    looks = seen.selectExpr("customer_id", "category", "at", "style as seen_style")
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
