"""Days on which clocks change end at midnight of the retailer's zone, however many hours they have."""

from specification import spec

from features.customers.recency import Recency
from quanyu.model.trade import Orders

test_on_the_day_on_which_clocks_go_forward_the_day_still_ends_at_midnight = spec(
    Recency,
    zone="America/New_York",
    as_of="2024-03-10",
    given={
        Orders: """
            customer | ordered_at          | recorded_on
            ann      | 2024-03-10 23:59:59 | 2024-03-10
            bob      | 2024-03-11 00:00:00 | 2024-03-10
            cat      | 2024-03-09 23:59:59 | 2024-03-10
        """
    },
    expect={
        "ann": dict(days_since_order=0, orders_30d=1),
        "bob": dict(days_since_order=None, orders_30d=0),
        "cat": dict(days_since_order=1, orders_30d=1),
    },
)

test_on_the_day_on_which_clocks_go_back_both_hours_belong_to_it = spec(
    Recency,
    zone="America/New_York",
    as_of="2024-11-03",
    given={
        Orders: """
            customer | ordered_at                | recorded_on
            ann      | 2024-11-03T01:30:00-04:00 | 2024-11-03
            ann      | 2024-11-03T01:30:00-05:00 | 2024-11-03
            ann      | 2024-11-03T23:59:59-05:00 | 2024-11-03
            ann      | 2024-11-04T00:00:00-05:00 | 2024-11-03
        """
    },
    expect={"ann": dict(days_since_order=0, orders_30d=3, days_between_orders=None)},
)

test_a_window_may_begin_on_a_day_on_which_clocks_change = spec(
    Recency,
    zone="America/New_York",
    as_of="2024-04-08",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-03-10 00:00:00
            bob      | 2024-03-09 23:59:59.999
        """
    },
    expect={"ann": dict(orders_30d=1, days_since_order=29), "bob": dict(orders_30d=0, days_since_order=30)},
)

test_a_window_may_begin_on_a_day_that_has_no_midnight = spec(
    Recency,
    zone="Africa/Cairo",
    as_of="2024-05-25",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-04-26T01:00:00+03:00
            bob      | 2024-04-25T23:59:59+02:00
        """
    },
    expect={"ann": dict(orders_30d=1, days_since_order=29), "bob": dict(orders_30d=0, days_since_order=30)},
)
