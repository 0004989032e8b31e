"""In which sizes a style is bought, and in which it is in stock."""

from quanyu.grammar.feature import Feature, FeatureView, Grouping, days
from quanyu.model.entities import Style
from quanyu.model.supply import Stock
from quanyu.model.trade import OrderLines


class StyleDemand(FeatureView):
    """In which sizes a style is bought, by the purchases of a year."""

    entity, owner, over, within = Style, "merchandise", OrderLines, days(365)
    where = "purchase and products.size is not null"
    groups = Grouping({"size": "products.size"}, {"bought": "sum(quantity)"})

    pieces = Feature("sum(bought)", "Pieces bought.", unit="pieces", zh="款销量")
    sizes = Feature("collect_set(size)", "Sizes of which two pieces or more were bought.", where="bought >= 2",
                    zh="热销尺码")  # fmt: skip
    core_size = Feature("max_by(size, bought)", "Size of which most pieces were bought.", zh="核心尺码")
    core_share = Feature("max(bought) / nullif(sum(bought), 0)", "Share of its pieces.", unit="share", type="double",
                         zh="核心尺码占比")  # fmt: skip


class StyleStock(FeatureView):
    """In which sizes a style is in stock, over stores and warehouses."""

    entity, owner, over = Style, "supply", Stock

    on_hand = Feature("sum(greatest(on_hand, 0))", "Pieces in stock.", unit="pieces", zh="款库存")
    sizes = Feature("collect_set(products.size)", "Sizes in stock anywhere.", where="on_hand > 0", zh="有货尺码")
