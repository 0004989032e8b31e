"""The customer's own rhythm of buying."""

from quanyu.grammar.feature import Feature, FeatureView, Gap, Last
from quanyu.model.entities import Customer
from quanyu.model.trade import Orders


class Rhythm(FeatureView):
    """How regularly a customer buys, by the gaps between days with a purchase (inter-purchase times)."""

    entity, owner, over = Customer, "growth", Orders
    where = "purchase"
    derived = {"gap": Gap("ordered_at"), "last_at": Last("ordered_at")}

    gaps = Feature("count_if(gap > 0)", "Gaps between days with a purchase.", unit="gaps", zh="购买间隔数")
    mean_gap = Feature("avg(gap)", "Mean gap.", unit="days", where="gap > 0", zh="平均购买间隔")
    typical_gap = Feature("median(gap)", "Median gap.", unit="days", where="gap > 0", zh="购买间隔中位数")
    earlier_gap = Feature(
        "median(gap)", "Median gap of those before the newest one; null with less than two gaps.", unit="days",
        where="gap > 0 and to_date(ordered_at) < to_date(last_at)", zh="此前购买间隔中位数",
    )  # fmt: skip
    gap_deviation = Feature(
        "stddev_samp(gap)", "Standard deviation of the gaps; null with less than two.", unit="days", where="gap > 0"
    )
    variation = Feature(
        "stddev_samp(gap) / avg(gap)",
        "Coefficient of variation of the gaps: 0 for a metronome, about 1 for chance.",
        unit="ratio",
        where="gap > 0",
        zh="购买规律性",
    )
    last_gap = Feature(
        "max_by(gap, ordered_at)", "The newest gap.", unit="days", where="gap > 0", zh="最近一次购买间隔"
    )
    days_since_second = Feature(
        "datediff(as_of, min(ordered_at))", "Whole days since the second order.", unit="days", where="gap is not null"
    )
    purchase_days = Feature(
        "count_if(gap is null or gap > 0)", "Days with a purchase, of all time.", unit="days", zh="购买天数"
    )
    spend = Feature("sum(amount)", "Spent on paid orders, of all time.", unit="currency", zh="累计消费")
    spend_per_day = Feature(
        "sum(amount) / nullif(count_if(gap is null or gap > 0), 0)",
        "Mean spending on a day with a purchase, of all time.",
        unit="currency per day",
        type="double",
        zh="购买日均消费",
    )
