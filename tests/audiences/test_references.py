"""Rules that name other audiences, consent, and kinds of identifiers."""

from specification import rule, spec

from quanyu.model.people import Consents, Identifiers
from quanyu.model.trade import Orders

# ann and bob are in winback: two orders, the last one 100 days ago; cat bought again since.
BOUGHT = {
    Orders: """
        customer | ordered_at
        ann      | 2023-01-01
        ann      | 2024-03-23
        bob      | 2023-01-01
        bob      | 2024-03-23
        bob      | 2022-01-01
        cat      | 2023-01-01
        cat      | 2024-06-30
    """
}

test_a_rule_holds_members_of_another_audience = spec(
    rule("audience.winback"), as_of="2024-07-01", given=BOUGHT, expect={"ann", "bob"}
)

test_a_rule_holds_members_of_another_audience_under_a_further_condition = spec(
    rule("audience.winback and value.orders_ever > 2"), as_of="2024-07-01", given=BOUGHT, expect={"bob"}
)

test_a_rule_leaves_out_members_of_another_audience = spec(
    rule("value.orders_ever >= 2 and not audience.winback"), as_of="2024-07-01", given=BOUGHT, expect={"cat"}
)

test_a_rule_joins_members_of_another_audience_to_others = spec(
    rule("audience.winback or value.orders_ever >= 2"), as_of="2024-07-01", given=BOUGHT, expect={"ann", "bob", "cat"}
)

test_the_measures_of_another_audience_are_computed_with_it = spec(
    rule("audience.loyal_seed"),
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | amount
            ann      | 2024-06-01 | 1500
            bob      | 2024-01-01 | 1500
        """
    },
    expect={"ann"},
)

test_a_rule_holds_who_agreed_to_a_purpose_on_any_channel_and_has_not_withdrawn = spec(
    rule("consent.ads"),
    as_of="2024-07-01",
    given={
        Consents: """
            customer | purpose  | channel | changed_at | state
            ann      | ads      | any     | 2024-01-01 | granted
            bob      | messages | any     | 2024-01-01 | granted
            cat      | ads      | any     | 2024-01-01 | granted
            cat      | ads      | any     | 2024-02-01 | withdrawn
            dan      | ads      | email   | 2024-01-01 | granted
        """
    },
    expect={"ann", "dan"},
)

test_a_rule_holds_who_has_an_identifier_of_a_kind = spec(
    rule("has.phone and not has.email"),
    as_of="2024-07-01",
    given={
        Identifiers: """
            customer | kind  | value
            ann      | phone | +8613800000001
            bob      | phone | +8613800000002
            bob      | email | bob@example.com
            cat      | email | cat@example.com
        """
    },
    expect={"ann"},
)
