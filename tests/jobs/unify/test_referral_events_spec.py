"""referral_events: who came by a page that a customer shared, and what they bought."""

from specification import spec

from quanyu.model.people import Identifiers
from quanyu.model.touch import Events, ReferralEvents
from quanyu.model.trade import Orders

# SHA-256 of `o-bob` and of `o-dan`.
BOBS = "801ae33272d25f8f5582bec05e80b0871a1091de7415347920c0c80801daa676"
DANS = "3f448956ff89b2bef24cc3cc2934eddfe5e87b9b998522d5b201dc5eef2e53fc"

test_a_visit_by_a_shared_page_is_owed_to_who_shared_it = spec(
    ReferralEvents,
    as_of="2024-07-01",
    given={
        Events: f"""
            customer | event_id | kind | at                  | is_bot | sku | shared_by
            ann      | 1        | view | 2024-06-01 10:00:00 | false  | c1  | {BOBS}
            null     | 2        | view | 2024-06-02 10:00:00 | false  | null | {BOBS}
            bob      | 3        | view | 2024-06-03 10:00:00 | false  | null | {BOBS}
            ann      | 4        | view | 2024-06-04 10:00:00 | false  | null | nobodys
            cat      | 5        | view | 2024-06-01 10:00:00 | false  | null | {BOBS}
            cat      | 6        | view | 2024-06-01 10:00:00 | true   | null | {BOBS}
            cat      | 7        | view | 2024-06-01 10:00:00 | false  | null | null
        """,
        Identifiers: """
            customer | kind   | scope | value | recorded_on
            bob      | openid | mall  | o-bob | 2024-05-01
            ann      | openid | mall  | o-ann | 2024-06-01
            cat      | openid | mall  | o-cat | 2024-05-31
        """,
    },
    expect="""
        customer | referral_id | kind  | referred | referred_new | sku
        bob      | visit/1     | visit | ann      | True         | c1
        bob      | visit/2     | visit | null     | null         | null
        bob      | visit/5     | visit | cat      | False        | null
    """,
)

test_a_purchase_within_30_days_is_owed_to_who_brought_the_visitor = spec(
    ReferralEvents,
    as_of="2024-07-31",
    given={
        Events: f"""
            customer | event_id | kind | at                  | is_bot | shared_by
            ann      | 1        | view | 2024-06-01 10:00:00 | false  | {DANS}
            ann      | 2        | view | 2024-06-02 10:00:00 | false  | {DANS}
        """,
        Identifiers: """
            customer | kind   | scope | value | recorded_on
            dan      | openid | mall  | o-dan | 2024-05-01
            ann      | openid | mall  | o-an2 | 2024-06-01
            cat      | openid | mall  | o-ca2 | 2024-05-31
        """,
        Orders: """
            customer | order_id | ordered_at          | status    | kind     | channel | amount
            ann      | o1       | 2024-06-01 09:00:00 | paid      | purchase | web     | 5
            ann      | o2       | 2024-06-03 10:00:00 | paid      | purchase | web     | 20
            ann      | o3       | 2024-06-03 10:00:00 | cancelled | purchase | web     | 30
            ann      | o4       | 2024-07-02 10:00:00 | paid      | purchase | store   | 40
            ann      | o5       | 2024-07-03 10:00:00 | paid      | purchase | web     | 50
            cat      | o6       | 2024-06-03 10:00:00 | paid      | purchase | web     | 60
        """,
    },
    expect="""
        customer | referral_id | kind  | referred | referred_new | channel | amount | order_id
        dan      | order/o2    | order | ann      | True         | web     | 20.00  | o2
        dan      | order/o4    | order | ann      | False        | store   | 40.00  | o4
        dan      | visit/1     | visit | ann      | True         | null    | null   | null
        dan      | visit/2     | visit | ann      | False        | null    | null   | null
    """,
)
