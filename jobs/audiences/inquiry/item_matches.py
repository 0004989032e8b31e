"""The items of an audience of products for each member of an audience of customers, in his sizes and to his taste."""

from __future__ import annotations

import contextlib
from datetime import date
from typing import TYPE_CHECKING

from jobs.audiences.inquiry.changes import declared
from jobs.audiences.inquiry.subject import day_of_profiles
from jobs.audiences.memberships.intervals import members_on_day
from quanyu.config.settings import Settings
from quanyu.errors import ConfigError
from quanyu.literals import quoted
from quanyu.model.entities import Customer, Product
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

# Columns of profiles that say which sizes a customer buys and which style he likes, and what an item is.
WANTS = {"bought": "sizes__bought", "style": "style_words__favourite"}
OFFERS = {
    "product": "product__product", "category": "product__category", "size": "product__size",
    "style_words": "product__style_words", "on_hand": "product_stock__on_hand",
}  # fmt: skip


def items_for(settings: Settings, customers: str, products: str, size: str | None, most: int) -> pa.Table:
    """Items for each member, `most` of them at most, of one size if it is given; columns as in `matches`.

    Raises ConfigError where an audience is unknown or about something else, and before the first run.
    """
    with contextlib.closing(Context(settings, date.min)) as context:
        for name, entity in ((customers, Customer), (products, Product)):
            if (about := declared(context, name).entity) != entity.name:
                raise ConfigError(f"{name} is about {about}: an audience of {entity.plural(2)} is wanted")
        context.day = day_of_profiles(context, Customer)
        profiles = context.lake.read("gold/profile_customer"), context.lake.read("gold/profile_product")
        wants, offers = (
            rows.selectExpr(entity.key, *(f"`{column}` as `{name}`" for name, column in columns.items())).join(
                members_on_day(context, entity, audience).select(entity.key), entity.key, "left_semi"
            )
            for rows, entity, audience, columns in (
                (profiles[0], Customer, customers, WANTS), (profiles[1], Product, products, OFFERS),
            )
        )  # fmt: skip
        return matches(wants, offers, size, most).orderBy("customer_id", "place").toArrow()


def matches(wants: DataFrame, offers: DataFrame, size: str | None, most: int) -> DataFrame:
    """Items in a size that a customer has bought in their category and of his favourite style: those with most stock.

    `wants` has customer_id, bought (`category size` of each), style; `offers` has sku, product, category, size,
    style_words and on_hand. Returns customer_id, place, sku, product, category, size, style, on_hand.
    """
    of_size = offers.where(f"size = {quoted(size)}") if size else offers
    fits = of_size.where("on_hand > 0").selectExpr("*", "concat(category, ' ', size) as fit")
    of_each = wants.selectExpr("customer_id", "style", "explode(array_distinct(bought)) as fit")
    both = of_each.join(fits, "fit").where("array_contains(split(style_words, '、'), style)")
    place = "row_number() over (partition by customer_id order by on_hand desc, sku)"
    placed = both.selectExpr(
        "customer_id", f"cast({place} as int) as place", "sku", "product", "category", "size", "style", "on_hand"
    )
    return placed.where(f"place <= {most}")
