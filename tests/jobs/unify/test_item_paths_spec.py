"""item_paths: what customers looked at before they bought an item."""

from specification import spec

from quanyu.model.touch import Events, ItemPaths
from quanyu.model.trade import OrderLines, Products

test_looks_at_the_style_and_at_others_of_its_category_within_30_days = spec(
    ItemPaths,
    as_of="2024-07-01",
    given={
        Products: """
            sku | style | category
            c1  | c     | coats
            c2  | c     | coats
            d1  | d     | coats
            t1  | t     | trousers
        """,
        OrderLines: """
            customer | order_id | line | ordered_at          | kind   | status    | sku
            ann      | o1       | 1    | 2024-06-10 10:00:00 | sale   | paid      | c1
            ann      | o2       | 1    | 2024-06-10 10:00:00 | sale   | cancelled | c1
            ann      | o3       | 1    | 2024-06-11 10:00:00 | return | paid      | c1
            bob      | o4       | 1    | 2024-06-10 10:00:00 | sale   | paid      | d1
            cat      | o5       | 1    | 2024-06-10 10:00:00 | sale   | paid      | c1
        """,
        Events: """
            customer | at                  | kind | sku | is_bot
            ann      | 2024-05-01 10:00:00 | view | c1  | false
            ann      | 2024-06-08 10:00:00 | view | c2  | false
            ann      | 2024-06-09 10:00:00 | cart | c1  | false
            ann      | 2024-06-09 11:00:00 | view | d1  | false
            ann      | 2024-06-09 12:00:00 | view | t1  | false
            ann      | 2024-06-09 12:00:00 | view | c1  | true
            ann      | 2024-06-12 12:00:00 | view | c1  | false
            bob      | 2024-06-09 12:00:00 | view | c1  | false
        """,
    },
    expect="""
        customer | order_id | line | sku | first_look_at       | looks | compared
        ann      | o1       | 1    | c1  | 2024-06-08 10:00:00 | 2     | 1
        bob      | o4       | 1    | d1  | null                | 0     | 1
    """,
)

test_what_was_added_to_an_order_without_a_look_at_it = spec(
    ItemPaths,
    as_of="2024-07-01",
    given={
        Products: """
            sku | style | category
            c1  | c     | coats
            d1  | d     | coats
            t1  | t     | trousers
            s1  | s     | scarves
        """,
        OrderLines: """
            customer | order_id | line | ordered_at          | sku
            ann      | o1       | 1    | 2024-06-10 10:00:00 | s1
            ann      | o1       | 2    | 2024-06-10 10:00:00 | c1
            ann      | o1       | 3    | 2024-06-10 10:00:00 | t1
            ann      | o1       | 4    | 2024-06-10 10:00:00 | d1
            bob      | o2       | 1    | 2024-06-10 10:00:00 | c1
            bob      | o2       | 2    | 2024-06-10 10:00:00 | t1
        """,
        Events: """
            customer | at                  | kind | sku
            ann      | 2024-06-08 10:00:00 | view | c1
            ann      | 2024-06-09 10:00:00 | view | t1
            bob      | 2024-06-09 12:00:00 | view | d1
        """,
    },
    expect="""
        customer | order_id | line | sku | first_look_at       | looks | compared | unplanned
        ann      | o1       | 1    | s1  | null                | 0     | 0        | True
        ann      | o1       | 2    | c1  | 2024-06-08 10:00:00 | 1     | 0        | null
        ann      | o1       | 3    | t1  | 2024-06-09 10:00:00 | 1     | 0        | False
        ann      | o1       | 4    | d1  | null                | 0     | 1        | True
        bob      | o2       | 1    | c1  | null                | 0     | 1        | null
    """,
)
