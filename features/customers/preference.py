"""What a customer likes."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Customer
from quanyu.model.trade import OrderLines


class Preference(FeatureView):
    """What a customer buys, by product and category."""

    entity, owner, over, within = Customer, "merchandise", OrderLines, days(365)
    where = "purchase"

    pieces = Feature("sum(quantity)", "Pieces bought.", unit="pieces", zh="购买件数")
    products = Feature("count(distinct sku)", "Different products bought.", unit="products")
    products_90d = Feature("count(distinct sku)", "Different products, of 90 days.", unit="products", within=days(90))
    categories = Feature("count(distinct products.category)", "Different categories bought.", unit="categories")
    categories_ever = Feature("count(distinct products.category)", "Different categories bought, of all time.",
                              unit="categories", within=None, zh="累计购买品类数")  # fmt: skip
    favourite_category = Feature("mode(products.category, true)", "Category bought most often.", type="string")
    unit_price = Feature(
        "sum(amount) / nullif(sum(quantity), 0)", "Mean price paid for a piece.", unit="currency per piece",
        type="double", where="amount is not null and quantity is not null", zh="购买均价",
    )  # fmt: skip
    favourite_colour = Feature("mode(products.colour, true)", "Colour bought most often.", zh="偏好颜色")
    styled_lines = Feature("count(products.style_words)", "Lines of items that have style words.", unit="lines",
                           zh="有风格词的购买行数")  # fmt: skip
    dated_lines = Feature("count(products.launched_on)", "Lines of items whose first day of sale is known.",
                          unit="lines", zh="已知上市日的购买行数")  # fmt: skip
    new_share = Feature(
        "count_if(datediff(ordered_at, products.launched_on) between 0 and 30) "
        "/ nullif(count(products.launched_on), 0)",
        "Share of lines of a known first day of sale that were bought within 30 days of it.",
        unit="share",
        type="double",
        zh="新品购买占比",
    )
