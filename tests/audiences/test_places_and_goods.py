"""Audiences of outlets, stores, items, styles and guides."""

from specification import spec

from quanyu.model.outlets import Outlets, Scans, ShelfChecks
from quanyu.model.supply import SellIn, Staff, Stock, Stores
from quanyu.model.touch import Contacts, Messages, StoreVisits
from quanyu.model.trade import OrderLines, Orders, Products

SCANNED = [f"{outlet} | {city} | {outlet}{n} | 2024-06-20" for n in range(10)
           for outlet, city in (("away", "Sanya"), ("home", "Ulm"), ("gone", "Sanya"))]  # fmt: skip

test_outlets_whose_items_turn_up_elsewhere_though_they_buy = spec(
    "diverting_outlets",
    as_of="2024-07-01",
    given={
        Outlets: "outlet | city\naway | Ulm\nhome | Ulm\ngone | Ulm",
        Scans: "\n".join(["outlet | city | code | scanned_at", *SCANNED]),
        SellIn: """
            outlet | sku | quantity | ordered_on
            away   | tea | 10       | 2024-06-01
            home   | tea | 10       | 2024-06-01
            gone   | tea | 10       | 2024-01-01
        """,
    },
    expect={"away": dict(inside=True), "home": dict(inside=False), "gone": dict(inside=False)},
)
test_outlets_that_are_empty_or_late_and_nearly_so = spec(
    "outlets_to_refill",
    as_of="2024-07-01",
    given={
        Outlets: "outlet\nempty\nlate\nearly\nfull",
        SellIn: """
            outlet | sku | quantity | ordered_on
            empty  | tea | 10       | 2024-06-20
            late   | tea | 90       | 2024-05-20
            early  | tea | 90       | 2024-06-20
            full   | tea | 90       | 2024-05-20
        """,
        ShelfChecks: """
            visit_id | outlet | sku | visited_at | on_hand
            1        | empty  | tea | 2024-06-20 | 0
            2        | late   | tea | 2024-05-21 | 20
            3        | late   | tea | 2024-06-20 | 3
            4        | early  | tea | 2024-05-21 | 20
            5        | early  | tea | 2024-06-20 | 3
            6        | full   | tea | 2024-05-21 | 20
            7        | full   | tea | 2024-06-20 | 40
        """,
    },
    expect={
        "empty": dict(inside=True),
        "late": dict(inside=True),
        "early": dict(inside=False),
        "full": dict(inside=False),
    },
)
test_stores_with_many_visitors_and_few_purchases = spec(
    "busy_stores",
    as_of="2024-07-01",
    given={
        Stores: "store\nbusy\ngood\ncalm",
        StoreVisits: """
            store | sensor | hour       | sex    | age_band | entries
            busy  | a      | 2024-06-30 | female | 18-24    | 100
            good  | b      | 2024-06-30 | female | 18-24    | 50
            calm  | c      | 2024-06-30 | female | 18-24    | 10
        """,
        Orders: "ordered_at | store\n2024-06-30 | busy\n2024-06-30 | good\n2024-06-30 | calm",
    },
    expect={"busy": dict(inside=True), "good": dict(inside=False), "calm": dict(inside=False)},
)
test_items_with_more_stock_than_they_sell = spec(
    "items_to_clear",
    as_of="2024-07-01",
    given={
        Products: "sku | launched_on\ndead | 2023-01-01\nnew | 2024-06-20\nlast | 2023-01-01",
        Stock: "place | sku | on_hand\nW01 | dead | 50\nW01 | new | 50\nW01 | last | 1",
        OrderLines: "ordered_at | sku | quantity\n2023-05-01 | last | 9",
    },
    expect={"dead": dict(inside=True), "new": dict(inside=False), "last": dict(inside=False)},
)
test_styles_that_sell_and_lack_sizes = spec(
    "broken_styles",
    as_of="2024-07-01",
    given={
        Products: "sku | style | size\ns-s | shirt | S\ns-m | shirt | M\nc-s | coat | S\nc-m | coat | M",
        Stock: "place | sku | on_hand\nW01 | s-s | 5\nW01 | s-m | 0\nW01 | c-s | 5\nW01 | c-m | 1",
        OrderLines: """
            ordered_at | sku | quantity
            2024-06-01 | s-s | 2
            2024-06-01 | s-m | 3
            2024-06-01 | c-s | 2
            2024-06-01 | c-m | 3
        """,
    },
    expect={"shirt": dict(inside=True), "coat": dict(inside=False)},
)
test_guides_who_write_to_none_of_their_contacts = spec(
    "silent_guides",
    as_of="2024-07-01",
    given={
        Staff: "staff | wecom_user | role\neva | w-eva | guide\nfay | w-fay | guide",
        Contacts: "\n".join(["customer | staff_user | added_at",
                             *(f"c{n} | {user} | 2024-01-01" for n in range(5) for user in ("w-eva", "w-fay"))]),
        Messages: "customer | status | at | channel | sender\nc1 | sent | 2024-06-20 | wecom | w-fay",
    },
    expect={"eva": dict(inside=True), "fay": dict(inside=False)},
)  # fmt: skip
test_large_outlets_where_rivals_gain = spec(
    "outlets_to_defend",
    as_of="2024-07-01",
    given={
        Outlets: "outlet\nlarge\nsafe\nmiddle\nsmall\nlittle\ntiny",
        SellIn: """
            outlet | sku | quantity | amount | ordered_on
            large  | tea | 10       | 900    | 2024-06-20
            safe   | tea | 10       | 950    | 2024-06-20
            middle | tea | 10       | 500    | 2024-06-20
            small  | tea | 10       | 100    | 2024-06-20
            little | tea | 10       | 90     | 2024-06-20
            tiny   | tea | 10       | 80     | 2024-06-20
        """,
        ShelfChecks: """
            visit_id | outlet | sku | visited_at | on_hand
            1        | large  | tea | 2024-06-20 | 0
            1        | large  | nut | 2024-06-20 | 9
            2        | small  | tea | 2024-06-20 | 0
            3        | safe   | tea | 2024-06-20 | 9
        """,
    },
    expect={
        "large": dict(inside=True),
        "safe": dict(inside=False),
        "middle": dict(inside=False),
        "small": dict(inside=False),
    },
)
BEST = [f"2024-06-30 | {sku} | {pieces}" for sku, pieces in (("a", 12), ("b", 1), ("c", 2), ("d", 3), ("e", 4))]
test_bestsellers_that_run_out = spec(
    "items_to_reorder",
    as_of="2024-07-01",
    given={
        Products: "sku | category\na | tea\nb | tea\nc | tea\nd | tea\ne | tea",
        Stock: "place | sku | on_hand | on_the_way\nW01 | a | 1 | 0\nW01 | b | 0 | 0\nW01 | e | 500 | 0",
        OrderLines: "\n".join(["ordered_at | sku | quantity", *BEST]),
    },
    expect={"a": dict(inside=True), "b": dict(inside=False), "e": dict(inside=False)},
)
test_stores_whose_sales_fall_or_that_take_much_back = spec(
    "stores_to_help",
    as_of="2024-07-01",
    given={
        Stores: "store\nfalls\nreturns\nwell",
        Orders: """
            ordered_at | store   | kind     | amount
            2024-06-30 | falls   | purchase | 50
            2024-05-20 | falls   | purchase | 100
            2024-06-30 | returns | purchase | 100
            2024-06-30 | returns | return   | -20
            2024-06-30 | well    | purchase | 100
            2024-05-20 | well    | purchase | 100
        """,
    },
    expect={"falls": dict(inside=True), "returns": dict(inside=True), "well": dict(inside=False)},
)
GUIDES = "staff | role | hired_on\n" + "\n".join(f"{name} | guide | 2020-01-01" for name in ("best", "fair", "poor"))
SERVED = [f"c{n} | 2024-06-0{day} | {guide} | {amount}" for n in range(10) for guide, amount, days in (
    ("best", 90, (1, 2)), ("fair", 50, (1,)), ("poor", 10, (1,))) for day in days]  # fmt: skip
SERVED += ["c0 | 2024-06-09 | fair | 50"]
ALL_ORDERS = "\n".join(["customer | ordered_at | guide | amount", *SERVED])
test_guides_who_sell_little_and_whom_few_return_to = spec(
    "guides_to_coach", as_of="2024-07-01", given={Staff: GUIDES, Orders: ALL_ORDERS},
    expect={"poor": dict(inside=True), "fair": dict(inside=False), "best": dict(inside=False)},
)  # fmt: skip
test_guides_to_learn_from = spec(
    "model_guides", as_of="2024-07-01", given={Staff: GUIDES, Orders: ALL_ORDERS},
    expect={"best": dict(inside=True), "fair": dict(inside=False), "poor": dict(inside=False)},
)  # fmt: skip
