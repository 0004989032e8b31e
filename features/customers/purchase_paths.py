"""How a customer comes to a purchase, and whom he brings."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Customer
from quanyu.model.touch import ItemPaths, ReferralEvents


class PurchasePaths(FeatureView):
    """How a customer comes to a purchase: from the first look at an item to its order, by the items of a year.

    Items are those that he bought within 30 days of a look at something of their category; additions are bought beside
    the item that he came for.
    """

    entity, owner, over, within = Customer, "growth", ItemPaths, days(365)

    items = Feature("count(first_look_at)", "Items that he looked at before he bought them.", unit="items",
                    zh="有浏览的成交商品数")  # fmt: skip
    hours = Feature(
        "median((unix_seconds(ordered_at) - unix_seconds(first_look_at)) / 3600)",
        "Hours from the first look at an item to its order, the median of them.", unit="hours", zh="决策时长",
    )  # fmt: skip
    looks = Feature("avg(looks)", "Mean number of looks at an item before its order.", unit="looks",
                    where="looks + compared > 0", zh="购前浏览次数")  # fmt: skip
    compared = Feature(
        "avg(compared)", "Mean number of other styles of the category that he looked at before an order.",
        unit="styles", where="looks + compared > 0", zh="比较商品数",
    )  # fmt: skip
    additions = Feature("count(unplanned)", "Items bought beside the one that he looked at first.", unit="items",
                        zh="连带商品数")  # fmt: skip
    unplanned_share = Feature(
        "count_if(unplanned) / nullif(count(unplanned), 0)", "Share of these that he had not looked at before.",
        unit="share", type="double", zh="计划外连带占比",
    )  # fmt: skip


class Referrals(FeatureView):
    """Whom a customer brings by the pages that he shares (引荐), in a year.

    Referral is how new customers are acquired: who was a customer before he came by the page was not brought by it.
    """

    entity, owner, over, within = Customer, "private_domain", ReferralEvents, days(365)

    visits = Feature(
        "count(*)", "Visits by pages that he shared.", unit="visits", where="kind = 'visit'", zh="引荐访问数"
    )
    people = Feature(
        "count(distinct referred)", "New customers who came by them.", unit="customers",
        where="kind = 'visit' and referred_new", zh="引荐人数",
    )  # fmt: skip
    buyers = Feature(
        "count(distinct referred)", "New customers who bought within 30 days of coming by them, of all time.",
        unit="customers", where="kind = 'order' and referred_new", within=None, zh="累计引荐成交人数",
    )  # fmt: skip
    revenue = Feature(
        "sum(amount)", "What these paid within the 30 days.", unit="currency",
        where="kind = 'order' and referred_new", zh="引荐成交金额",
    )  # fmt: skip
