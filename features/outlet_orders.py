"""What outlets buy from us."""

from quanyu.grammar.feature import Feature, FeatureView, Gap, days
from quanyu.model.entities import Outlet
from quanyu.model.supply import SellIn


class OutletOrders(FeatureView):
    """How an outlet buys from us or its dealer (sell-in)."""

    entity, owner, over, within = Outlet, "channel", SellIn, days(90)

    orders = Feature("count(distinct order_id)", "Orders of 90 days.", unit="orders", zh="进货单数")
    pieces = Feature("sum(quantity)", "Pieces bought in 90 days.", unit="pieces", zh="进货件数")
    pieces_28d = Feature("sum(quantity)", "Pieces bought in four weeks.", unit="pieces", within=days(28),
                         zh="近4周进货件数")  # fmt: skip
    pieces_84d = Feature("sum(quantity)", "Pieces bought in twelve weeks.", unit="pieces", within=days(84),
                         zh="近12周进货件数")  # fmt: skip
    pieces_168d = Feature("sum(quantity)", "Pieces bought in 24 weeks.", unit="pieces", within=days(168),
                          zh="近24周进货件数")  # fmt: skip
    amount = Feature("sum(amount)", "Paid in 90 days.", unit="currency", zh="进货金额")
    items = Feature("count(distinct sku)", "Different items bought in 90 days: the range it carries.", unit="items",
                    zh="进货商品数")  # fmt: skip
    days_since_order = Feature(
        "datediff(as_of, max(ordered_on))", "Whole days since the last order.", unit="days", within=None,
        zh="距上次进货天数",
    )  # fmt: skip


class OutletRhythm(FeatureView):
    """How regularly an outlet orders, by the gaps between days with an order of a year."""

    entity, owner, over, within = Outlet, "channel", SellIn, days(365)
    derived = {"gap": Gap("ordered_on")}

    gaps = Feature("count_if(gap > 0)", "Gaps between days with an order.", unit="gaps", zh="进货间隔数")
    typical_gap = Feature("median(gap)", "Median gap.", unit="days", where="gap > 0", zh="进货间隔中位数")
    variation = Feature(
        "stddev_samp(gap) / avg(gap)",
        "Coefficient of variation of the gaps: 0 for a metronome, about 1 for chance.",
        unit="ratio",
        where="gap > 0",
        zh="进货规律性",
    )
