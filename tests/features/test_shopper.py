"""From the first look at an item to its order, and whether a customer shops on impulse."""

from specification import Scene, spec

from features.customers.purchase_paths import PurchasePaths
from quanyu.model.touch import Events
from quanyu.model.trade import OrderLines, Orders, Products

GOODS = {
    Products: """
        sku | style | category
        a   | a     | coats
        b   | b     | coats
        c   | c     | coats
        d   | d     | coats
        e   | e     | coats
        f   | f     | coats
    """
}

test_the_way_to_an_item_is_from_the_first_look_at_it = spec(
    PurchasePaths,
    as_of="2024-07-01",
    given={
        Events: """
            customer | at                  | kind | sku
            ann      | 2024-06-01 10:00:00 | view | a
            ann      | 2024-06-01 11:00:00 | view | b
            ann      | 2024-06-02 09:00:00 | cart | a
            ann      | 2024-06-10 08:00:00 | view | c
            cat      | 2024-06-25 08:00:00 | view | d
        """,
        OrderLines: """
            customer | ordered_at          | sku
            ann      | 2024-06-02 10:00:00 | a
            ann      | 2024-06-10 10:00:00 | c
            bob      | 2024-06-10 10:00:00 | a
        """,
        **GOODS,
    },
    expect={
        # 24 hours beside one other style, and 2 hours beside two.
        "ann": dict(items=2, hours=13, looks=1.5, compared=1.5, additions=0, unplanned_share=None),
        "bob": dict(items=0, hours=None, looks=None, compared=None),
        "cat": dict(items=0, hours=None, looks=None, compared=None),
    },
)

test_what_is_added_without_a_look_beside_the_item_that_he_came_for = spec(
    PurchasePaths,
    as_of="2024-07-01",
    given={
        Events: """
            customer | at                  | kind | sku
            ann      | 2024-06-01 10:00:00 | view | a
            ann      | 2024-06-01 11:00:00 | view | b
            bob      | 2024-06-01 11:00:00 | view | a
        """,
        OrderLines: """
            customer | ordered_at          | order_id | line | sku
            ann      | 2024-06-02 10:00:00 | o1       | 1    | a
            ann      | 2024-06-02 10:00:00 | o1       | 2    | b
            ann      | 2024-06-02 10:00:00 | o1       | 3    | s
            bob      | 2024-06-02 10:00:00 | o2       | 1    | s
            bob      | 2024-06-02 10:00:00 | o2       | 2    | a
            cat      | 2024-06-02 10:00:00 | o3       | 1    | s
            cat      | 2024-06-02 10:00:00 | o3       | 2    | a
        """,
        Products: GOODS[Products] + "    s   | s     | scarves",
    },
    expect={
        # A scarf is no item by whose category comparison is measured: he looked at none.
        "ann": dict(additions=2, unplanned_share=0.5, looks=1, compared=1),
        "bob": dict(additions=1, unplanned_share=1, looks=1, compared=0),
        "cat": dict(additions=0, unplanned_share=None),
    },
)

test_the_index_is_the_weighted_mean_of_what_is_known = spec(
    Scene("shopper"),
    as_of="2024-07-01",
    given={
        Events: """
            customer | at                  | kind | sku
            fast     | 2024-06-02 09:30:00 | view | a
            slow     | 2024-05-20 10:00:00 | view | a
            slow     | 2024-05-21 10:00:00 | view | b
            slow     | 2024-05-22 10:00:00 | view | c
            slow     | 2024-05-23 10:00:00 | view | d
            slow     | 2024-05-24 10:00:00 | view | e
            slow     | 2024-05-25 10:00:00 | view | f
        """,
        Orders: """
            customer | ordered_at
            fast     | 2024-06-02 10:00:00
            slow     | 2024-06-02 10:00:00
            unseen   | 2024-06-02 10:00:00
            regular  | 2024-05-01
            regular  | 2024-05-11
            regular  | 2024-05-21
        """,
        OrderLines: """
            customer | ordered_at          | order_id | line | kind   | sku | quantity | promotion | discount
            fast     | 2024-06-02 10:00:00 | o1       | 1    | sale   | a   | 2        | 618       | 5
            fast     | 2024-06-02 10:00:00 | o1       | 2    | sale   | s   | 1        | 618       | 5
            fast     | 2024-06-05          | o2       | 1    | return | a   | -1       | 618       | -5
            slow     | 2024-06-02 10:00:00 | o3       | 1    | sale   | a   | 1        |           | 0
            unseen   | 2024-06-02          | o4       | 1    | sale   | a   | 1        |           |
        """,
        Products: GOODS[Products] + "    s   | s     | scarves",
    },
    expect={
        "fast": dict(
            quick=1, uncompared=1, unplanned=1, tempted=1, regrets=1, irregular=None, parts=5, index=1, type="impulsive"
        ),
        "slow": dict(
            quick=0,
            uncompared=0,
            unplanned=None,
            tempted=0,
            regrets=0,
            irregular=None,
            parts=4,
            index=0,
            type="rational",
        ),
        "unseen": dict(quick=None, uncompared=None, tempted=None, regrets=0, parts=1, index=None, type=None),
        "regular": dict(irregular=0, parts=1),
        "nobody": dict(irregular=None, parts=0, index=None, type=None),
    },
)
