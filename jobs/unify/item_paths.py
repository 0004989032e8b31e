"""The way to a purchase: what customers looked at before they bought an item, and what they added unlooked at."""

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

# Whether anything of the order was looked at, and the place of the line by the first look, of which none comes last.
OF_ORDER = (
    "coalesce(max(looks) over (partition by source, order_id, customer_id), 0) > 0 as looked",
    "row_number() over (partition by source, order_id, customer_id order by first_look_at nulls last, line) as nth",
)
UNPLANNED = "if(looked and nth > 1, coalesce(looks, 0) = 0, null)"


@job(reads=[OrderLines, Events], writes=ItemPaths, by_customer=True, refers={OrderLines: ITEM, Events: ITEM})
def item_paths(order_lines: DataFrame, events: DataFrame) -> DataFrame:
    """Items that customers bought after a look at something of their category, or beside an item looked at."""
    from pyspark.sql import functions as F  # noqa: N812

    key = ["source", "order_id", "line", "customer_id", "ordered_at", "sku"]
    item = ("coalesce(products.style, sku) as style", "products.category as category")
    bought = order_lines.where("purchase and products.category is not null").selectExpr(*key, *item)
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
    measures = ("first_look_at", "looks", "compared")
    # Sail builds its hash table from the left side of a join: paths are fewer than lines.
    rows = paths.select(*key[:4], *measures).join(bought, key[:4], "right").selectExpr("*", *OF_ORDER)
    values = {"looks": "coalesce(looks, 0)", "compared": "coalesce(compared, 0)", "unplanned": UNPLANNED}
    columns = (f"{values.get(name, name)} as {name}" for name in ItemPaths.columns)
    return rows.where("looks is not null or looked").selectExpr(*columns)
