"""AARRR: how far a customer has come, and what leads on."""

from hashlib import sha256

from specification import Scene, spec

from quanyu.model.people import Identifiers
from quanyu.model.touch import Events
from quanyu.model.trade import OrderLines, Orders, Products

# Pages are shared under the SHA-256 of an identifier: `o-bob`, `o-ann` and `o-1`.
SHARED_BY_BRINGS = sha256(b"o-bob").hexdigest()
SHARED_BY_ONLY = sha256(b"o-ann").hexdigest()
SHARED_BY_FIRST = sha256(b"o-1").hexdigest()

test_the_furthest_stage_counts = spec(
    Scene("aarrr"),
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | amount
            first    | 2024-06-21 | 100
            again    | 2024-05-01 | 100
            again    | 2024-06-01 | 100
            again    | 2024-06-20 | 100
            large    | 2024-05-01 | 1500
            large    | 2024-06-01 | 500
            brings   | 2024-06-01 | 10
            buyer    | 2024-06-20 | 30
        """,
        Events: f"""
            customer | at         | kind | shared_by          | campaign
            buyer    | 2024-06-01 | view | {SHARED_BY_BRINGS} | spring_ad
            again    | 2024-06-21 | view | {SHARED_BY_ONLY}   | spring_ad
            again    | 2024-06-20 | view | {SHARED_BY_FIRST}  | null
        """,
        Identifiers: """
            customer | kind   | scope | value | recorded_on
            brings   | openid | mall  | o-bob | 2024-01-01
            only     | openid | mall  | o-ann | 2024-01-01
            first    | openid | mall  | o-1   | 2024-01-01
            again    | openid | mall  | o-2   | 2024-01-01
            large    | openid | mall  | o-3   | 2024-01-01
            buyer    | openid | mall  | o-4   | 2024-06-01
        """,
    },
    expect={
        # Led back a customer who then bought, which is no referral.
        "first": dict(stage="activation", days_in_stage=10, next_stage="retention", next_action="second_order_coupon"),
        "again": dict(
            stage="retention",
            days_in_stage=30,
            next_stage="revenue",
            next_action="cross_category_bundle",
            acquired_by="own_way",
        ),
        "large": dict(stage="revenue", days_in_stage=None, next_stage="referral", next_action="invite_friends"),
        "brings": dict(stage="referral", next_stage=None, next_action="ambassador"),
        "only": dict(stage="acquisition", next_stage="activation", next_action="first_order_gift", acquired_by=None),
        "buyer": dict(acquired_by="campaign"),
    },
)

test_who_buys_across_three_categories_is_revenue_with_little_spent = spec(
    Scene("aarrr"),
    as_of="2024-07-01",
    given={
        Orders: "customer | ordered_at | amount\nann | 2024-05-01 | 10\nann | 2024-06-01 | 20",
        OrderLines: """
            customer | ordered_at | sku
            ann      | 2024-05-01 | c1
            ann      | 2024-06-01 | t1
            ann      | 2024-06-01 | s1
        """,
        Products: "sku | category\nc1 | coats\nt1 | trousers\ns1 | shirts",
    },
    expect={"ann": dict(stage="revenue")},
)
