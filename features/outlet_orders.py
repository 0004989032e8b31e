"""What outlets buy from us."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Outlet
from quanyu.model.supply import SellIn


class OutletOrders(FeatureView):
    """How an outlet buys from us or its dealer (sell-in)."""

    entity, owner, over, within = Outlet, "channel", SellIn, days(90)

    orders = Feature("count(distinct order_id)", "Orders of 90 days.", unit="orders")
    pieces = Feature("sum(quantity)", "Pieces bought in 90 days.", unit="pieces")
    amount = Feature("sum(amount)", "Paid in 90 days.", unit="currency")
    days_since_order = Feature(
        "datediff(as_of, max(ordered_on))", "Whole days since the last order.", unit="days", within=None
    )
