"""What representatives find on the shelves of outlets, and what consumers and rivals say of the same shelves."""

from quanyu.grammar.feature import Feature, FeatureView, Grouping, days
from quanyu.model.entities import Outlet
from quanyu.model.outlets import RivalSales, Scans, ShelfChecks, ShelfVisits


class ShelfStock(FeatureView):
    """What an outlet has of our items, by the visits of 90 days that counted it: facings say nothing of stock."""

    entity, owner, over, within = Outlet, "channel", ShelfChecks, days(90)
    where = "on_hand is not null"
    groups = Grouping(
        {"visit": "visit_id"},
        {
            "stock": "sum(on_hand)",
            "stocked": "count_if(on_hand > 0)",
            "checked": "count(*)",
            "checked_at": "max(visited_at)",
        },
    )

    stock = Feature("max_by(stock, checked_at)", "Pieces in shelf and back room at the last visit.", unit="pieces",
                    zh="最近巡店库存")  # fmt: skip
    opening_stock = Feature("min_by(stock, checked_at)", "The same at the first visit of 90 days.", unit="pieces",
                            zh="期初库存")  # fmt: skip
    span = Feature("datediff(max(checked_at), min(checked_at))", "Days from the first visit to the last.", unit="days",
                   zh="巡店跨度天数")  # fmt: skip
    items = Feature(
        "max_by(stocked, checked_at)", "Items in stock at the last visit: distribution (铺货) within the outlet.",
        unit="items", zh="在架商品数",
    )  # fmt: skip
    out_of_stock_share = Feature(
        "(sum(checked) - sum(stocked)) / nullif(sum(checked), 0)",
        "Share of item checks that found none: the out-of-stock rate of ECR Europe (2003).",
        unit="share",
        type="double",
        zh="缺货率",
    )
    days_since_check = Feature(
        "datediff(as_of, max(checked_at))", "Whole days since the last visit that counted stock.", unit="days",
        zh="距上次盘点天数",
    )  # fmt: skip


class ShelfShare(FeatureView):
    """Which share of the category's shelf an outlet gives us, by the visits of 90 days."""

    entity, owner, over, within = Outlet, "channel", ShelfVisits, days(90)

    visits = Feature("count(*)", "Visits of representatives.", unit="visits", zh="巡店次数")
    share = Feature("max_by(shelf_share, visited_at)", "Share of shelf at the last visit.", unit="share", zh="货架占比")
    mean_share_28d = Feature("avg(shelf_share)", "Mean share of shelf over the visits of 28 days.", unit="share",
                             within=days(28), zh="近28天平均货架占比")  # fmt: skip
    mean_share = Feature("avg(shelf_share)", "Mean share of shelf over the visits.", unit="share", zh="平均货架占比")


class OutletScans(FeatureView):
    """Where consumers scan the codes of items that were delivered to an outlet (一物一码), in 28 days."""

    entity, owner, over, within = Outlet, "channel", Scans, days(28)

    scans = Feature("count(*)", "Scans of its items.", unit="scans", zh="扫码次数")
    placed = Feature("count(*)", "Scans of which the city is known.", unit="scans",
                     where="city is not null and outlets.city is not null", zh="有城市的扫码次数")  # fmt: skip
    away_share = Feature(
        "count_if(city <> outlets.city) / count(*)",
        "Share of scans of a known city in another one than the outlet's: diversion (窜货) if it is large.",
        unit="share",
        type="double",
        where="city is not null and outlets.city is not null",
        zh="异地扫码占比",
    )


class RivalPressure(FeatureView):
    """What an outlet sells of rival brands, in four weeks; nothing is known of an outlet without reports."""

    entity, owner, over, within = Outlet, "channel", RivalSales, days(28)

    pieces_per_week = Feature(
        "sum(quantity) filter (where relation = 'rival') / nullif(count(distinct week_from), 0)",
        "Pieces of rivals sold in a week that is reported.", unit="pieces per week", type="double", zh="竞品周销",
    )  # fmt: skip
    brands = Feature("count(distinct brand)", "Rival brands sold.", unit="brands", where="relation = 'rival'",
                     zh="竞品品牌数")  # fmt: skip
