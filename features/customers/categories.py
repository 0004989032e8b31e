"""How a customer spreads his purchases over categories, series, brands and styles."""

from quanyu.grammar.feature import Feature, FeatureView, Grouping, days
from quanyu.model.entities import Customer
from quanyu.model.trade import OrderLines


class Categories(FeatureView):
    """How a customer spreads the spending of a year over categories."""

    entity, owner, over, within = Customer, "merchandise", OrderLines, days(365)
    where = "purchase and products.category is not null"
    groups = Grouping(
        {"category": "products.category"},
        {"spend": "sum(amount)", "lines": "count(*)", "first_on": "min(unix_date(to_date(ordered_at)))"},
    )

    favourite = Feature("max_by(category, spend)", "Category with most spent.", zh="最爱品类")
    favourite_share = Feature(
        "max(spend) / nullif(sum(spend), 0)", "Share of own spending in that category.", unit="share", type="double",
        zh="最爱品类占比",
    )  # fmt: skip
    lines = Feature("coalesce(sum(lines), 0)", "Lines of items whose category is known.", unit="lines",
                    zh="有品类的购买行数")  # fmt: skip
    bought = Feature("collect_set(category)", "Categories bought.", zh="购买过的品类")
    days_since_third = Feature(
        "unix_date(as_of) - get(collect_list(first_on), 2)",
        "Whole days since the third category was bought for the first time within the year; null with less than three.",
        unit="days",
    )


class Series(FeatureView):
    """Which series a customer has begun to collect: two styles of it or more within two years."""

    entity, owner, over, within = Customer, "merchandise", OrderLines, days(730)
    where = "purchase and products.series is not null"
    groups = Grouping(
        {"series": "products.series"},
        {"styles": "count(distinct products.style)", "spend": "sum(amount)", "last_at": "max(ordered_at)"},
    )

    begun = Feature("collect_set(series)", "Series of which he has two styles or more.", where="styles >= 2",
                    zh="已入坑的系列")  # fmt: skip
    latest_begun = Feature(
        "max_by(series, last_at)", "The one of these that he bought last.", where="styles >= 2", zh="最近入坑的系列"
    )
    favourite = Feature("max_by(series, spend)", "Series with most spent.", zh="最爱系列")
    favourite_share = Feature(
        "max(spend) / nullif(sum(spend), 0)",
        "Share of own spending in that series.",
        unit="share",
        type="double",
        zh="最爱系列占比",
    )


class Brands(FeatureView):
    """How a customer spreads the spending of a year over brands."""

    entity, owner, over, within = Customer, "merchandise", OrderLines, days(365)
    where = "purchase and products.brand is not null"
    groups = Grouping({"brand": "products.brand"}, {"spend": "sum(amount)", "lines": "count(*)"})

    favourite = Feature("max_by(brand, spend)", "Brand with most spent.", zh="最爱品牌")
    favourite_share = Feature(
        "max(spend) / nullif(sum(spend), 0)",
        "Share of own spending in that brand.",
        unit="share",
        type="double",
        zh="最爱品牌占比",
    )
    lines = Feature("coalesce(sum(lines), 0)", "Lines of items whose brand is known.", unit="lines",
                    zh="有品牌的购买行数")  # fmt: skip


class StyleWords(FeatureView):
    """Which style words (风格词) the items of a customer have, by the lines of a year; an item may have several."""

    entity, owner, over, within = Customer, "merchandise", OrderLines, days(365)
    where = "purchase and products.style_words is not null"
    groups = Grouping({"word": "split(products.style_words, '、')"}, {"lines": "count(*)"})

    favourite = Feature("max_by(word, lines)", "Style word of most lines that he bought.", zh="最爱风格")
    favourite_lines = Feature(
        "coalesce(max(lines), 0)", "Lines of items with that word.", unit="lines", zh="最爱风格购买行数"
    )
