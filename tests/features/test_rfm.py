"""RFM: scores from 1 (worst) to 5 (best) by last order, number of orders and spending of 365 days, and segments.

Scores rank the customers among each other. An order without status and kind in a table is a paid purchase; `as_of` is
the day that is looked back from, to its end. `at_risk` is a segment here: by rank, not by days as the tag of retention.
Customers who are in `given` alone are there to be ranked.
"""

from specification import Scene, spec

from quanyu.model.trade import Orders

# Ten customers have bought, so that a fifth is two of them, if their numbers differ.
TEN = {
    Orders: """
        customer | ordered_at | amount
        a        | 2024-06-30 | 1000
        a        | 2024-06-01 | 1000
        a        | 2024-05-01 | 1000
        b        | 2024-06-29 | 900
        b        | 2024-06-02 | 900
        c        | 2024-06-20 | 100
        d        | 2024-06-19 | 90
        e        | 2024-05-20 | 80
        f        | 2024-05-19 | 70
        g        | 2024-03-02 | 60
        h        | 2024-03-01 | 50
        i        | 2023-12-02 | 40
        i        | 2023-12-01 | 400
        j        | 2023-12-01 | 30
        future   | 2024-08-01 | 10
        old      | 2023-07-02 | 10
    """
}

test_customers_are_ranked_in_fifths_and_segments = spec(
    Scene("rfm"),
    as_of="2024-07-01",
    given=TEN,
    expect={
        "a": dict(recency="5", frequency="5", monetary="5", segment="champions"),
        "b": dict(recency="5", frequency="4", monetary="5", segment="champions"),
        "c": dict(recency="4", frequency="1", monetary="4", segment="promising"),
        "e": dict(recency="3", frequency="1", monetary="3", segment="promising"),
        "h": dict(recency="2", frequency="1", monetary="1", segment="hibernating"),
        "i": dict(recency="1", frequency="4", monetary="4", segment="at_risk"),
        "j": dict(recency="1", frequency="1", monetary="1", segment="hibernating"),
        # Who did not buy in the 365 days up to the day, or not yet, has no score.
        "old": dict(recency=None, frequency=None, monetary=None, segment=None),
        "future": dict(recency=None, frequency=None, monetary=None, segment=None),
    },
)

test_customers_with_equal_numbers_share_a_score = spec(
    Scene("rfm"),
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | amount
            a        | 2024-06-30 | 10
            b        | 2024-06-30 | 10
            c        | 2024-06-30 | 10
            d        | 2024-06-30 | 20
        """
    },
    expect={
        "a": dict(recency="5", frequency="1", monetary="1", segment="new"),
        "b": dict(monetary="1"),
        "c": dict(monetary="1"),
        "d": dict(recency="5", frequency="1", monetary="4", segment="new"),
    },
)
