"""What an outlet buys, has on its shelves, sells, and how it does."""

from specification import Scene, spec

from features.outlet_orders import OutletOrders, OutletRhythm
from features.outlet_shelves import OutletScans, RivalPressure, ShelfShare, ShelfStock
from quanyu.model.entities import Outlet
from quanyu.model.outlets import Outlets, RivalSales, Scans, ShelfChecks, ShelfVisits
from quanyu.model.supply import SellIn

SHELVES = """
    visit_id | outlet | sku | visited_at | on_hand | facings
    1        | north  | tea | 2024-03-01 | 99      | 9
    2        | north  | tea | 2024-05-01 | 30      | 5
    2        | north  | nut | 2024-05-01 | 0       | 0
    3        | north  | tea | 2024-06-21 | 12      | 4
    3        | north  | nut | 2024-06-21 | 8       | 2
    4        | south  | tea | 2024-06-01 | 0       | 0
    5        | south  | tea | 2024-06-20 |         | 3
    6        | west   | tea | 2024-06-20 |         | 3
"""

test_recent_orders_and_the_range_of_an_outlet = spec(
    OutletOrders,
    as_of="2024-07-01",
    given={
        Outlets: "outlet\nnorth\nsouth",
        SellIn: """
            outlet | sku | quantity | ordered_on
            north  | tea | 10       | 2024-06-30
            north  | nut | 5        | 2024-05-01
            north  | tea | 7        | 2024-05-01
            north  | tea | 3        | 2024-02-01
        """,
    },
    expect={
        "north": dict(pieces_28d=10, pieces_84d=22, pieces_168d=25, items=2),
        "south": dict(pieces_28d=0, pieces_84d=0, pieces_168d=0, items=0),
    },
)
test_the_rhythm_of_an_outlet = spec(
    OutletRhythm,
    as_of="2024-07-01",
    given={
        Outlets: "outlet\nnorth\nsouth",
        SellIn: """
            order_id | line | outlet | sku | quantity | ordered_on
            1        | 1    | north  | tea | 1        | 2024-06-01
            1        | 2    | north  | nut | 1        | 2024-06-01
            2        | 1    | north  | tea | 1        | 2024-06-08
            3        | 1    | north  | tea | 1        | 2024-06-15
            4        | 1    | south  | tea | 1        | 2024-06-15
        """,
    },
    expect={
        "north": dict(gaps=2, typical_gap=7, variation=0),
        "south": dict(gaps=0, typical_gap=None, variation=None),
    },
)
test_the_shelf_is_that_of_the_last_visit = spec(
    ShelfStock,
    as_of="2024-07-01",
    given={Outlets: "outlet\nnorth\nsouth\neast\nwest", ShelfChecks: SHELVES},
    expect={
        "north": dict(stock=20, opening_stock=30, span=51, items=2, out_of_stock_share=0.25,
                      days_since_check=10),
        "south": dict(stock=0, opening_stock=0, span=0, items=0, out_of_stock_share=1, days_since_check=30),
        "east": dict(stock=None, opening_stock=None, span=None, items=None, out_of_stock_share=None,
                     days_since_check=None),
        # Its visit noted facings, and counted nothing.
        "west": dict(stock=None, items=None, out_of_stock_share=None, days_since_check=None),
    },
)  # fmt: skip
test_the_share_of_shelf = spec(
    ShelfShare,
    as_of="2024-07-01",
    given={
        Outlets: "outlet\nnorth\nsouth",
        ShelfVisits: """
            outlet | visited_at | shelf_share
            north  | 2024-05-01 | 0.5
            north  | 2024-06-04 | 0.1
        """,
    },
    expect={
        "north": dict(visits=2, share=0.1, mean_share=0.3, mean_share_28d=0.1),
        "south": dict(visits=0, share=None, mean_share=None, mean_share_28d=None),
    },
)
test_scans_in_another_city = spec(
    OutletScans,
    as_of="2024-07-01",
    given={
        Outlets: "outlet | city\nnorth | Harbin\nsouth | Sanya",
        Scans: """
            outlet | city   | code | scanned_at
            north  | Harbin | a    | 2024-06-30
            north  | Sanya  | b    | 2024-06-30
            north  |        | c    | 2024-06-30
            north  | Sanya  | d    | 2024-06-03
        """,
    },
    expect={"north": dict(scans=3, placed=2, away_share=0.5), "south": dict(scans=0, placed=0, away_share=None)},
)
test_rivals_in_an_outlet = spec(
    RivalPressure,
    as_of="2024-07-01",
    given={
        Outlets: "outlet\nnorth\nsouth\nwest\neast",
        RivalSales: """
            outlet | week_from  | brand | category | relation | quantity
            north  | 2024-06-10 | A     | tea      | rival    | 10
            north  | 2024-06-17 | A     | tea      | rival    | 6
            north  | 2024-06-17 | B     | tea      | rival    | 4
            north  | 2024-06-17 | C     | milk     | related  | 90
            west   | 2024-06-17 | C     | milk     | related  | 90
            east   | 2024-06-17 | A     | tea      | rival    |
        """,
    },
    expect={
        "north": dict(pieces_per_week=10, brands=2),
        "south": dict(pieces_per_week=None, brands=0),
        "west": dict(pieces_per_week=0, brands=0),
        "east": dict(pieces_per_week=None, brands=1),
    },
)

test_how_an_outlet_does = spec(
    Scene("outlet_health", Outlet),
    as_of="2024-07-01",
    given={
        Outlets: """
            outlet | opened_on  | city
            well   | 2020-01-01 | Harbin
            empty  | 2020-01-01 | Harbin
            full   | 2020-01-01 | Harbin
            slow   | 2020-01-01 | Harbin
            asleep | 2020-01-01 | Harbin
            fading | 2020-01-01 | Harbin
            few    | 2020-01-01 | Harbin
            never  | 2020-01-01 | Harbin
            young  | 2024-06-01 | Harbin
            faced  | 2020-01-01 | Harbin
        """,
        SellIn: """
            outlet | sku | quantity | ordered_on | amount
            well   | tea | 40       | 2024-06-10 | 300
            well   | tea | 40       | 2024-05-10 |
            well   | tea | 10       | 2024-04-10 |
            empty  | tea | 10       | 2024-06-10 |
            full   | tea | 90       | 2024-06-10 | 200
            slow   | tea | 3        | 2024-06-10 |
            slow   | tea | 20       | 2024-05-10 |
            slow   | tea | 12       | 2024-03-10 |
            fading | tea | 4        | 2024-06-10 | 100
            fading | tea | 12       | 2024-05-10 |
            fading | tea | 30       | 2024-03-10 |
            asleep | tea | 10       | 2024-02-01 |
            few    | tea | 1        | 2024-06-10 |
            few    | tea | 11       | 2024-05-10 |
        """,
        ShelfChecks: """
            visit_id | outlet | sku | visited_at | on_hand
            1        | well   | tea | 2024-05-20 | 30
            2        | well   | tea | 2024-06-19 | 20
            3        | empty  | tea | 2024-06-19 | 0
            4        | full   | tea | 2024-05-20 | 10
            5        | full   | tea | 2024-06-19 | 30
            6        | asleep | tea | 2024-05-20 | 5
            7        | fading | tea | 2024-05-20 | 30
            8        | fading | tea | 2024-06-19 | 30
            9        | faced  | tea | 2024-06-19 |
        """,
        ShelfVisits: """
            outlet | visited_at | shelf_share
            slow   | 2024-05-01 | 0.5
            slow   | 2024-05-15 | 0.5
            slow   | 2024-06-10 | 0.1
            slow   | 2024-06-20 | 0.2
            well   | 2024-06-01 | 0.2
        """,
        Scans: "outlet | city | code | scanned_at\n"
        + "\n".join(f"full | {city} | {n} | 2024-06-2{n}" for n, city in enumerate(["Sanya"] * 3 + ["Harbin"] * 7)),
        RivalSales: """
            outlet | week_from  | brand | category | relation | quantity
            well   | 2024-06-17 | A     | tea      | rival    | 28
            full   | 2024-06-17 | A     | tea      | rival    | 14
            full   | 2024-06-17 | B     | tea      | rival    | 14
        """,
    },
    expect={
        # 30 there, 90 bought in 90 days, so 30 in 30 days; 20 left: 40 sold in 30 days.
        "well": dict(state="healthy", expected_gap=30.5, overdue=21 / 30.5, velocity=28 / 3, days_of_stock=15 / 7 * 7,
                     earlier_pieces=50, trend=1.6, share_of_sales=0.25, diverting=False, losing_shelf=False,
                     size_band="large", often_empty=False, crowded_out=False),
        "empty": dict(state="out_of_stock", velocity=None, often_empty=True, size_band=None),
        "full": dict(state="overstocked", velocity=7 / 3, days_of_stock=90, share_of_sales=1 / 13, diverting=True,
                     size_band="middle", crowded_out=True),
        "slow": dict(state="slowing", earlier_pieces=20, trend=0.3, quarterly_trend=23 / 12, losing_shelf=True),
        # Not by its last weeks, but by its last quarter; its stock lasts for long, because it sells less.
        # Of rivals, nobody says anything.
        "fading": dict(state="slowing", trend=8 / 12, quarterly_trend=16 / 30, days_of_stock=30 / (16 / 90),
                       share_of_sales=None, crowded_out=False),
        # Eleven pieces are too few to tell a trend by.
        "few": dict(state="healthy", trend=None, quarterly_trend=None),
        "asleep": dict(state="sleeping", overdue=151 / 30, expected_gap=30),
        "never": dict(state="sleeping", overdue=None, expected_gap=None, days_of_stock=None, share_of_sales=None),
        "young": dict(state="new", trend=None),
        # A visit that noted no stock does not make it empty.
        "faced": dict(state="sleeping", often_empty=False, days_of_stock=None),
    },
)  # fmt: skip

test_scans_without_a_city_do_not_make_an_outlet_diverting = spec(
    Scene("outlet_health", Outlet),
    as_of="2024-07-01",
    given={
        Outlets: "outlet | city | opened_on\no1 | A | 2020-01-01\no2 | A | 2020-01-01",
        Scans: "\n".join([
            "code | outlet | city | scanned_at", "k0 | o1 | B | 2024-06-20",
            *(f"k{n} | o1 | | 2024-06-20" for n in range(1, 11)), *(f"l{n} | o2 | B | 2024-06-20" for n in range(10)),
        ]),
    },
    expect={"o1": dict(diverting=False), "o2": dict(diverting=True)},
)  # fmt: skip
