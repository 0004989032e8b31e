"""What prices a customer pays: discounts, promotions, margin."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Customer
from quanyu.model.trade import OrderLines


class Deals(FeatureView):
    """At which prices a customer buys, by the purchases of a year.

    A line without a discount says nothing of its price: a source that knows that nothing was taken off says 0.
    """

    entity, owner, over, within = Customer, "merchandise", OrderLines, days(365)
    where = "purchase"

    discount = Feature("sum(discount)", "Taken off prices before payment.", unit="currency", zh="优惠金额")
    discount_share = Feature(
        "sum(discount) / nullif(sum(amount) + sum(discount), 0)",
        "Discount as a share of what it would have cost, of lines whose discount is known.",
        unit="share",
        type="double",
        where="discount is not null and amount is not null",
        zh="折扣率",
    )
    promotion_share = Feature(
        "count_if(promotion is not null) / count(*)",
        "Share of lines bought with a promotion or coupon, of lines whose discount is known.",
        unit="share",
        type="double",
        where="discount is not null",
        zh="促销购买占比",
    )
    margin = Feature(
        "sum(cast(amount - cast(quantity * products.cost as decimal(18, 2)) as decimal(18, 2)))",
        "Gross margin: paid less the cost of the goods, of items whose cost is known.",
        unit="currency",
        type="decimal(18,2)",
        zh="毛利",
    )
    margin_rate = Feature(
        "sum(cast(amount - cast(quantity * products.cost as decimal(18, 2)) as decimal(18, 2))) "
        "/ nullif(sum(amount) filter (where products.cost is not null), 0)",
        "Gross margin as a share of what was paid, of items whose cost is known.",
        unit="share",
        type="double",
        zh="毛利率",
    )
