"""What is sold of products, at which prices, and what comes back."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Product
from quanyu.model.trade import OrderLines


class ProductSales(FeatureView):
    """How an item sells, over all channels."""

    entity, owner, over, within = Product, "merchandise", OrderLines, days(30)
    where = "purchase"

    lines = Feature("count(*)", "Lines sold in 30 days.", unit="lines", zh="成交行数")
    pieces = Feature("sum(quantity)", "Pieces sold in 30 days.", unit="pieces", zh="销量")
    pieces_90d = Feature("sum(quantity)", "Pieces sold in 90 days.", unit="pieces", within=days(90), zh="近90天销量")
    revenue = Feature("sum(amount)", "Revenue of 30 days.", unit="currency", zh="销售额")
    pieces_365d = Feature("sum(quantity)", "Pieces sold in a year.", unit="pieces", within=days(365), zh="近一年销量")
    pieces_ever = Feature("sum(quantity)", "Pieces sold since the launch.", unit="pieces", within=None, zh="累计销量")
    days_since_sale = Feature(
        "datediff(as_of, max(ordered_at))", "Whole days since the last sale.", unit="days", within=None,
        zh="距上次销售天数",
    )  # fmt: skip


class ProductPrices(FeatureView):
    """At which prices an item sells, by the purchases of 90 days."""

    entity, owner, over, within = Product, "merchandise", OrderLines, days(90)
    where = "purchase"

    price = Feature(
        "sum(amount) / nullif(sum(quantity), 0)", "Mean price paid for a piece.", unit="currency per piece",
        type="double", where="amount is not null and quantity is not null", zh="成交均价",
    )  # fmt: skip
    discount_share = Feature(
        "sum(discount) / nullif(sum(amount) + sum(discount), 0)",
        "Discount as a share of what it would have cost, of lines whose discount is known.", unit="share",
        type="double", where="discount is not null and amount is not null", zh="折扣率",
    )  # fmt: skip
    promotion_share = Feature(
        "count_if(promotion is not null) / count(*)",
        "Share of lines bought with a promotion or coupon, of lines whose discount is known.", unit="share",
        type="double", where="discount is not null", zh="促销销售占比",
    )  # fmt: skip


class ProductReturns(FeatureView):
    """What comes back of an item, by pieces of 90 days."""

    entity, owner, over, within = Product, "merchandise", OrderLines, days(90)
    where = "status = 'paid'"

    return_rate = Feature(
        "-sum(quantity) filter (where kind = 'return') / nullif(sum(quantity) filter (where purchase), 0)",
        "Pieces returned for each piece sold; null without sales.", unit="share", type="double", zh="退货率",
    )  # fmt: skip
