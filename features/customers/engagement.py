"""How lively a customer is, over all channels."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Customer
from quanyu.model.people import Activity


class Engagement(FeatureView):
    """How lively a customer is, over all channels and kinds of acts of the customer's own."""

    entity, owner, over, within = Customer, "growth", Activity, days(365)

    acts = Feature(
        "count(*)",
        "Acts of the customer's own, of any kind; a payment counts with its order.",
        unit="acts",
        where="by_customer and kind <> 'pay'",
    )
    active_days = Feature("count(distinct to_date(at))", "Days with an order.", unit="days", where="kind = 'order'")
    active_days_90d = Feature(
        "count(distinct to_date(at))",
        "Days with an order, of 90.",
        unit="days",
        where="kind = 'order'",
        within=days(90),
    )
    active_days_180d = Feature(
        "count(distinct to_date(at))",
        "Days with an order, of 180.",
        unit="days",
        where="kind = 'order'",
        within=days(180),
    )
    channels = Feature(
        "count(distinct channel)",
        "Channels of orders and returns.",
        unit="channels",
        where="kind in ('order', 'return', 'cancel')",
    )
    returns = Feature("count(*)", "Returns.", unit="returns", where="kind = 'return'")
    cancels = Feature("count(*)", "Cancelled orders.", unit="orders", where="kind = 'cancel'")
