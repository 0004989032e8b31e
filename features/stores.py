"""Who comes to a store, what it sells, and who works there."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import PhysicalStore
from quanyu.model.supply import Staff
from quanyu.model.touch import StoreVisits
from quanyu.model.trade import Orders


class StoreTraffic(FeatureView):
    """Who comes into a store by its door sensors (客流), in four weeks."""

    entity, owner, over, within = PhysicalStore, "retail", StoreVisits, days(28)

    visitors = Feature("sum(entries)", "Visitors.", unit="people", zh="客流")
    days_counted = Feature(
        "collect_set(unix_date(to_date(hour)))", "Days with a count, each as days since 1970.",
        where="entries is not null", zh="有客流数据的日期",
    )  # fmt: skip
    dwell = Feature(
        "sum(dwell * entries) / nullif(sum(entries) filter (where dwell is not null), 0)", "Mean stay of a visitor.",
        unit="seconds", type="double", zh="停留时长",
    )  # fmt: skip
    female_share = Feature(
        "sum(entries) filter (where sex = 'female') / nullif(sum(entries) filter (where sex <> 'unknown'), 0)",
        "Share of women among visitors whose sex is estimated.", unit="share", type="double", zh="女性客流占比",
    )  # fmt: skip
    young_share = Feature(
        "sum(entries) filter (where age_band in ('18-24', '25-34')) / nullif(sum(entries), 0)",
        "Share of visitors between 18 and 34, as estimated.", unit="share", type="double", zh="年轻客流占比",
    )  # fmt: skip
    senior_share = Feature(
        "sum(entries) filter (where age_band in ('45-59', '60+')) / nullif(sum(entries), 0)",
        "Share of visitors of 45 and older, as estimated.", unit="share", type="double", zh="年长客流占比",
    )  # fmt: skip


class StoreSales(FeatureView):
    """What a store sells, in four weeks: so that each weekday counts as often."""

    entity, owner, over, within = PhysicalStore, "retail", Orders, days(28)
    where = "status = 'paid'"

    orders = Feature("count(*)", "Purchases.", unit="orders", where="purchase", zh="成交单数")
    days_sold = Feature(
        "collect_set(unix_date(to_date(ordered_at)))", "Days with a purchase, each as days since 1970.",
        where="purchase", zh="有成交的日期",
    )  # fmt: skip
    sales = Feature("sum(amount)", "Paid for purchases.", unit="currency", where="purchase", zh="销售额")
    sales_56d = Feature("sum(amount)", "The same of eight weeks.", unit="currency", where="purchase", within=days(56),
                        zh="近8周销售额")  # fmt: skip
    average_order = Feature("avg(amount)", "Mean amount of a purchase.", unit="currency", type="double",
                            where="purchase", zh="客单价")  # fmt: skip
    pieces_per_order = Feature(
        "sum(pieces) / nullif(count(pieces), 0)", "Mean pieces of a purchase: units per transaction (UPT).",
        unit="pieces", type="double", where="purchase", zh="连带率",
    )  # fmt: skip
    return_rate = Feature(
        "-sum(amount) filter (where kind = 'return') / nullif(sum(amount) filter (where purchase), 0)",
        "Money paid back for each unit of money paid.", unit="share", type="double", zh="退货率",
    )  # fmt: skip
    member_share = Feature(
        "count(person_key) / count(*)", "Share of purchases by somebody who is known.", unit="share", type="double",
        where="purchase", zh="会员成交占比",
    )  # fmt: skip


class StoreTeam(FeatureView):
    """Who works in a store."""

    entity, owner, over = PhysicalStore, "retail", Staff

    guides = Feature("count_if(role = 'guide' and (left_on is null or left_on > as_of))", "Guides employed.",
                     unit="guides", zh="在职导购数")  # fmt: skip
