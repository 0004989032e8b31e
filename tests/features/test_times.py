"""Leap days, turns of the year, and implausible times: each counts as the day that it is."""

from specification import spec

from features.customers.recency import Recency
from features.customers.value import Value
from quanyu.model.trade import Orders

test_a_leap_day_is_a_day_like_others = spec(
    Recency,
    as_of="2024-03-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-02-28
            bob      | 2024-02-29 23:59:59
            cat      | 2023-03-01
        """
    },
    expect={
        "ann": dict(days_since_order=2),
        "bob": dict(days_since_order=1),
        "cat": dict(days_since_order=366),
    },
)

test_365_days_that_hold_a_leap_day_begin_a_day_later_in_the_year = spec(
    Value,
    as_of="2024-03-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2023-03-03 00:00:00
            bob      | 2023-03-02 23:59:59
        """
    },
    expect={"ann": dict(orders=1), "bob": dict(orders=0)},
)

test_365_days_without_a_leap_day_begin_on_the_next_day_of_the_year_before = spec(
    Value,
    as_of="2023-03-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2022-03-02 00:00:00
            bob      | 2022-03-01 23:59:59
        """
    },
    expect={"ann": dict(orders=1), "bob": dict(orders=0)},
)

test_a_window_goes_over_the_turn_of_the_year = spec(
    Recency,
    as_of="2024-01-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2023-12-03
            bob      | 2023-12-02
        """
    },
    expect={"ann": dict(orders_30d=1, days_since_order=29), "bob": dict(orders_30d=0, days_since_order=30)},
)

test_an_order_of_the_end_of_time_does_not_count_and_hides_no_other = spec(
    Recency,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at          | recorded_on
            ann      | 9999-12-31 23:59:59 | 2024-06-01
            ann      | 2024-06-30          | 2024-06-30
            bob      | 9999-12-31 23:59:59 | 2024-06-01
        """
    },
    expect={
        "ann": dict(days_since_order=1, days_since_first=1, orders_30d=1),
        "bob": dict(days_since_order=None, orders_30d=0),
    },
)

test_an_order_of_day_zero_of_a_spreadsheet_is_very_old = spec(
    Recency,
    as_of="2024-07-01",
    tags="retention",
    given={
        Orders: """
            customer | ordered_at
            ann      | 1899-12-30
            ann      | 1970-01-01
        """
    },
    expect={"ann": dict(days_since_order=19905, days_since_first=45474, orders_180d=0, lapsed=True)},
)
