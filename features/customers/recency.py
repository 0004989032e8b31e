"""How long ago and how regularly a customer buys."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Customer
from quanyu.model.trade import Orders


class Recency(FeatureView):
    """How long ago and how regularly a customer buys."""

    entity, owner, over, within = Customer, "growth", Orders, days(365)
    where = "purchase"

    days_since_order = Feature(
        "datediff(as_of, max(ordered_at))", "Whole days since the last order.", unit="days", within=None
    )
    days_since_first = Feature(
        "datediff(as_of, min(ordered_at))", "Whole days since the first order.", unit="days", within=None
    )
    days_between_orders = Feature(
        "datediff(max(ordered_at), min(ordered_at)) / nullif(count(distinct to_date(ordered_at)) - 1, 0)",
        "Mean days between two days with an order; null with less than two.",
        unit="days",
        type="double",
    )
    orders_30d = Feature("count(*)", "Orders of the last 30 days.", unit="orders", within=days(30))
    orders_90d = Feature("count(*)", "Orders of the last 90 days.", unit="orders", within=days(90))
    orders_180d = Feature("count(*)", "Orders of the last 180 days.", unit="orders", within=days(180))
