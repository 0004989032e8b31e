"""When, where and how a customer buys."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Customer
from quanyu.model.trade import Orders


class Habits(FeatureView):
    """When, where and by which channel a customer buys, by the purchases of a year."""

    entity, owner, over, within = Customer, "growth", Orders, days(365)
    where = "purchase"

    channel = Feature("mode(channel, true)", "Channel with most orders.", zh="偏好渠道")
    online_share = Feature(
        "count_if(channel is not null and channel <> 'store') / nullif(count(channel), 0)",
        "Share of orders not placed in a store.",
        unit="share", type="double", zh="线上占比",
    )  # fmt: skip
    hour = Feature("mode(hour(ordered_at), true)", "Hour of the day with most orders.", unit="hour", zh="偏好时段")
    weekday = Feature(
        "mode(dayofweek(ordered_at), true)", "Weekday with most orders: 1 is Sunday.", unit="weekday", zh="偏好星期"
    )
    weekend_share = Feature(
        "count_if(dayofweek(ordered_at) in (1, 7)) / count(*)", "Share of orders on Saturday and Sunday.",
        unit="share", type="double", zh="周末占比",
    )  # fmt: skip
    store = Feature("mode(store, true)", "Store with most orders.", zh="常去门店")
    city = Feature("mode(stores.city, true)", "City of the stores with most orders.", zh="常购城市")
    guide = Feature("mode(guide, true)", "Guide who served most often.", zh="常服务导购")
    pieces_per_order = Feature(
        "sum(pieces) / nullif(count(pieces), 0)", "Mean pieces of an order.", unit="pieces", type="double",
        zh="客单件数",
    )  # fmt: skip
    largest_order = Feature("max(amount)", "Largest order.", unit="currency", zh="最大单笔金额")
