"""Recency: how long ago and how regularly a customer buys.

An order without status and kind in a table is a paid purchase. `as_of` is the day that is looked back from, to its end.
`tags` names the scene of tags that is computed beside the features; `recorded_on` is the day on which an order became
known. `days_between_orders` is the rhythm.
"""

from specification import spec

from features.customers.recency import Recency
from quanyu.model.trade import Orders

test_lapsed_is_who_last_bought_more_than_180_days_ago = spec(
    Recency,
    tags="retention",
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | amount
            ann      | 2024-06-30 | 10
            bob      | 2023-12-01 | 10
            cat      | 2024-01-02 | 10
            dan      | 2024-01-03 | 10
        """
    },
    expect={
        "ann": dict(days_since_order=1, lapsed=False),
        "bob": dict(days_since_order=213, lapsed=True),
        "cat": dict(days_since_order=181, lapsed=True),
        "dan": dict(days_since_order=180, lapsed=False),
    },
)

test_at_risk_is_who_last_bought_91_to_180_days_ago = spec(
    Recency,
    tags="retention",
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-04-02
            bob      | 2024-04-01
            cat      | 2024-01-03
            dan      | 2024-01-02
        """
    },
    expect={
        "ann": dict(days_since_order=90, at_risk=False),
        "bob": dict(days_since_order=91, at_risk=True),
        "cat": dict(days_since_order=180, at_risk=True),
        "dan": dict(days_since_order=181, at_risk=False),
    },
)

test_a_newcomer_first_bought_at_most_30_days_ago_which_is_a_day_more_than_orders_30d_counts = spec(
    Recency,
    tags="welcome",
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-06-01
            bob      | 2024-05-31
            cat      | 2020-05-31
            cat      | 2024-06-30
        """
    },
    expect={
        "ann": dict(days_since_first=30, newcomer=True),
        "bob": dict(days_since_first=31, newcomer=False),
        "cat": dict(days_since_first=1492, newcomer=False),
    },
)

test_of_several_orders_the_last_and_the_first_count_however_long_ago = spec(
    Recency,
    as_of="2024-07-01",
    tags=("retention", "welcome"),
    given={
        Orders: """
            customer | ordered_at
            ann      | 2021-07-01
            ann      | 2019-07-01
            ann      | 2020-07-01
        """
    },
    expect={"ann": dict(days_since_order=1096, days_since_first=1827, lapsed=True, newcomer=False)},
)

test_days_are_counted_by_the_calendar_and_not_by_hours = spec(
    Recency,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-06-30 23:59:59
            bob      | 2024-06-30 00:00:00
            cat      | 2024-07-01 23:59:59.999
        """
    },
    expect={
        "ann": dict(days_since_order=1),
        "bob": dict(days_since_order=1),
        "cat": dict(days_since_order=0),
    },
)

test_a_window_of_30_days_ends_with_the_day_itself_and_begins_29_days_before = spec(
    Recency,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-06-02 00:00:00
            bob      | 2024-06-01 23:59:59.999
            cat      | 2024-07-01 23:59:59.999
        """
    },
    expect={"ann": dict(orders_30d=1), "bob": dict(orders_30d=0), "cat": dict(orders_30d=1)},
)

test_a_window_of_90_days_begins_89_days_before = spec(
    Recency,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-04-03 00:00:00
            bob      | 2024-04-02 23:59:59.999
        """
    },
    expect={"ann": dict(orders_90d=1, orders_30d=0), "bob": dict(orders_90d=0)},
)

test_a_window_of_180_days_begins_179_days_before = spec(
    Recency,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-01-04 00:00:00
            bob      | 2024-01-03 23:59:59.999
        """
    },
    expect={"ann": dict(orders_180d=1, orders_90d=0), "bob": dict(orders_180d=0)},
)

test_each_window_counts_its_own_orders = spec(
    Recency,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-06-20
            ann      | 2024-06-10
            ann      | 2024-05-01
            ann      | 2024-02-01
            ann      | 2023-02-01
        """
    },
    expect={"ann": dict(orders_30d=2, orders_90d=3, orders_180d=4)},
)

test_the_rhythm_is_the_mean_number_of_days_between_two_days_with_an_order = spec(
    Recency,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-06-01
            ann      | 2024-06-04
            ann      | 2024-06-21
            bob      | 2024-06-01 23:00:00
            bob      | 2024-06-02 01:00:00
        """
    },
    expect={"ann": dict(days_between_orders=10.0), "bob": dict(days_between_orders=1.0)},
)

test_there_is_no_rhythm_with_less_than_two_days_with_an_order = spec(
    Recency,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-06-01
            bob      | 2024-06-01 10:00:00
            bob      | 2024-06-01 18:00:00
        """
    },
    expect={"ann": dict(days_between_orders=None), "bob": dict(days_between_orders=None)},
)

test_the_rhythm_is_that_of_365_days_which_begin_364_days_before = spec(
    Recency,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2023-07-02
            ann      | 2023-07-03
            ann      | 2023-07-13
            bob      | 2022-07-03
            bob      | 2024-06-30
        """
    },
    expect={"ann": dict(days_between_orders=10.0), "bob": dict(days_between_orders=None)},
)

test_returns_cancelled_and_pending_orders_are_no_purchases_and_a_return_undoes_none = spec(
    Recency,
    as_of="2024-07-01",
    tags="welcome",
    given={
        Orders: """
            customer | ordered_at | kind     | status    | amount
            ann      | 2024-05-01 | purchase | paid      | 10
            ann      | 2024-06-10 | return   | paid      | -10
            ann      | 2024-06-20 | purchase | cancelled | 10
            ann      | 2024-06-30 | purchase | pending   | 10
            bob      | 2024-06-30 | purchase | cancelled | 10
        """
    },
    expect={
        "ann": dict(days_since_order=61, days_since_first=61, orders_30d=0, orders_90d=1, orders_180d=1),
        "bob": dict(days_since_order=None, days_since_first=None, orders_180d=0, newcomer=False),
    },
)

test_who_never_bought_has_no_recency_and_is_neither_at_risk_nor_lapsed = spec(
    Recency,
    as_of="2024-07-01",
    tags=("retention", "welcome"),
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-06-30
        """
    },
    expect={
        "bob": dict(
            days_since_order=None,
            days_since_first=None,
            days_between_orders=None,
            orders_30d=0,
            orders_90d=0,
            orders_180d=0,
            newcomer=False,
            at_risk=False,
            lapsed=False,
        )
    },
)

test_before_the_first_order_a_customer_has_none = spec(
    Recency,
    as_of="2023-01-01",
    tags=("retention", "welcome"),
    given={
        Orders: """
            customer | ordered_at
            ann      | 2023-01-02 00:00:00
        """
    },
    expect={"ann": dict(days_since_order=None, orders_30d=0, newcomer=False, lapsed=False)},
)

test_an_order_that_a_clock_put_into_the_future_does_not_count_yet = spec(
    Recency,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at          | recorded_on
            ann      | 2024-06-01 10:00:00 | 2024-06-01
            ann      | 2024-07-02 00:00:00 | 2024-06-01
        """
    },
    expect={"ann": dict(days_since_order=30, days_since_first=30, orders_30d=0)},
)

test_orders_of_all_sources_count_together = spec(
    Recency,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | source | person | order_id | ordered_at
            ann      | pos    | card-1 | 1        | 2024-06-01
            ann      | shop   | a@b.cn | 1        | 2024-06-30
        """
    },
    expect={"ann": dict(days_since_order=1, days_since_first=30, orders_30d=1, orders_90d=2)},
)
