"""What there is of products, and what people say of them."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Product
from quanyu.model.knowledge import Reviews
from quanyu.model.supply import Stock


class ProductStock(FeatureView):
    """How much of an item is in stock, over stores and warehouses, by the last count of each."""

    entity, owner, over = Product, "supply", Stock

    on_hand = Feature("sum(greatest(on_hand, 0))", "Pieces in stock.", unit="pieces", zh="库存")
    on_the_way = Feature("sum(on_the_way)", "Pieces in transit.", unit="pieces", zh="在途库存")
    places = Feature("count_if(on_hand > 0)", "Stores and warehouses that have it.", unit="places", zh="有货门店数")


class ProductReviews(FeatureView):
    """What customers say of an item, in a year."""

    entity, owner, over, within = Product, "service", Reviews, days(365)

    reviews = Feature("count(*)", "Reviews.", unit="reviews", zh="评价数")
    rated = Feature("count(stars)", "Reviews with stars.", unit="reviews", zh="有评分的评价数")
    stars = Feature("avg(stars)", "Mean stars.", unit="stars", type="double", zh="平均评分")
    bad_share = Feature(
        "count_if(stars <= 2) / nullif(count(stars), 0)", "Share of reviews with stars that have one or two.",
        unit="share", type="double", zh="差评率",
    )  # fmt: skip
