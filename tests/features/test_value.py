"""Value: what a customer is worth, by the paid purchases of a year."""

from specification import spec

from features.customers.value import Value
from quanyu.model.identity import Identities
from quanyu.model.trade import Orders

test_orders_and_spend_are_those_of_the_last_365_days = spec(
    Value,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at              | amount
            ann      | 2024-07-01 23:59:59.999 | 10.50
            ann      | 2023-07-03 00:00:00     | 20.25
            ann      | 2023-07-02 23:59:59.999 | 400
        """
    },
    expect={"ann": dict(orders=2, spend="30.75", orders_ever=3)},
)

test_spend_of_90_and_180_days_begins_89_and_179_days_before = spec(
    Value,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at              | amount
            ann      | 2024-04-03 00:00:00     | 1
            ann      | 2024-04-02 23:59:59.999 | 2
            ann      | 2024-01-04 00:00:00     | 4
            ann      | 2024-01-03 23:59:59.999 | 8
        """
    },
    expect={"ann": dict(spend_90d=1, spend_180d=7, spend=15)},
)

test_cents_add_up_exactly = spec(
    Value,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | amount
            ann      | 2024-06-01 | 0.10
            ann      | 2024-06-02 | 0.20
            bob      | 2024-06-01 | 9999999999999.99
            bob      | 2024-06-02 | 0.01
        """
    },
    expect={"ann": dict(spend="0.30"), "bob": dict(spend="10000000000000.00")},
)

test_the_mean_order_is_spend_divided_by_orders = spec(
    Value,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | amount
            ann      | 2024-06-01 | 10.00
            ann      | 2024-06-02 | 20.50
            bob      | 2023-07-02 | 10.00
        """
    },
    expect={"ann": dict(average_order=15.25), "bob": dict(average_order=None)},
)

test_the_mean_order_is_not_rounded = spec(
    Value,
    as_of="2024-07-01",
    given={
        Orders: """
                customer | ordered_at | amount
                ann      | 2024-06-01 | 10.00
                ann      | 2024-06-02 | 10.01
                ann      | 2024-06-03 | 10.01
            """
    },
    expect={"ann": dict(average_order=30.02 / 3)},
)

test_an_order_whose_amount_is_not_known_counts_as_an_order_and_adds_nothing_to_spend = spec(
    Value,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | amount
            ann      | 2024-06-01 | null
            ann      | 2024-06-02 | 10
            bob      | 2024-06-02 | null
            cat      | 2023-06-02 | null
        """
    },
    expect={
        "ann": dict(orders=2, spend=10, spend_90d=10, average_order=10.0),
        # What somebody spent of whom no amount is known is not known, and not nothing.
        "bob": dict(orders=1, spend=None, spend_90d=None, average_order=None),
        "cat": dict(orders=0, spend=0, average_order=None, orders_ever=1),
    },
)

test_returns_cancelled_and_pending_orders_are_left_out_of_what_a_customer_is_worth = spec(
    Value,
    as_of="2024-07-01",
    tags="second_order",
    given={
        Orders: """
            customer | ordered_at | kind     | status    | amount
            ann      | 2024-06-01 | purchase | paid      | 100
            ann      | 2024-06-02 | return   | paid      | -100
            ann      | 2024-06-03 | purchase | cancelled | 50
            ann      | 2024-06-04 | purchase | pending   | 50
        """
    },
    expect={"ann": dict(orders=1, spend=100, spend_90d=100, spend_180d=100, orders_ever=1, one_timer=True)},
)

test_a_one_timer_bought_once_however_long_ago = spec(
    Value,
    tags="second_order",
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2019-01-01
            bob      | 2019-01-01
            bob      | 2024-06-01
        """
    },
    expect={"ann": dict(one_timer=True, orders=0), "bob": dict(one_timer=False), "cat": dict(one_timer=False)},
)

test_a_big_spender_spent_2000_within_a_year = spec(
    Value,
    tags="care",
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | amount
            ann      | 2023-07-03 | 1000
            ann      | 2024-07-01 | 1000
            bob      | 2024-06-01 | 1999.99
            cat      | 2023-07-02 | 5000
        """
    },
    expect={"ann": dict(big_spender=True), "bob": dict(big_spender=False), "cat": dict(big_spender=False)},
)

test_who_never_bought_spent_nothing_and_has_no_mean_order = spec(
    Value,
    as_of="2024-07-01",
    tags=("care", "second_order"),
    given={},
    expect={
        "ann": dict(
            orders=0,
            spend=0,
            spend_90d=0,
            spend_180d=0,
            average_order=None,
            orders_ever=0,
            one_timer=False,
            big_spender=False,
        )
    },
)

CORRECTED = {
    Orders: """
        customer | order_id | ordered_at | amount | recorded_on | replaced_on
        ann      | 1        | 2024-06-01 | 100    | 2024-06-01  | 2024-06-10
        ann      | 1        | 2024-06-01 | 60     | 2024-06-10  | null
    """
}

test_until_a_correction_is_known_the_first_version_counts = spec(
    Value, as_of="2024-06-09", given=CORRECTED, expect={"ann": dict(orders=1, spend=100)}
)

test_from_the_day_on_which_a_correction_is_known_it_counts_alone = spec(
    Value, as_of="2024-06-10", given=CORRECTED, expect={"ann": dict(orders=1, spend=60)}
)

test_an_order_that_came_late_counts_from_the_day_on_which_it_came = spec(
    Value,
    as_of="2024-06-05",
    given={
        Orders: """
            customer | ordered_at | amount | recorded_on
            ann      | 2024-06-01 | 10     | 2024-06-05
            bob      | 2024-06-01 | 10     | 2024-06-06
        """
    },
    expect={"ann": dict(orders=1, spend=10), "bob": dict(orders=0, spend=0)},
)

CANCELLED_LATER = {
    Orders: """
        customer | order_id | ordered_at | status    | amount | recorded_on | replaced_on
        ann      | 1        | 2024-06-01 | pending   | 100    | 2024-06-01  | 2024-06-02
        ann      | 1        | 2024-06-01 | paid      | 100    | 2024-06-02  | 2024-06-20
        ann      | 1        | 2024-06-01 | cancelled | 100    | 2024-06-20  | null
    """
}

test_an_order_counts_from_the_day_on_which_it_is_paid = spec(
    Value, as_of="2024-06-01", given=CANCELLED_LATER, expect={"ann": dict(orders=0, orders_ever=0)}
)

test_an_order_that_is_cancelled_later_counts_until_then = spec(
    Value, as_of="2024-06-19", given=CANCELLED_LATER, expect={"ann": dict(orders=1, orders_ever=1)}
)

test_an_order_that_is_cancelled_counts_no_more = spec(
    Value, as_of="2024-06-20", given=CANCELLED_LATER, expect={"ann": dict(orders=0, orders_ever=0)}
)

test_a_version_that_ended_without_another_counts_no_more = spec(
    Value,
    as_of="2024-06-10",
    given={
        Orders: """
            customer | ordered_at | amount | recorded_on | replaced_on
            ann      | 2024-06-01 | 10     | 2024-06-01  | 2024-06-10
            bob      | 2024-06-01 | 10     | 2024-06-01  | 2024-06-11
        """
    },
    expect={"ann": dict(orders=0), "bob": dict(orders=1)},
)

test_orders_of_nobody_and_of_persons_whom_no_identity_names_count_for_nobody = spec(
    Value,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | amount
            ann      | 2024-06-01 | 10
            null     | 2024-06-01 | 20
            zoe      | 2024-06-01 | 40
        """
    },
    strangers={"zoe"},
    expect={"ann": dict(orders=1, spend=10), "zoe": None},
)

test_the_same_order_number_in_two_sources_is_two_orders = spec(
    Value,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | source | order_id | ordered_at | amount
            ann      | pos    | 1        | 2024-06-01 | 10
            ann      | shop   | 1        | 2024-06-01 | 20
        """
    },
    expect={"ann": dict(orders=2, spend=30, average_order=15.0)},
)

test_records_of_one_person_in_one_source_count_together_once_they_are_one_customer = spec(
    Value,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | source | person | ordered_at | amount
            ann      | pos    | card-1 | 2024-06-01 | 10
            ann      | pos    | card-2 | 2024-06-01 | 20
            bob      | pos    | card-3 | 2024-06-01 | 40
        """
    },
    expect={"ann": dict(orders=2, spend=30), "bob": dict(orders=1, spend=40)},
)

test_orders_of_a_record_that_went_to_another_customer_count_for_that_customer = spec(
    Value,
    as_of="2024-07-01",
    given={
        Identities: """
            source | person | customer | valid_from | valid_to
            pos    | card-1 | ann      | 2024-01-01 | 2024-06-15
            pos    | card-1 | bob      | 2024-06-15 | null
            pos    | card-2 | ann      | 2024-01-01 | null
        """,
        Orders: """
            source | person | ordered_at | amount
            pos    | card-1 | 2024-06-01 | 10
            pos    | card-2 | 2024-06-01 | 20
        """,
    },
    expect={"ann": dict(orders=1, spend=20), "bob": dict(orders=1, spend=10)},
)
