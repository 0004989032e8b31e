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
            gaps=3, mean_gap=20, typical_gap=20, gap_deviation=10, variation=0.5, last_gap=30, days_since_second=60
        ),
        "bob": dict(
            gaps=0, mean_gap=None, typical_gap=None, gap_deviation=None, variation=None, last_gap=None,
            days_since_second=None,
        ),
        "cat": dict(gaps=1, mean_gap=50, gap_deviation=None, variation=None, last_gap=50, days_since_second=20),
    },
)  # fmt: skip

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
