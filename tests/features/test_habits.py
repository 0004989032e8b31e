"""When, where and for what a customer shops."""

from specification import Scene, spec

from features.customers.habits import Habits
from quanyu.model.supply import Stores
from quanyu.model.touch import Events
from quanyu.model.trade import OrderLines, Orders

test_when_and_where_a_customer_buys = spec(
    Habits,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at          | channel | store | guide | amount | pieces
            ann      | 2024-06-01 09:00:00 | store   | s1    | g1    | 10     | 2
            ann      | 2024-06-02 09:59:59 | store   | s1    | g1    | 30     | 4
            ann      | 2024-06-03 20:00:00 | online  |       |       | 20     |
            bob      | 2024-06-05 23:00:00 | online  | mall  |       | 5      | 1
            dan      | 2024-06-05 23:00:00 | store   | s1    |       | 5      | 1
            dan      | 2024-06-06 23:00:00 |         |       |       | 5      | 1
        """,
        Stores: "store | city\ns1 | 上海",
    },
    expect={
        "ann": dict(
            channel="store", online_share=1 / 3, hour=9, weekday=1, weekend_share=2 / 3, store="s1", city="上海",
            guide="g1", pieces_per_order=3, largest_order=30,
        ),
        "bob": dict(
            channel="online", online_share=1, hour=23, weekday=4, weekend_share=0, store="mall", city=None, guide=None,
            pieces_per_order=1, largest_order=5,
        ),
        "dan": dict(channel="store", online_share=0),
        "cat": dict(channel=None, online_share=None, weekend_share=None, largest_order=None),
    },
)  # fmt: skip

test_how_and_for_what_a_customer_shops = spec(
    Scene("shopping"),
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | channel | pieces
            ann      | 2024-06-01 | store   | 1
            ann      | 2024-06-02 | store   | 1
            ann      | 2024-06-08 | store   | 1
            bob      | 2024-06-05 | online  | 2
            cat      | 2024-06-05 | online  | 5
            cat      | 2024-06-06 | store   | 4
        """,
        OrderLines: """
            customer | ordered_at | kind   | quantity
            cat      | 2024-06-05 | sale   | 5
            cat      | 2024-06-10 | return | -2
        """,
        Events: """
            customer | at         | kind
            dan      | 2024-06-01 | view
            dan      | 2024-06-02 | search
            dan      | 2024-06-03 | view
        """,
    },
    expect={
        "ann": dict(mission="single_item", channel_mix="store_only", weekender=True, browser_only=False,
                    frequent_returner=False),
        "bob": dict(mission="basket", channel_mix="online_only", weekender=False),
        "cat": dict(mission="stock_up", channel_mix="both", frequent_returner=True),
        "dan": dict(mission=None, channel_mix=None, browser_only=True),
    },
)  # fmt: skip
