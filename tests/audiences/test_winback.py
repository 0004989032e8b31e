"""winback: customers with at least two orders ever, of any amount, whose last one is 90 to 365 days ago.

An order without status and kind in a table is a paid purchase. `recorded_on` is the day on which it became known.
"""

from specification import spec

from quanyu.model.trade import Orders

test_winback_holds_who_bought_at_least_twice_and_last_90_to_365_days_ago_both_included = spec(
    "winback",
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2022-01-01
            ann      | 2024-04-03
            bob      | 2022-01-01
            bob      | 2024-04-02
            cat      | 2022-01-01
            cat      | 2023-07-02
            dan      | 2022-01-01
            dan      | 2023-07-01
        """
    },
    expect={"bob", "cat"},
)

test_winback_leaves_out_who_bought_once_or_never = spec(
    "winback",
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | status
            ann      | 2024-02-01 | paid
            bob      | 2024-01-01 | cancelled
            bob      | 2024-02-01 | paid
            cat      | 2024-01-01 | paid
            cat      | 2024-02-01 | paid
            zoe      | 2024-01-01 | cancelled
        """
    },
    expect={"cat"},
)

test_a_return_does_not_count_as_a_new_purchase = spec(
    "winback",
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | kind
            ann      | 2024-01-01 | purchase
            ann      | 2024-02-01 | purchase
            ann      | 2024-06-30 | return
        """
    },
    expect={"ann"},
)

BACK = {
    Orders: """
        customer | ordered_at          | recorded_on
        ann      | 2024-01-01          | 2024-01-01
        ann      | 2024-02-01          | 2024-02-01
        ann      | 2024-06-30 18:00:00 | 2024-07-02
    """
}

test_winback_holds_a_customer_until_the_order_that_ends_the_silence_is_known = spec(
    "winback", as_of="2024-07-01", given=BACK, expect={"ann"}
)

test_winback_lets_a_customer_go_on_the_day_on_which_that_order_is_known = spec(
    "winback", as_of="2024-07-02", given=BACK, expect=set()
)

test_winback_holds_nobody_before_the_first_order = spec("winback", as_of="2023-12-31", given=BACK, expect=set())
