"""Specifications: small tables in, the expectation out; all cases of a file are computed in one query.

Each case is a test named in its module, so that the name reads as a sentence:

    test_a_customer_is_lapsed_after_half_a_year_without_an_order = spec(
        Recency, as_of="2024-07-01",
        given={Orders: '''
            customer | ordered_at
            ann      | 2024-06-30
            bob      | 2023-12-01
        '''},
        expect={"ann": dict(days_since_order=1, lapsed=False), "bob": dict(days_since_order=213, lapsed=True)},
    )

`case.spec` documents the arguments; `ascii_table` the format of tables and which columns have a default.
"""

from specification.case import Scene, rule, scene, spec

__all__ = ["Scene", "rule", "scene", "spec"]
