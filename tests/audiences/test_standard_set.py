"""Audiences of the standard set: first purchase, churn warning, another series, and leftover stock of a size.

An order without status and kind in a table is a paid purchase of 2024; `as_of` is the day, to its end.
"""

from house_scores import SCORES
from specification import spec

from quanyu.model.knowledge import Complaints
from quanyu.model.touch import Events
from quanyu.model.trade import OrderLines, Orders, Products

DAY = "2024-07-01"

test_first_purchase_holds_who_looked_around_and_has_not_bought = spec(
    "first_purchase",
    as_of=DAY,
    given={
        Events: """
            customer | at         | kind | sku
            cart     | 2024-06-01 | cart | a
            looked   | 2024-06-01 | view | a
            looked   | 2024-06-02 | view | b
            looked   | 2024-06-03 | view | c
            once     | 2024-06-03 | view | c
            bought   | 2024-06-03 | cart | c
        """,
        Orders: """
            customer | ordered_at | amount
            bought   | 2024-06-04 | 10
        """,
    },
    expect={"cart", "looked"},
)

test_churn_warning_holds_who_is_at_risk_and_not_called_anyway = spec(
    "churn_warning",
    as_of=DAY,
    given={
        SCORES: """
            customer | model | as_of      | score | at_risk
            ann      | churn | 2024-07-01 | 0.9   | true
            bob      | churn | 2024-07-01 | 0.1   | false
            rich     | churn | 2024-07-01 | 0.9   | true
        """,
        Orders: """
            customer | ordered_at | amount
            ann      | 2024-06-20 | 90
            bob      | 2024-06-20 | 90
            rich     | 2024-06-20 | 90000
        """,
        Complaints: """
            customer | at         | status | updated_at
            rich     | 2024-06-21 | open   | 2024-06-21
        """,
    },
    expect={"ann"},
)

GOODS = {
    Products: """
        sku | product | category | size | series | style | style_words
        a4  | a       | 男装     | 4XL  | one    | a     | 复古
        b4  | b       | 男装     | 4XL  | one    | b     | 复古
        c4  | c       | 男装     | 4XL  | two    | c     |
        d4  | d       | 男装     | 4XL  | two    | d     |
        am  | a       | 男装     | M    | one    | a     | 复古
    """
}

test_clearance_4xl_holds_who_buys_the_size_has_a_style_and_takes_less_than_full_prices = spec(
    "clearance_4xl",
    as_of=DAY,
    given={
        OrderLines: """
            customer | ordered_at | sku | amount | discount
            ann      | 2024-06-01 | a4  | 50     | 40
            medium   | 2024-06-01 | am  | 50     | 40
            plain    | 2024-06-01 | c4  | 50     | 40
            full     | 2024-06-01 | a4  | 90     | 0
            full     | 2024-06-10 | a4  | 90     | 0
        """,
        Orders: """
            customer | ordered_at | amount
            ann      | 2024-06-01 | 50
            full     | 2024-06-01 | 90
            full     | 2024-06-10 | 90
        """,
        **GOODS,
    },
    expect={"ann"},
)

test_cross_series_holds_who_collects_one_series_and_buys_now = spec(
    "cross_series",
    as_of=DAY,
    given={
        OrderLines: """
            customer | ordered_at | sku
            ann      | 2024-06-01 | a4
            ann      | 2024-06-01 | b4
            gone     | 2023-06-01 | a4
            gone     | 2023-06-01 | b4
            both     | 2024-06-01 | a4
            both     | 2024-06-01 | b4
            both     | 2024-06-01 | c4
            both     | 2024-06-01 | d4
            one      | 2024-06-01 | a4
        """,
        Orders: """
            customer | ordered_at
            ann      | 2024-06-01
            gone     | 2023-06-01
            both     | 2024-06-01
            one      | 2024-06-01
        """,
        **GOODS,
    },
    expect={"ann"},
)
