"""Who comes to a store, what it sells, and what it makes of visitors, space and guides."""

from datetime import date

from specification import Scene, spec

from features.stores import StoreSales, StoreTeam, StoreTraffic
from quanyu.model.entities import PhysicalStore
from quanyu.model.supply import Staff, Stores
from quanyu.model.touch import StoreVisits
from quanyu.model.trade import Orders

# In days since 1970.
JUNE_30 = (date(2024, 6, 30) - date(1970, 1, 1)).days
STORES = "store | area\nnorth | 100\nsouth | 50\nweb |"

test_visitors_by_sex_and_age = spec(
    StoreTraffic,
    as_of="2024-07-01",
    given={
        Stores: STORES,
        StoreVisits: """
            store | sensor | hour                | sex     | age_band | entries | dwell
            north | a      | 2024-06-30 10:00:00 | female  | 18-24    | 30      | 100
            north | a      | 2024-06-30 10:00:00 | male    | 45-59    | 10      | 300
            north | b      | 2024-06-30 11:00:00 | unknown | 35-44    | 10      |
            north | b      | 2024-06-03 11:00:00 | female  | 35-44    | 90      | 100
        """,
    },
    expect={
        "north": dict(
            visitors=50,
            days_counted=[JUNE_30],
            dwell=150,
            female_share=0.75,
            young_share=0.6,
            senior_share=0.2,
        ),
        "south": dict(
            visitors=0, days_counted=None, dwell=None, female_share=None, young_share=None, senior_share=None
        ),
    },
)
test_what_a_store_sells = spec(
    StoreSales,
    as_of="2024-07-01",
    given={
        Stores: STORES,
        Orders: """
            customer | order_id | ordered_at | kind     | status    | amount | pieces | store
            ann      | 1        | 2024-06-30 | purchase | paid      | 60     | 3      | north
            null     | 2        | 2024-06-29 | purchase | paid      | 40     | 1      | north
            ann      | 3        | 2024-06-29 | return   | paid      | -20    | -1     | north
            ann      | 4        | 2024-06-29 | purchase | cancelled | 900    | 9      | north
            ann      | 5        | 2024-06-03 | purchase | paid      | 50     | 1      | north
        """,
    },
    expect={
        "north": dict(orders=2, days_sold=[JUNE_30 - 1, JUNE_30],
                      sales=100, sales_56d=150, average_order=50, pieces_per_order=2, return_rate=0.2,
                      member_share=0.5),
        "south": dict(orders=0, days_sold=None, sales=0, sales_56d=0, average_order=None, pieces_per_order=None,
                      return_rate=None, member_share=None),
    },
)  # fmt: skip
TEAM = """
    staff | store | role          | left_on
    s1    | north | guide         |
    s2    | north | guide         | 2024-07-02
    s3    | north | guide         | 2024-06-30
    s4    | north | store_manager |
"""
test_guides_who_left_do_not_count = spec(
    StoreTeam, as_of="2024-07-01", given={Stores: STORES, Staff: TEAM},
    expect={"north": dict(guides=2), "south": dict(guides=0)},
)  # fmt: skip
test_what_a_store_makes_of_visitors_space_and_guides = spec(
    Scene("store_performance", PhysicalStore),
    as_of="2024-07-01",
    given={
        Stores: "store | area\nbusy | 100\ngood | 50\ncalm |\nstuck |",
        Staff: "staff | store | role\ns1 | busy | guide\ns2 | good | guide\ns3 | calm | guide\ns4 | calm | guide",
        StoreVisits: """
            store | sensor | hour       | sex    | age_band | entries
            busy  | a      | 2024-06-30 | female | 18-24    | 100
            good  | b      | 2024-06-30 | male   | 45-59    | 20
            calm  | c      | 2024-06-30 | female | 18-24    | 10
            stuck | d      | 2024-06-30 | female | 18-24    | 0
        """,
        Orders: """
            order_id | ordered_at | amount | store | kind
            1        | 2024-06-30 | 300    | busy  | purchase
            2        | 2024-06-30 | 500    | busy  | purchase
            3        | 2024-05-30 | 1600   | busy  | purchase
            4        | 2024-06-30 | 50     | good  | purchase
            5        | 2024-06-30 | 50     | good  | purchase
            6        | 2024-06-30 | 50     | calm  | purchase
            7        | 2024-06-30 | 50     | calm  | purchase
            8        | 2024-06-30 | 50     | calm  | purchase
            9        | 2024-06-30 | 50     | stuck | purchase
            10       | 2024-06-30 | -20    | good  | return
        """,
    },
    expect={
        "busy": dict(conversion=0.02, sales_per_visitor=8, sales_per_guide=800, sales_per_area=8, trend=0.5,
                     traffic_band="high", conversion_band="low", busy_but_not_selling=True, declining=True,
                     visitors_are="women", age_of_visitors="younger", returns_much=False, guide_band="high",
                     understaffed=True),
        "good": dict(conversion=0.1, sales_per_visitor=5, sales_per_guide=100, sales_per_area=2, trend=None,
                     traffic_band="middle", conversion_band="middle", busy_but_not_selling=False, declining=False,
                     visitors_are="men", age_of_visitors="older", returns_much=True, guide_band="middle",
                     understaffed=False),
        "calm": dict(conversion=0.3, sales_per_area=None, traffic_band="low", conversion_band="high"),
        "stuck": dict(conversion=None, sales_per_visitor=None, traffic_band=None, conversion_band=None,
                      visitors_are=None, age_of_visitors=None, guide_band=None),
    },
)  # fmt: skip

test_a_store_whose_sensor_missed_a_day_with_a_purchase_has_no_conversion = spec(
    Scene("store_performance", PhysicalStore),
    as_of="2024-07-01",
    given={
        Stores: "store\nblind\nidle\nwatched",
        StoreVisits: """
            store   | sensor | hour       | sex    | age_band | entries
            blind   | e      | 2024-06-30 | female | 18-24    | 40
            idle    | f      | 2024-06-30 | female | 18-24    | 40
            watched | g      | 2024-06-30 | female | 18-24    | 30
            watched | g      | 2024-06-29 | female | 18-24    | 10
            watched | g      | 2024-06-28 | female | 18-24    | 0
        """,
        Orders: """
            order_id | ordered_at | amount | store   | kind
            1        | 2024-06-30 | 50     | blind   | purchase
            2        | 2024-06-29 | 50     | blind   | purchase
            3        | 2024-06-30 | 50     | watched | purchase
            4        | 2024-06-29 | 50     | watched | purchase
        """,
    },
    expect={"blind": dict(conversion=None), "idle": dict(conversion=0), "watched": dict(conversion=0.05)},
)
