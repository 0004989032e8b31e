"""AARRR: how far a customer has come, and what leads on."""

from hashlib import sha256

from specification import Scene, spec

from quanyu.model.people import Identifiers
from quanyu.model.touch import Events
from quanyu.model.trade import OrderLines, Orders, Products

# Pages are shared under the SHA-256 of an identifier: `o-bob`, `o-ann`, `o-1` and `o-old`.
SHARED_BY_BRINGS = sha256(b"o-bob").hexdigest()
SHARED_BY_ONLY = sha256(b"o-ann").hexdigest()
SHARED_BY_FIRST = sha256(b"o-1").hexdigest()
SHARED_BY_OLD = sha256(b"o-old").hexdigest()

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
            acquired_by="referral",
        ),
        "large": dict(stage="revenue", days_in_stage=None, next_stage="referral", next_action="invite_friends"),
        "brings": dict(stage="referral", next_stage=None, next_action="ambassador"),
        "only": dict(stage="acquisition", next_stage="activation", next_action="first_order_gift", acquired_by=None),
        "buyer": dict(acquired_by="referral"),
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

test_nobody_falls_back_from_a_stage_that_he_reached_long_ago = spec(
    Scene("aarrr"),
    as_of="2026-07-01",
    given={
        Orders: """
            customer | ordered_at | amount
            large    | 2023-05-01 | 1500
            large    | 2024-05-02 | 500
            small    | 2023-05-01 | 1500
            small    | 2024-05-02 | 499.99
            broad    | 2023-05-01 | 10
            broad    | 2024-05-01 | 20
            narrow   | 2023-05-01 | 10
            narrow   | 2024-05-01 | 20
            brings   | 2024-06-01 | 10
            brought  | 2024-06-20 | 30
        """,
        OrderLines: """
            customer | ordered_at | sku
            broad    | 2023-05-01 | c1
            broad    | 2024-05-01 | t1
            broad    | 2024-05-01 | s1
            narrow   | 2023-05-01 | c1
            narrow   | 2024-05-01 | t1
        """,
        Products: "sku | category\nc1 | coats\nt1 | trousers\ns1 | shirts",
        Events: f"customer | at | kind | shared_by\nbrought | 2024-06-01 | view | {SHARED_BY_OLD}",
        Identifiers: """
            customer | kind   | scope | value | recorded_on
            brings   | openid | mall  | o-old | 2024-01-01
            brought  | openid | mall  | o-5   | 2024-06-01
            large    | openid | mall  | o-6   | 2023-01-01
            small    | openid | mall  | o-7   | 2023-01-01
            broad    | openid | mall  | o-8   | 2023-01-01
            narrow   | openid | mall  | o-9   | 2023-01-01
        """,
    },
    expect={
        "large": dict(stage="revenue", days_in_stage=None),
        "small": dict(stage="retention", days_in_stage=790),
        "broad": dict(stage="revenue", days_in_stage=None),
        "narrow": dict(stage="retention", days_in_stage=791),
        "brings": dict(stage="referral", days_in_stage=None),
        "brought": dict(stage="activation", days_in_stage=741),
    },
)

test_what_led_to_the_first_action_counts_and_an_action_that_names_nothing_says_nothing = spec(
    Scene("aarrr"),
    as_of="2024-07-01",
    given={
        Events: """
            customer | at         | kind | shared_by   | campaign
            ad       | 2024-06-01 | view | null        | spring_ad
            ad       | 2024-06-02 | view | page-of-bob | null
            friend   | 2024-06-01 | view | page-of-bob | null
            friend   | 2024-06-02 | view | null        | spring_ad
            both     | 2024-06-01 | view | page-of-bob | spring_ad
            silent   | 2024-06-01 | view | null        | null
            silent   | 2024-06-02 | pay  | null        | spring_ad
        """,
    },
    expect={
        "ad": dict(acquired_by="campaign"),
        "friend": dict(acquired_by="referral"),
        "both": dict(acquired_by="referral"),
        "silent": dict(acquired_by=None),
    },
)
