"""How a customer comes to a purchase: at once, or after looking and comparing."""

from quanyu.grammar.feature import Feature, FeatureView, FirstAfter, Grouping, days
from quanyu.model.entities import Customer
from quanyu.model.people import Activity

# A look counts for the next order within a month.
LOOKED = "kind in ('view', 'search', 'cart') and datediff(order_at, at) <= 30"


class PurchasePaths(FeatureView):
    """How a customer comes to a purchase: from the first look to the order, by orders of a year with looks before.

    Looks (views, searches, items put into the cart) belong to the next order, if it comes within 30 days.
    """

    entity, owner, over, within = Customer, "growth", Activity, days(365)
    where = "kind in ('view', 'search', 'cart', 'order')"
    derived = {"order_at": FirstAfter("at", "kind = 'order'")}
    groups = Grouping(
        {"order_at": "order_at"},
        {
            "first_look": f"min(at) filter (where {LOOKED})",
            "items": f"count(distinct sku) filter (where {LOOKED})",
            "searches": "count(*) filter (where kind = 'search' and datediff(order_at, at) <= 30)",
        },
    )

    orders = Feature("count(*)", "Orders that he looked around for.", unit="orders",
                     where="order_at is not null and first_look is not null", zh="有浏览的订单数")  # fmt: skip
    hours = Feature(
        "median((unix_seconds(order_at) - unix_seconds(first_look)) / 3600)",
        "Hours from the first look to the order, the median of them.", unit="hours",
        where="order_at is not null and first_look is not null", zh="决策时长",
    )  # fmt: skip
    items = Feature(
        "avg(items)", "Mean number of different items that he looked at before an order.", unit="items",
        where="order_at is not null and first_look is not null", zh="比较商品数",
    )  # fmt: skip
    searches = Feature(
        "avg(searches)", "Mean number of searches before an order.", unit="searches",
        where="order_at is not null and first_look is not null", zh="搜索比较次数",
    )  # fmt: skip


class Referrals(FeatureView):
    """Whom a customer brings by the pages that he shares (引荐), in a year."""

    entity, owner, over, within = Customer, "private_domain", Activity, days(365)
    where = "kind in ('referral', 'referred_order')"

    visits = Feature(
        "count(*)", "Visits by pages that he shared.", unit="visits", where="kind = 'referral'", zh="引荐访问数"
    )
    people = Feature("count(distinct referred)", "Customers who came by them.", unit="customers", zh="引荐人数")
    buyers = Feature(
        "count(distinct referred)", "Customers who bought within 30 days of coming.", unit="customers",
        where="kind = 'referred_order'", zh="引荐成交人数",
    )  # fmt: skip
    revenue = Feature(
        "sum(amount)", "What they paid within these days.", unit="currency", where="kind = 'referred_order'",
        zh="引荐成交金额",
    )  # fmt: skip
