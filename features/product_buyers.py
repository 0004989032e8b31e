"""Which kind of shoppers buy a product or a style."""

from quanyu.grammar.feature import Feature, FeatureView, Grouping, days
from quanyu.model.entities import Product, Style
from quanyu.model.touch import ItemBuyers


class ProductBuyers(FeatureView):
    """Which kind of shoppers the customers are who bought an item within a year, by what they are on the day."""

    entity, owner, over, within = Product, "merchandise", ItemBuyers, days(365)

    buyers = Feature("count(*)", "Customers who bought it.", unit="customers", zh="购买人数")
    classified = Feature("count(shopper)", "Buyers of whom it is known.", unit="customers", zh="已知类型的购买人数")
    impulsive_share = Feature(
        "count_if(shopper = 'impulsive') / nullif(count(shopper), 0)", "Share of these who are impulsive.",
        unit="share", type="double", zh="冲动型买家占比",
    )  # fmt: skip
    rational_share = Feature(
        "count_if(shopper = 'rational') / nullif(count(shopper), 0)", "Share of these who are rational.",
        unit="share", type="double", zh="理性型买家占比",
    )  # fmt: skip


class StyleBuyers(FeatureView):
    """The same of a style: who bought several of its items counts once."""

    entity, owner, over, within = Style, "merchandise", ItemBuyers, days(365)
    groups = Grouping({"buyer": "customer_id"}, {"kind": "max(shopper)"})

    buyers = Feature("count(*)", "Customers who bought it.", unit="customers", zh="款购买人数")
    classified = Feature("count(kind)", "Buyers of whom it is known.", unit="customers", zh="款已知类型的购买人数")
    impulsive_share = Feature(
        "count_if(kind = 'impulsive') / nullif(count(kind), 0)", "Share of these who are impulsive.",
        unit="share", type="double", zh="款冲动型买家占比",
    )  # fmt: skip
    rational_share = Feature(
        "count_if(kind = 'rational') / nullif(count(kind), 0)", "Share of these who are rational.",
        unit="share", type="double", zh="款理性型买家占比",
    )  # fmt: skip
