"""What is sold of products."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Product
from quanyu.model.trade import OrderLines


class ProductSales(FeatureView):
    """How an item sells, over all channels."""

    entity, owner, over, within = Product, "merchandise", OrderLines, days(30)
    where = "purchase"

    lines = Feature("count(*)", "Lines sold in 30 days.", unit="lines")
    pieces = Feature("sum(quantity)", "Pieces sold in 30 days.", unit="pieces")
    revenue = Feature("sum(amount)", "Revenue of 30 days.", unit="currency")
    pieces_365d = Feature("sum(quantity)", "Pieces sold in a year.", unit="pieces", within=days(365))
    days_since_sale = Feature(
        "datediff(as_of, max(ordered_at))", "Whole days since the last sale.", unit="days", within=None
    )
