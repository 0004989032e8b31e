"""Products, orders and order lines."""

from __future__ import annotations

from quanyu.grammar.table import (
    HAPPENED,
    MONEY,
    PLANNED,
    UNIT_PRICE,
    Column,
    Condition,
    Table,
)

CHANNELS = ("store", "online", "mini_program", "marketplace", "outlet", "phone")


class Products(Table):
    """One item that can be sold."""

    layer = "silver"
    owner = "merchandise"
    keys = ("sku",)

    sku = Column("string", "Item code.", required=True)
    style = Column("string", "Style (款): one garment in all its sizes and colours.")
    product = Column("string", "Name of the product.")
    brand = Column("string", "Brand.")
    series = Column("string", "Series or collection.")
    category = Column("string", "Category.")
    season = Column("string", "Season of the product.")
    size = Column("string", "Size.")
    colour = Column("string", "Colour.")
    style_words = Column("string", "Words for its style (风格词), with 、 between them: `法式、通勤`.")
    list_price = Column(UNIT_PRICE, "Price on the tag.", unit="currency per piece", at_least=0)
    cost = Column(UNIT_PRICE, "Cost of one piece.", unit="currency per piece", at_least=0)
    launched_on = Column("date", "First day of sale.", days=PLANNED)


class Orders(Table):
    """One order or receipt. `amount` is net of returns."""

    layer = "silver"
    personal = True
    keys = ("order_id",)
    event_time = "ordered_at"
    sequence_by = "updated_at"

    order_id = Column("string", "Key of the order in its source.", required=True)
    ordered_at = Column("timestamp", "When it was placed.", days=HAPPENED, required=True)
    kind = Column("string", "A purchase, or a return with its own receipt.", required=True,
                  values=("purchase", "return"))  # fmt: skip
    status = Column("string", "State of the order.", required=True, values=("paid", "cancelled", "pending"))
    amount = Column(MONEY, "Sum of its lines; negative for a return.", unit="currency")
    pieces = Column("bigint", "Pieces in it; negative for a return.", unit="pieces")
    channel = Column("string", "Where it was placed.", values=CHANNELS)
    store = Column("string", "Store or shop.", references="stores")
    outlet = Column("string", "Outlet (终端) of another company where it was placed.", references="outlets")
    guide = Column("string", "Employee who served.", references="staff")
    campaign = Column("string", "Campaign that the source credits with it.", references="campaigns")
    updated_at = Column("timestamp", "When the source last changed it, if known.", days=HAPPENED)
    incomplete = Column("boolean", "Whether a row of it is in quarantine, so that its sums are unknown.")

    conditions = {
        "purchase": Condition("kind = 'purchase' and status = 'paid'", "A purchase: paid, not cancelled, no return."),
    }


class OrderLines(Table):
    """One line of an order or receipt; returns are lines with their own kind."""

    layer = "silver"
    personal = True
    keys = ("order_id", "line")
    event_time = "ordered_at"
    sequence_by = "updated_at"

    order_id = Column("string", "Key of the order in its source.", required=True, references="orders")
    line = Column("bigint", "Number of the line.", required=True)
    ordered_at = Column("timestamp", "When the order was placed.", days=HAPPENED, required=True)
    kind = Column("string", "What the line is.", required=True, values=("sale", "return", "adjustment"))
    status = Column("string", "State of the line.", required=True, values=("paid", "cancelled", "pending"))
    sku = Column("string", "Item code.", required=True, references="products")
    quantity = Column("bigint", "Pieces; negative for a return.", unit="pieces")
    amount = Column(MONEY, "What was paid; negative for a return.", unit="currency", required=True)
    discount = Column(MONEY, "Taken off the line's price before payment; negative for a return.", unit="currency")
    promotion = Column("string", "Promotion or coupon (优惠券) that gave the discount; null for none.")
    unit_price = Column(UNIT_PRICE, "Price of one piece.", unit="currency per piece")
    updated_at = Column("timestamp", "When the source last changed it, if known.", days=HAPPENED)

    conditions = {
        "purchase": Condition(
            "kind = 'sale' and status = 'paid'", "A line of a purchase: paid, not cancelled, no return."
        ),
    }
