"""Audiences of customers by their stage, rhythm, prices, tastes and mood.

An order without status and kind in a table is a paid purchase of 2024; `as_of` is the day, to its end.
"""

from specification import spec

from quanyu.model.knowledge import Complaints, Reviews
from quanyu.model.touch import Events, Messages
from quanyu.model.trade import OrderLines, Orders, Products

DAY = "2024-07-01"
COATS = {
    Products: """
        sku | product  | category | size | launched_on | cost
        c1  | 山海外套 | 女装     | M    | 2024-05-20  | 10
        c2  | 山海大衣 | 女装     | L    | 2024-05-20  | 10
        t1  | 山海长裤 | 女装     | M    | 2023-05-20  | 10
        s1  | 本色衬衫 | 女装     | M    | 2023-05-20  | 10
    """
}


def orders(*lines):
    return {Orders: "customer | ordered_at | amount\n" + "\n".join(lines)}


test_second_order = spec(
    "second_order",
    as_of=DAY,
    given=orders("once | 2024-06-01 | 10", "today | 2024-06-28 | 10", "long | 2024-03-01 | 10",
                 "twice | 2024-06-01 | 10", "twice | 2024-06-02 | 10"),
    expect={"once"},
)  # fmt: skip

test_cross_category = spec(
    "cross_category",
    as_of=DAY,
    given=orders("twice | 2024-06-01 | 10", "twice | 2024-06-20 | 10", "gone | 2023-06-01 | 10",
                 "gone | 2023-06-20 | 10", "rich | 2024-06-01 | 5000", "rich | 2024-06-20 | 10"),
    expect={"twice"},
)  # fmt: skip

test_ambassadors = spec(
    "ambassadors",
    as_of=DAY,
    given={
        Reviews: """
            customer | at         | stars | images
            ann      | 2024-06-01 | 5     | 2
            ann      | 2024-06-02 | 5     | 0
            bob      | 2024-06-02 | 5     | 1
            cat      | 2024-06-02 | 3     | 1
            cat      | 2024-06-03 | 3     | 1
        """
    },
    expect={"ann"},
)

test_who_is_not_late_lost_or_unhappy_is_not_due = spec(
    "repurchase_due",
    as_of=DAY,
    given={
        **orders("fine | 2024-06-25 | 10", "cross | 2024-03-20 | 10", "gone | 2023-03-20 | 10"),
        Complaints: "customer | at | status | updated_at\ncross | 2024-06-01 | open | 2024-06-01",
    },
    expect=set(),
)

test_who_is_late_by_the_own_rhythm_is_due = spec(
    "repurchase_due",
    as_of=DAY,
    given=orders("late | 2024-05-01 | 10", "late | 2024-05-11 | 10", "late | 2024-05-21 | 10", "late | 2024-06-10 | 10",
                 "fine | 2024-06-25 | 10"),
    expect={"late"},
)  # fmt: skip

test_new_arrivals = spec(
    "new_arrivals",
    as_of=DAY,
    given={
        **orders(
            "full | 2024-06-01 | 90", "full | 2024-06-20 | 90", "deal | 2024-06-01 | 50", "deal | 2024-06-20 | 50"
        ),
        OrderLines: """
            customer | ordered_at | sku | amount | discount
            full     | 2024-06-01 | s1  | 90     | 0
            deal     | 2024-06-01 | s1  | 50     | 40
        """,
        **COATS,
    },
    expect={"full"},
)

test_clearance_hunters = spec(
    "clearance_hunters",
    as_of=DAY,
    given={
        **orders(
            "deal | 2024-06-01 | 50", "deal | 2024-06-10 | 50", "deal | 2024-06-20 | 50", "full | 2024-06-01 | 90"
        ),
        OrderLines: """
            customer | ordered_at | sku | amount | quantity | promotion | discount
            deal     | 2024-06-01 | s1  | 50     | 1        | 618       | 20
            full     | 2024-06-01 | s1  | 90     | 1        |           | 0
        """,
    },
    expect={"deal"},
)

test_window_shoppers = spec(
    "window_shoppers",
    as_of=DAY,
    given={
        Events: """
            customer | at         | kind | sku
            ann      | 2024-06-01 | view | a
            ann      | 2024-06-02 | view | b
            ann      | 2024-06-03 | cart | b
            bob      | 2024-06-01 | cart | a
            cat      | 2024-06-01 | view | a
            cat      | 2024-06-02 | view | b
            cat      | 2024-06-03 | cart | b
        """,
        **orders("cat | 2024-06-03 | 10"),
    },
    expect={"ann"},
)

test_valued_and_unhappy = spec(
    "valued_and_unhappy",
    as_of=DAY,
    given={
        **orders("rich | 2024-06-20 | 5000", "calm | 2024-06-20 | 5000", "poor | 2024-06-20 | 50"),
        Complaints: """
            customer | at         | status | updated_at
            rich     | 2024-06-21 | open   | 2024-06-21
            poor     | 2024-06-21 | open   | 2024-06-21
        """,
    },
    expect={"rich"},
)

test_coat_without_trousers_of_that_size = spec(
    "coat_without_trousers",
    as_of=DAY,
    given={
        OrderLines: """
            customer | ordered_at | sku
            ann      | 2024-06-01 | c1
            bob      | 2024-06-01 | c1
            bob      | 2024-06-01 | t1
            cat      | 2024-06-01 | c2
            cat      | 2024-06-01 | t1
            dan      | 2024-06-01 | c1
            eve      | 2024-06-01 | t1
        """,
        Messages: """
            customer | message_id | status | at         | channel
            ann      | 1          | opened | 2024-06-02 | email
            bob      | 2          | opened | 2024-06-02 | email
            cat      | 3          | opened | 2024-06-02 | email
            eve      | 4          | opened | 2024-06-02 | email
        """,
        **COATS,
    },
    expect={"ann", "cat"},
)
test_the_sizes_of_coats_and_trousers = spec(
    "coat_without_trousers",
    as_of=DAY,
    given={
        OrderLines: "customer | ordered_at | sku\nann | 2024-06-01 | c1\nann | 2024-06-01 | t1\nbob | 2024-06-01 | s1",
        **COATS,
    },
    expect={
        "ann": dict(inside=False, coats=["M"], trousers=["M"]),
        "bob": dict(inside=False, coats=None, trousers=None),
    },
)

test_like_good_customers_are_found_among_those_who_spent_little = spec(
    "like_good_customers",
    as_of=DAY,
    given=orders("some | 2024-06-01 | 50", "rich | 2024-06-20 | 5000"),
    expect={"some": dict(inside=True), "rich": dict(inside=False)},
)
