"""The way to a purchase: what customers looked at before they bought an item, and what they added unlooked at."""

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

# Whether anything of the order was looked at, and the place of the line by the first look, of which none comes last.
OF_ORDER = (
    "coalesce(max(looks) over (partition by source, order_id), 0) > 0 as looked",
    "row_number() over (partition by source, order_id order by first_look_at nulls last, line) as nth",
)
UNPLANNED = "if(looked and nth > 1, coalesce(looks, 0) = 0, null)"


@job(reads=[OrderLines, Events, Products], writes=ItemPaths)
def item_paths(order_lines: DataFrame, events: DataFrame, products: DataFrame) -> DataFrame:
    """Items that customers bought after a look at something of their category, or beside an item looked at."""
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
    measures = ("first_look_at", "looks", "compared")
    # Sail builds its hash table from the left side of a join: paths are fewer than lines.
    rows = paths.select(*key[:3], *measures).join(bought, key[:3], "right").selectExpr("*", *OF_ORDER)
    values = {"looks": "coalesce(looks, 0)", "compared": "coalesce(compared, 0)", "unplanned": UNPLANNED}
    columns = (f"{values.get(name, name)} as {name}" for name in ItemPaths.columns)
    return rows.where("looks is not null or looked").selectExpr(*columns)
