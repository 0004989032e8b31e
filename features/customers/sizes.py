"""Which sizes a customer buys."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Customer
from quanyu.model.trade import OrderLines


class Sizes(FeatureView):
    """Which sizes a customer buys, by the purchases of two years."""

    entity, owner, over, within = Customer, "merchandise", OrderLines, days(730)
    where = "purchase and products.size is not null"

    usual = Feature("mode(products.size, true)", "Size bought most often.", zh="常购尺码")
    bought = Feature(
        "collect_set(concat(products.category, ' ', products.size))", "Category and size of what he bought: `女装 M`.",
        zh="各品类购买尺码",
    )  # fmt: skip
    sizes = Feature("count(distinct products.size)", "Different sizes bought.", unit="sizes", zh="尺码数")
