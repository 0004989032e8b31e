"""The metrics of the house, each by a few facts that a person can add up."""

from __future__ import annotations

import io
from datetime import date

import pandas as pd
import pytest
from metric_shop import write
from shop import ROOT, Retailer

from jobs.metrics.computation import series_of
from jobs.metrics.plans import metrics_of, plans_of
from jobs.metrics.series import DayRange, table_rows
from quanyu.model.metrics import TOTAL

# The run is of the next day, since no feed was ingested here for the run's own.
DAY, RUN, DAY_BEFORE = date(2024, 7, 10), "2024-07-11", date(2024, 7, 9)
FACTS = {
    "identities": """
        source | person_key | customer_id | valid_from
        till   | ann        | ann         | 2024-01-01
        till   | bob        | bob         | 2024-01-01
        till   | cid        | cid         | 2024-01-01
    """,
    "orders": """
        order_id | ordered_at       | kind     | status    | amount | channel      | store  | person_key
        a0       | 2024-04-01 09:00 | purchase | paid      | 10     | store        | S1     | ann
        a1       | 2024-07-10 10:00 | purchase | paid      | 100    | store        | S1     | ann
        a2       | 2024-07-10 11:00 | purchase | paid      | 50     | mini_program | mall   | bob
        a3       | 2024-07-10 12:00 | purchase | cancelled | 70     | online       | taobao | cid
        a4       | 2024-07-10 13:00 | return   | paid      | -20    | store        | S1     | ann
        a5       | 2024-07-09 09:00 | purchase | paid      | 30     | store        | S1     | ann
        a6       | 2024-07-10 15:00 | purchase | paid      | 25     | store        | S2     |
    """,
    "order_lines": """
        order_id | line | ordered_at | kind   | status  | sku  | quantity | amount | unit_price | person_key | promotion
        a0       | 1    | 2024-04-01 | sale   | paid    | sock | 1        | 10     | 10         | ann        |
        a1       | 1    | 2024-07-10 | sale   | paid    | coat | 1        | 80     | 80         | ann        |
        a1       | 2    | 2024-07-10 | sale   | paid    | sock | 2        | 20     | 10         | ann        |
        a2       | 1    | 2024-07-10 | sale   | paid    | coat | 1        | 50     | 50         | bob        | coupon
        a3       | 1    | 2024-07-10 | sale   | pending | coat | 1        | 70     | 70         | cid        |
        a4       | 1    | 2024-07-10 | return | paid    | sock | -2       | -20    | 10         | ann        |
        a5       | 1    | 2024-07-09 | sale   | paid    | sock | 3        | 30     | 10         | ann        |
        a6       | 1    | 2024-07-10 | sale   | paid    | hat  | 1        | 25     | 25         |            |
    """,
    "products": """
        sku  | category | series | size | list_price | cost
        coat | coats    | alps   | M    | 80         | 30
        sock | socks    | base   | L    | 10         | 4
        hat  | hats     |        |      |            |
    """,
    "stock": """
        place | sku  | on_hand | recorded_on | replaced_on
        S1    | coat | 4       | 2024-07-01  |
        S1    | sock | 0       | 2024-07-05  |
        W1    | sock | 9       | 2024-07-01  | 2024-07-10
        W1    | sock | 6       | 2024-07-10  |
    """,
    "reviews": """
        review_id | at               | sku  | stars
        r0        | 2024-05-01 09:00 | sock | 5
        r1        | 2024-07-01 09:00 | sock | 4
        r2        | 2024-07-10 09:00 | coat | 1
        r3        | 2024-07-10 10:00 | sock |
    """,
    "events": """
        event_id | kind  | at               | app          | is_bot | shared_by | person_key
        e0       | view  | 2024-05-01 09:00 | web          | false  |           | ann
        e1       | share | 2024-07-10 09:00 | mini_program | false  |           | ann
        e2       | view  | 2024-07-08 09:00 | mini_program | false  | x         | bob
        e3       | view  | 2024-07-10 09:00 | web          | true   | x         | cid
    """,
    "contacts": """
        staff_user | person_key | added_at         | added_by | deleted_at       | deleted_by
        w1         | ann        | 2024-07-01 09:00 | scan     |                  |
        w1         | bob        | 2024-07-10 09:00 | share    |                  |
        w1         | cid        | 2024-06-01 09:00 | scan     | 2024-07-10 10:00 | customer
    """,
    "groups": """
        chat_id | person_key | joined_at        | quit_at
        g1      | ann        | 2024-07-01 09:00 |
        g1      | bob        | 2024-07-02 09:00 | 2024-07-09 09:00
    """,
    "store_visits": """
        sensor | hour             | sex    | age_band | store | entries | dwell
        d1     | 2024-07-10 10:00 | female | 25-34    | S1    | 30      | 60
        d1     | 2024-07-10 11:00 | male   | 25-34    | S1    | 10      |
        d2     | 2024-07-10 10:00 | female | 18-24    | S2    | 10      | 120
        d2     | 2024-07-08 10:00 | female | 18-24    | S2    | 10      | 120
    """,
    "messages": """
        message_id | status  | at               | channel | person_key
        m0         | sent    | 2024-05-01 09:00 | sms     | ann
        m1         | sent    | 2024-07-10 09:00 | sms     | ann
        m1         | clicked | 2024-07-10 09:30 | sms     | ann
        m2         | sent    | 2024-07-08 09:00 | email   | bob
        m2         | bounced | 2024-07-08 09:01 | email   | bob
        m3         | sent    | 2024-07-04 00:00 | sms     | bob
        m4         | sent    | 2024-07-03 23:59 | sms     | bob
    """,
    "ad_results": """
        platform | account | campaign | audience | day        | impressions | clicks | cost | conversions | revenue
        feed     | f1      | c1       | lapsed   | 2024-07-10 | 600         | 40     | 60   | 7.5         | 300
        search   | s1      | c2       | all      | 2024-07-10 | 400         | 10     | 40   | 0.5         | 100
    """,
    "export_results": """
        audience | platform | account | day        | since      | cost | incremental_orders | incremental_revenue
        lapsed   | feed     | f1      | 2024-07-10 | 2024-07-01 | 60   | 4                  | 90
        lapsed   | feed     | all     | 2024-07-10 | 2024-07-01 | 60   | 4                  | 90
        loyal    | several  | all     | 2024-07-10 | 2024-07-01 | 40   | -1.5               | -15
        others   | feed     | all     | 2024-07-10 | 2024-07-01 | 900  |                    |
        loyal    | several  | all     | 2024-07-09 | 2024-07-01 | 30   | 1                  | 5
    """,
    "purchases": """
        purchase | line | sku  | quantity | arrived_on | expected_on | status
        p0       | 1    | sock | 9        | 2024-05-01 | 2024-05-01  | arrived
        p1       | 1    | sock | 9        | 2024-07-09 | 2024-07-10  | arrived
        p2       | 1    | coat | 9        | 2024-07-10 | 2024-07-08  | arrived
        p3       | 1    | coat | 9        |            | 2024-07-20  | ordered
    """,
    "complaints": """
        complaint_id | at               | status | updated_at       | recorded_on | replaced_on
        c1           | 2024-07-01 09:00 | open   | 2024-07-01 09:00 | 2024-07-01  | 2024-07-09
        c1           | 2024-07-01 09:00 | closed | 2024-07-09 09:00 | 2024-07-09  |
        c2           | 2024-07-10 09:00 | open   | 2024-07-10 09:00 | 2024-07-10  |
    """,
    "service_chats": """
        chat_id | turn | at               | speaker  | person_key
        h1      | 1    | 2024-07-10 09:00 | customer | ann
        h1      | 2    | 2024-07-10 09:01 | agent    | ann
        h0      | 1    | 2024-07-09 09:00 | customer | bob
    """,
    "outlets": """
        outlet | region | kind
        t1     | north  | specialty
        t2     | south  | specialty
    """,
    "sell_in": """
        order_id | line | outlet | sku  | quantity | amount | ordered_on
        o0       | 1    | t2     | coat | 1        | 40     | 2024-05-01
        o1       | 1    | t1     | coat | 2        | 100    | 2024-07-10
        o2       | 1    | t3     | coat | 1        | 0      | 2024-07-10
    """,
    "scans": """
        scan_id | code | sku  | outlet | scanned_at
        x1      | k1   | coat | t1     | 2024-07-10 09:00
    """,
}
EXPECTED = {
    "sales.revenue": 155, "sales.orders": 3, "sales.order_value": 175, "sales.average_order": 175 / 3,
    "sales.orders_90d": 3, "sales.buyers_90d": 2, "sales.frequency_90d": 1.5,
    "baskets.pieces": 5, "baskets.receipts": 3, "baskets.pieces_per_order": 5 / 3,
    "baskets.sold": 130, "baskets.cost": 60, "baskets.gross_margin": 70 / 130,
    "baskets.paid_for_listed": 150, "baskets.list_value": 180, "baskets.discount_share": 30 / 180,
    "baskets.purchased": 175, "baskets.promoted": 50, "baskets.promoted_share": 50 / 175,
    "fit.sold_28d": 8, "fit.on_hand": 10, "fit.sell_through": 8 / 18, "fit.returned_28d": 2, "fit.return_rate": 2 / 8,
    "fit.full_price_28d": 6, "fit.full_price_share": 6 / 8, "fit.series_purchases_90d": 4,
    "fit.series_buyers_90d": 3, "fit.series_loyalty": 4 / 3, "fit.low_stars_28d": 1, "fit.rated_28d": 2,
    "fit.low_star_share": 1 / 2,
    "reach.active_customers": 2, "reach.new_customers": 1, "reach.member_order_value": 150,
    "reach.member_share": 150 / 175, "reach.mini_program_order_value": 50, "reach.mini_program_share": 50 / 175,
    "reach.online_visitors": 2,
    "outlets.listed": 2, "outlets.ordering": 1, "outlets.distribution": 1 / 2, "outlets.sell_in": 100,
    "outlets.scans": 1,
    "advocacy.reviews": 2, "advocacy.rated": 2, "advocacy.stars_given": 5, "advocacy.stars": 2.5,
    "advocacy.shares": 1, "advocacy.shares_28d": 1, "advocacy.referred_views_28d": 1, "advocacy.views_per_share": 1,
    "advocacy.referred_visitors": 1, "advocacy.contacts": 2, "advocacy.contacts_added": 1, "advocacy.contacts_lost": 1,
    "advocacy.referrals": 1, "advocacy.group_members": 1,
    "stores.visitors": 50, "stores.purchases": 2, "stores.conversion": 2 / 50, "stores.stay": 3000,
    "stores.timed_visitors": 40, "stores.dwell": 75,
    "messaging.messages": 3, "messaging.failed": 1, "messaging.delivery_rate": 2 / 3, "messaging.clicked": 1,
    "messaging.click_rate": 1 / 3, "messaging.unsubscribed": 0, "messaging.unsubscribe_rate": 0,
    "ads.cost": 100, "ads.impressions": 1000, "ads.clicks": 50, "ads.revenue": 400, "ads.cost_per_click": 2,
    "ads.clickthrough_rate": 0.05, "ads.return_on_spend": 4, "ads.conversions": 8, "ads.cost_per_acquisition": 12.5,
    "ads.compared_cost": 100, "ads.incremental_orders": 2.5, "ads.incremental_revenue": 75,
    "ads.cost_per_incremental_order": 40, "ads.incremental_return": 0.75,
    "supply.on_hand": 10, "supply.stock_value": 144, "supply.positions": 3, "supply.in_stock": 2,
    "supply.in_stock_rate": 2 / 3, "supply.arrivals": 2, "supply.punctual_arrivals": 1, "supply.punctuality": 1 / 2,
    "care.complaints": 1, "care.open_complaints": 1, "care.chats": 1,
}  # fmt: skip
# Of one member, where the dimension comes from another table than the facts.
MEMBERS = {
    ("sales.revenue", "channel", "store"): 105,
    ("fit.sell_through", "size", "M"): 2 / 6,
    ("baskets.gross_margin", "channel", "mini_program"): 20 / 50,
    ("stores.conversion", "store", "S1"): 1 / 40,
    ("outlets.distribution", "region", "south"): 0,
    ("reach.new_customers", "channel", "mini_program"): 1,
    ("ads.cost_per_click", "platform", "search"): 4,
    ("ads.incremental_return", "audience", "lapsed"): 1.5,
    ("fit.sold_28d", "size", "unknown"): 1,
}
OF_PROFILES = {
    "customers.buyers", "customers.repeat_buyers", "customers.repeat_rate", "customers.in_segments", "customers.spend",
    "customers.spend_per_buyer", "reach.known_customers", "reach.buying_customers", "reach.customer_penetration",
    "reach.reachable_customers", "reach.reachable_share",
}  # fmt: skip


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """The plans and metrics, and every value of the day and of the day before, by metric, dimension and member."""
    shop = Retailer(tmp_path_factory.mktemp("house") / "shop")
    shop.adopt(ROOT / "conf")
    context = shop.context(RUN)
    for source in context.catalogue.sources:
        context.store.ledger.record_volumes(source, {context.day: 1}, context.day)
    for name, text in FACTS.items():
        rows = pd.read_csv(io.StringIO(text.strip()), sep=r"\s*\|\s*", engine="python")
        defaults = {"source": "till", "recorded_on": "2024-01-01", "replaced_on": None}
        missing = {column: value for column, value in defaults.items() if column not in rows}
        rows = rows.assign(**missing)
        if name == "export_results":
            rows = rows.assign(currency="CNY", impressions=0, clicks=0, conversions=0, revenue=0, says="x")
        dates = [c for c in rows if c in ("day", "since", "valid_from") or c.endswith("_on")]
        for column in dates:
            rows[column] = [None if pd.isna(v) else date.fromisoformat(v) for v in rows[column]]
        write(context, name, rows)
    span, plans = DayRange(date(2024, 4, 1), context.day), plans_of(context.catalogue)
    series = series_of(context, plans, span)
    rows = [row for one in series.values() for row in table_rows(one, span)]
    of_day, before = ({(row[0], *row[2:4]): row[4] for row in rows if row[1] == day} for day in (DAY, DAY_BEFORE))
    yield plans, metrics_of(context.catalogue), of_day, before
    shop.close()


def test_every_metric_has_its_value_here(computed):
    assert {*EXPECTED, *OF_PROFILES} == set(computed[1])
    assert computed[0].of_profiles() == OF_PROFILES


@pytest.mark.parametrize("metric", EXPECTED)
def test_a_metric_is_what_its_sentence_says(computed, metric):
    if metric in computed[0].unfilled:
        pytest.skip("no source of the house fills it")
    assert computed[2][metric, TOTAL, "all"] == pytest.approx(EXPECTED[metric])


@pytest.mark.parametrize(("metric", "dimension", "member"), MEMBERS)
def test_a_metric_is_broken_down(computed, metric, dimension, member):
    assert computed[2][metric, dimension, member] == pytest.approx(MEMBERS[metric, dimension, member])


def test_a_purchase_in_a_store_whose_sensor_counted_nobody_is_in_no_conversion(computed):
    before = computed[3]
    assert before["sales.orders", "store", "S1"] == 1
    assert before["stores.purchases", TOTAL, "all"] == 0
    assert before["stores.conversion", TOTAL, "all"] is None
