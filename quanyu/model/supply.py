"""Prices, stock, stores, staff, purchase and production orders, and sell-in."""

from __future__ import annotations

from quanyu.grammar.table import (
    HAPPENED,
    MONEY,
    PLANNED,
    UNIT_PRICE,
    Column,
    Table,
)

SKU = Column("string", "Item code.", required=True, references="products")


class Prices(Table):
    """The price of an item in a channel, valid from a day."""

    layer = "silver"
    owner = "merchandise"
    keys = ("sku", "channel")

    sku = SKU
    channel = Column("string", "Channel of the price.", required=True, values=("store", "online"))
    price = Column(UNIT_PRICE, "Price that a customer pays.", unit="currency per piece", required=True, at_least=0)
    holds_from = Column("date", "First day of this price.", days=PLANNED)
    promotion = Column("string", "Promotion of the price; null for the regular price.")


class Stock(Table):
    """Stock of an item at a place at the end of a day."""

    layer = "silver"
    owner = "supply"
    keys = ("place", "sku")

    place = Column("string", "Store or warehouse; only stores are listed.", required=True, references="stores")
    sku = SKU
    on_hand = Column("bigint", "Pieces in stock.", unit="pieces", required=True)
    on_the_way = Column("bigint", "Pieces in transit to the place.", unit="pieces")


class Stores(Table):
    """One store."""

    layer = "silver"
    owner = "retail"
    keys = ("store",)

    store = Column("string", "Code of the store.", required=True)
    store_name = Column("string", "Name of the store.")
    kind = Column("string", "Who runs it.", values=("own", "franchise"))
    city = Column("string", "City it is in.")
    area = Column("double", "Sales area.", unit="square metres", at_least=0)
    opened_on = Column("date", "Day of opening.", days=PLANNED)
    phone = Column("string", "The store's own phone: it identifies no customer.")


class Staff(Table):
    """One person who works for the retailer or a dealer: guide, store manager, dealer, regional manager."""

    layer = "silver"
    owner = "retail"
    keys = ("staff",)
    person_columns = {"staff": "staff", "wecom_user": "wecom_user"}

    staff = Column("string", "Number of the employee.", required=True)
    display_name = Column("string", "Name.", pii=True)
    mobile = Column("string", "Mobile phone: it identifies no customer.", pii=True)
    role = Column("string", "Role of the person.", values=("guide", "store_manager", "dealer", "region_manager"))
    store = Column("string", "Store the person works in.", references="stores")
    region = Column("string", "Sales region (大区).")
    wecom_user = Column("string", "User id in WeCom (企业微信).", alternate_key=True)
    hired_on = Column("date", "First day of work.", days=PLANNED)
    left_on = Column("date", "Last day of work; null while employed.", days=PLANNED)


class Purchases(Table):
    """One line of an order to a supplier."""

    layer = "silver"
    owner = "supply"
    keys = ("purchase", "line")

    purchase = Column("string", "Number of the purchase order.", required=True)
    line = Column("bigint", "Number of the line.", required=True)
    sku = SKU
    supplier = Column("string", "Supplier.")
    quantity = Column("bigint", "Pieces ordered.", unit="pieces", required=True, at_least=0)
    unit_cost = Column(UNIT_PRICE, "Price paid to the supplier.", unit="currency per piece", at_least=0)
    ordered_on = Column("date", "Day of the order.", days=HAPPENED)
    expected_on = Column("date", "Day on which it is expected.", days=PLANNED)
    arrived_on = Column("date", "Day of arrival; null until then.", days=PLANNED)
    status = Column("string", "State of the line.", required=True,
                    values=("ordered", "in_transit", "arrived", "cancelled"))  # fmt: skip


class Production(Table):
    """One line of an order to an own or contracted factory."""

    layer = "silver"
    owner = "supply"
    keys = ("production", "line")

    production = Column("string", "Number of the production order.", required=True)
    line = Column("bigint", "Number of the line.", required=True)
    sku = SKU
    factory = Column("string", "Factory.")
    quantity = Column("bigint", "Pieces to produce.", unit="pieces", required=True, at_least=0)
    ordered_on = Column("date", "Day of the order.", days=HAPPENED)
    started_on = Column("date", "First day of production.", days=PLANNED)
    finished_on = Column("date", "Last day of production.", days=PLANNED)
    status = Column("string", "State of the line.", required=True, values=("planned", "making", "finished"))


class SellIn(Table):
    """One line of an outlet's purchase from us or its dealer (sell-in, 进货)."""

    layer = "silver"
    owner = "channel"
    keys = ("order_id", "line")
    event_time = "ordered_on"

    order_id = Column("string", "Number of the delivery.", required=True)
    line = Column("bigint", "Number of the line.", required=True)
    outlet = Column("string", "Outlet that bought.", required=True, references="outlets")
    sku = SKU
    quantity = Column("bigint", "Pieces bought.", unit="pieces", required=True)
    amount = Column(MONEY, "What the outlet paid.", unit="currency")
    ordered_on = Column("date", "Day of the order.", days=HAPPENED, required=True)
