"""Engagement: how lively a customer is, over all channels and kinds of acts."""

from specification import spec

from features.customers.engagement import Engagement
from quanyu.model.people import People
from quanyu.model.trade import OrderLines, Orders

test_every_order_return_cancellation_and_joining_is_an_act = spec(
    Engagement,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | kind     | status    | channel
            ann      | 2024-06-01 | purchase | paid      | store
            ann      | 2024-06-02 | return   | paid      | store
            ann      | 2024-06-03 | purchase | cancelled | online
        """,
        People: """
            customer | joined_on
            ann      | 2024-05-01
        """,
    },
    expect={"ann": dict(acts=4, active_days=1, returns=1, cancels=1, channels=2)},
)

test_active_days_are_days_with_an_order_each_counted_once = spec(
    Engagement,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at          | kind     | status
            ann      | 2024-06-01 09:00:00 | purchase | paid
            ann      | 2024-06-01 21:00:00 | purchase | paid
            ann      | 2024-06-02 00:00:00 | purchase | paid
            ann      | 2024-06-03 10:00:00 | return   | paid
            ann      | 2024-06-04 10:00:00 | purchase | cancelled
        """
    },
    expect={"ann": dict(acts=5, active_days=2, active_days_90d=2, active_days_180d=2)},
)

test_active_days_have_windows_of_90_180_and_365_days = spec(
    Engagement,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-07-01 23:59:59.999
            ann      | 2024-04-03 00:00:00
            ann      | 2024-04-02 23:59:59.999
            ann      | 2024-01-04 00:00:00
            ann      | 2024-01-03 23:59:59.999
            ann      | 2023-07-03 00:00:00
            ann      | 2023-07-02 23:59:59.999
        """
    },
    expect={"ann": dict(active_days_90d=2, active_days_180d=4, active_days=6, acts=6)},
)

test_an_omnichannel_customer_used_two_channels_within_a_year = spec(
    Engagement,
    tags="care",
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | channel
            ann      | 2024-06-01 | store
            ann      | 2024-06-02 | online
            bob      | 2024-06-01 | store
            bob      | 2024-06-02 | store
            cat      | 2024-06-01 | store
            cat      | 2023-07-02 | online
            dan      | 2024-06-01 | store
            dan      | 2024-06-02 | null
        """
    },
    expect={
        "ann": dict(channels=2, omnichannel=True),
        "bob": dict(channels=1, omnichannel=False),
        "cat": dict(channels=1, omnichannel=False),
        "dan": dict(channels=1, omnichannel=False),
    },
)

test_a_returner_returned_three_times_within_a_year = spec(
    Engagement,
    tags="service",
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | kind
            ann      | 2024-04-01 | return
            ann      | 2024-05-01 | return
            ann      | 2024-06-01 | return
            bob      | 2023-07-02 | return
            bob      | 2024-05-01 | return
            bob      | 2024-06-01 | return
        """
    },
    expect={"ann": dict(returns=3, returner=True), "bob": dict(returns=2, returner=False)},
)

test_returned_lines_of_an_order_are_one_return_where_no_receipt_tells_of_it = spec(
    Engagement,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | order_id | ordered_at | kind     | channel
            ann      | 1        | 2024-06-01 | purchase | online
            bob      | 2        | 2024-06-01 | purchase | store
            bob      | 3        | 2024-06-10 | return   | store
        """,
        OrderLines: """
            customer | order_id | line | ordered_at | kind   | amount
            ann      | 1        | 1    | 2024-06-01 | sale   | 30
            ann      | 1        | 2    | 2024-06-01 | return | -10
            ann      | 1        | 3    | 2024-06-01 | return | -20
            bob      | 3        | 1    | 2024-06-10 | return | -20
        """,
    },
    expect={
        "ann": dict(acts=2, returns=1, active_days=1, channels=1),
        "bob": dict(acts=2, returns=1, active_days=1, channels=1),
    },
)

test_cancelled_returns_are_no_returns = spec(
    Engagement,
    as_of="2024-07-01",
    tags="service",
    given={
        Orders: """
            customer | order_id | ordered_at | kind   | status
            ann      | 1        | 2024-06-01 | return | cancelled
        """,
        OrderLines: """
            customer | order_id | ordered_at | kind   | status    | amount
            bob      | 2        | 2024-06-01 | return | cancelled | -10
        """,
    },
    expect={"ann": dict(returns=0, cancels=1, returner=False), "bob": dict(acts=0, returns=0)},
)

test_who_did_nothing_has_no_acts_and_no_tags = spec(
    Engagement,
    as_of="2024-07-01",
    tags=("care", "service"),
    given={},
    expect={
        "ann": dict(
            acts=0,
            active_days=0,
            active_days_90d=0,
            active_days_180d=0,
            channels=0,
            returns=0,
            cancels=0,
            omnichannel=False,
            returner=False,
        )
    },
)

test_acts_count_as_they_were_known_on_the_day = spec(
    Engagement,
    as_of="2024-06-10",
    given={
        Orders: """
            customer | order_id | ordered_at | status    | recorded_on | replaced_on
            ann      | 1        | 2024-06-01 | paid      | 2024-06-01  | 2024-06-11
            ann      | 1        | 2024-06-01 | cancelled | 2024-06-11  | null
            bob      | 2        | 2024-06-01 | paid      | 2024-06-11  | null
        """
    },
    expect={"ann": dict(acts=1, active_days=1, cancels=0), "bob": dict(acts=0)},
)

test_a_person_who_joined_today_has_one_act_and_one_who_joins_tomorrow_none = spec(
    Engagement,
    as_of="2024-07-01",
    given={
        People: """
            customer | joined_on
            ann      | 2024-07-01
            bob      | 2024-07-02
            cat      | 2023-07-02
        """
    },
    expect={"ann": dict(acts=1), "bob": dict(acts=0), "cat": dict(acts=0)},
)
