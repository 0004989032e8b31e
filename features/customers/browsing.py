"""What a customer does on pages, in apps and in the mini-program."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Customer
from quanyu.model.touch import Events


class Browsing(FeatureView):
    """What a customer does on pages, in apps and in the mini-program (小程序), in 90 days."""

    entity, owner, over, within = Customer, "digital", Events, days(90)
    where = "not is_bot"

    visits = Feature("count(distinct to_date(at))", "Days with a visit.", unit="days", zh="访问天数")
    views = Feature("count(*)", "Pages viewed.", unit="views", where="kind = 'view'", zh="浏览次数")
    products = Feature("count(distinct sku)", "Different items viewed.", unit="items", where="kind = 'view'",
                       zh="浏览商品数")  # fmt: skip
    searches = Feature("count(*)", "Searches.", unit="searches", where="kind = 'search'", zh="搜索次数")
    carts = Feature("count(*)", "Items put into the cart.", unit="items", where="kind = 'cart'", zh="加购次数")
    shares = Feature("count(*)", "Pages shared.", unit="shares", where="kind = 'share'", within=days(365),
                     zh="分享次数")  # fmt: skip
    entry_campaign = Feature(
        "min_by(coalesce(campaign, ''), at)",
        "Campaign of the link or ad of the first action; empty if the action names none.", within=None,
        zh="首次来访活动",
    )  # fmt: skip
    entry_shared = Feature(
        "min_by(shared_by is not null, at)", "Whether the first action was on a page that somebody shared.",
        within=None, zh="首次来访经分享",
    )  # fmt: skip
    days_since_visit = Feature("datediff(as_of, max(at))", "Whole days since the last visit.", unit="days",
                               within=None, zh="距上次访问天数")  # fmt: skip
