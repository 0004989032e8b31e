"""loyal_seed: good and active customers, a seed for lookalike audiences."""

from specification import spec

from quanyu.model.trade import Orders

test_loyal_seed_holds_who_spent_1000_within_a_year_and_bought_within_60_days = spec(
    "loyal_seed",
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at              | amount
            ann      | 2024-05-03 00:00:00     | 1000
            bob      | 2024-05-02 23:59:59.999 | 1000
            cat      | 2024-06-01              | 999.99
            dan      | 2023-07-03              | 999
            dan      | 2024-06-01              | 1
        """
    },
    expect={
        "ann": dict(orders_60d=1, inside=True),
        "bob": dict(orders_60d=0, inside=False),
        "cat": dict(orders_60d=1, inside=False),
        "dan": dict(orders_60d=1, inside=True),
    },
)

test_loyal_seed_counts_paid_purchases_alone = spec(
    "loyal_seed",
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | kind     | status    | amount
            ann      | 2024-01-01 | purchase | paid      | 5000
            ann      | 2024-06-01 | purchase | cancelled | 10
            ann      | 2024-06-02 | purchase | pending   | 10
            ann      | 2024-06-03 | return   | paid      | -10
        """
    },
    expect={"ann": dict(orders_60d=0, inside=False)},
)

test_loyal_seed_leaves_out_who_returned_three_times = spec(
    "loyal_seed",
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | kind     | amount
            ann      | 2024-06-01 | purchase | 5000
            ann      | 2024-06-02 | return   | -10
            ann      | 2024-06-03 | return   | -10
            bob      | 2024-06-01 | purchase | 5000
            bob      | 2024-06-02 | return   | -10
            bob      | 2024-06-03 | return   | -10
            bob      | 2024-06-04 | return   | -10
        """
    },
    expect={"ann"},
)

test_loyal_seed_holds_nobody_without_orders_and_no_stranger = spec(
    "loyal_seed",
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | amount
            zoe      | 2024-06-01 | 5000
            null     | 2024-06-01 | 5000
            ann      | 2024-06-01 | 5000
        """
    },
    strangers={"zoe"},
    expect={"ann": dict(inside=True, holdout=False), "bob": dict(orders_60d=0, inside=False), "zoe": None},
)
