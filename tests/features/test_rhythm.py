"""The customer's own rhythm, and where he stands by it."""

from specification import Scene, spec

from features.customers.rhythm import Rhythm
from quanyu.model.trade import Orders

RHYTHMS = {
    Orders: """
        customer | ordered_at          | status
        ann      | 2024-01-01          | paid
        ann      | 2024-01-11          | paid
        ann      | 2024-01-11 20:00:00 | paid
        ann      | 2024-01-20          | cancelled
        ann      | 2024-01-31          | paid
        ann      | 2024-03-01          | paid
        bob      | 2024-02-20          | paid
        cat      | 2024-01-01          | paid
        cat      | 2024-02-20          | paid
    """
}

test_gaps_are_between_days_with_a_purchase = spec(
    Rhythm,
    as_of="2024-03-11",
    given=RHYTHMS,
    expect={
        # 10, 20 and 30 days; the second order of a day makes no gap, and a cancelled one none.
        "ann": dict(
            gaps=3, mean_gap=20, typical_gap=20, gap_deviation=10, variation=0.5, last_gap=30, earlier_gap=15,
            days_since_second=60,
        ),
        "bob": dict(
            gaps=0, mean_gap=None, typical_gap=None, gap_deviation=None, variation=None, last_gap=None,
            earlier_gap=None, days_since_second=None,
        ),
        "cat": dict(gaps=1, mean_gap=50, gap_deviation=None, variation=None, last_gap=50, earlier_gap=None,
                    days_since_second=20),
    },
)  # fmt: skip

test_a_day_with_two_orders_is_one_day_with_their_sum = spec(
    Rhythm,
    as_of="2024-03-11",
    given={
        Orders: """
            customer | ordered_at          | kind     | status    | amount
            ann      | 2024-01-01 08:00:00 | purchase | paid      | 10.50
            ann      | 2024-01-01 20:00:00 | purchase | paid      | 20
            ann      | 2024-02-01          | purchase | paid      | 60
            ann      | 2024-02-02          | purchase | cancelled | 400
            ann      | 2024-02-03          | return   | paid      | -60
            bob      | 2021-01-01          | purchase | paid      | 7
            cat      | 2024-01-01          | purchase | paid      | null
            dan      | 2024-02-03          | return   | paid      | -60
        """
    },
    expect={
        "ann": dict(purchase_days=2, spend=90.5, spend_per_day=45.25),
        "bob": dict(purchase_days=1, spend=7, spend_per_day=7.0),
        "cat": dict(purchase_days=1, spend_per_day=None),
        "dan": dict(purchase_days=0, spend_per_day=None),
        "eve": dict(purchase_days=0, spend_per_day=None),
    },
)

test_one_and_a_half_gaps_late_is_drifting_and_three_is_lapsed = spec(
    Scene("lifecycle"),
    as_of="2024-04-20",
    given={
        Orders: """
            customer | ordered_at
            steady   | 2024-02-01
            steady   | 2024-03-02
            steady   | 2024-04-01
            weekly   | 2024-03-01
            weekly   | 2024-03-11
            weekly   | 2024-03-21
            monthly  | 2023-12-01
            monthly  | 2024-01-01
            monthly  | 2024-02-01
            once     | 2024-04-10
            longago  | 2023-04-10
            back     | 2023-01-01
            back     | 2023-01-11
            back     | 2023-01-21
            back     | 2024-04-15
        """
    },
    expect={
        "steady": dict(expected_gap=30, overdue=19 / 30, state="active"),
        "weekly": dict(expected_gap=10, overdue=3, state="drifting"),
        "monthly": dict(expected_gap=31, overdue=79 / 31, state="drifting"),
        "once": dict(expected_gap=60, overdue=10 / 60, state="new"),
        "longago": dict(expected_gap=60, state="lapsed"),
        "back": dict(expected_gap=10, overdue=0.5, state="won_back"),
        "nobody": dict(expected_gap=None, overdue=None, state=None),
    },
)

test_the_newest_gap_is_not_among_the_gaps_before_it = spec(
    Rhythm,
    as_of="2024-03-11",
    given={
        Orders: """
            customer | ordered_at          | status
            ann      | 2024-01-01          | paid
            ann      | 2024-01-11          | paid
            ann      | 2024-03-01 08:00:00 | paid
            ann      | 2024-03-01 20:00:00 | paid
            ann      | 2024-03-05          | cancelled
        """
    },
    expect={"ann": dict(gaps=2, last_gap=50, earlier_gap=10)},
)

test_who_was_lapsed_by_the_gaps_before_is_won_back_by_his_newest_purchase = spec(
    Scene("lifecycle"),
    as_of="2024-12-20",
    given={
        Orders: """
            customer | ordered_at
            two      | 2023-12-01
            two      | 2024-01-01
            two      | 2024-12-15
            one      | 2024-01-01
            one      | 2024-12-15
            early    | 2024-07-01
            early    | 2024-12-15
            again    | 2023-12-01
            again    | 2023-12-11
            again    | 2024-11-10
            again    | 2024-12-10
            often    | 2024-11-19
            often    | 2024-11-21
            often    | 2024-11-23
            often    | 2024-12-15
            seldom   | 2024-11-19
            seldom   | 2024-11-21
            seldom   | 2024-11-23
            seldom   | 2024-12-14
            first    | 2024-12-15
        """
    },
    expect={
        # 31 days before the absence are one gap only: he was expected after 60.
        "two": dict(expected_gap_before=60, state="won_back"),
        "one": dict(expected_gap_before=60, state="won_back"),
        "early": dict(expected_gap_before=60, state="active"),
        # He came back with the order before the newest one.
        "again": dict(expected_gap_before=172.5, state="active"),
        # Every two days is taken as every seven.
        "often": dict(expected_gap_before=7, state="won_back"),
        "seldom": dict(expected_gap_before=7, state="active"),
        "first": dict(expected_gap_before=None, state="new"),
    },
)
