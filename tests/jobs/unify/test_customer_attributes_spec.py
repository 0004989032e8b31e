"""customer_attributes: what third parties say of customers who consented to its purpose."""

import hashlib

from specification import spec

from quanyu.model.people import Attributes, Consents, CustomerAttributes, Identifiers


def hashed(value):
    return hashlib.sha256(value.encode()).hexdigest()


def identifiers_of(*numbers, vendor=()):
    """Identifiers of customers by their phones, and of the vendor's persons by hashes of phones."""
    lines = ["customer | source | person | kind | value"]
    lines += [f"{name} | crm | {name} | phone | {phone}" for name, phone in numbers]
    lines += [f"null | vendor | {person} | phone_sha256 | {hashed(phone)}" for person, phone in vendor]
    return "\n".join(lines)


ANN = identifiers_of(("ann", "11"), vendor=[("v1", "11"), ("v2", "99")])
AGREED = """
    customer | source | purpose | changed_at | state
    ann      | crm    | ads     | 2024-01-01 | granted
"""

test_an_attribute_reaches_the_customer_with_the_hashed_phone = spec(
    CustomerAttributes,
    as_of="2024-07-01",
    given={
        Identifiers: ANN,
        Consents: AGREED,
        Attributes: """
            source | person | attribute | value | said_on    | licence | purpose | recorded_on
            vendor | v1     | car       | Y     | 2024-05-01 | L1      | ads     | 2024-06-01
            vendor | v2     | car       | N     | 2024-05-01 | L1      | ads     | 2024-06-01
        """,
    },
    expect="""
        customer | source | attribute | value | said_on    | licence | purpose
        ann      | vendor | car       | Y     | 2024-05-01 | L1      | ads
    """,
)

test_an_attribute_reaches_nobody_without_consent_to_its_purpose = spec(
    CustomerAttributes,
    as_of="2024-07-01",
    given={
        Identifiers: identifiers_of(
            ("ann", "21"), ("bob", "22"), ("cat", "23"), vendor=[("v1", "21"), ("v2", "22"), ("v3", "23")]
        ),
        Consents: """
            customer | source | purpose | changed_at | state
            ann      | crm    | ads     | 2024-01-01 | granted
            bob      | crm    | ads     | 2024-01-01 | granted
            bob      | crm    | ads     | 2024-01-02 | withdrawn
        """,
        Attributes: """
            source | person | attribute | value | said_on    | purpose   | recorded_on
            vendor | v1     | car       | Y     | 2024-05-01 | ads       | 2024-06-01
            vendor | v1     | pet       | Y     | 2024-05-01 | analytics | 2024-06-01
            vendor | v2     | car       | Y     | 2024-05-01 | ads       | 2024-06-01
            vendor | v3     | car       | Y     | 2024-05-01 | ads       | 2024-06-01
        """,
    },
    expect="""
        customer | attribute | value
        ann      | car       | Y
    """,
)

test_the_newest_counts_and_nothing_where_the_newest_contradict_each_other = spec(
    CustomerAttributes,
    as_of="2024-07-01",
    given={
        Identifiers: identifiers_of(("ann", "31"), vendor=[("v1", "31")]),
        Consents: AGREED,
        Attributes: """
            source | person | attribute | value | said_on    | recorded_on
            vendor | v1     | car       | N     | 2023-05-01 | 2024-06-01
            vendor | v1     | car       | Y     | 2024-05-01 | 2024-06-01
            vendor | v1     | pet       | N     | 2024-05-01 | 2024-06-01
            vendor | v1     | pet       | Y     | 2024-05-01 | 2024-06-01
        """,
    },
    expect="""
        customer | attribute | value | said_on
        ann      | car       | Y     | 2024-05-01
    """,
)

test_an_attribute_more_than_730_days_older_than_its_delivery_is_left_out = spec(
    CustomerAttributes,
    as_of="2024-07-01",
    given={
        Identifiers: identifiers_of(("ann", "41"), vendor=[("v1", "41")]),
        Consents: AGREED,
        Attributes: """
            source | person | attribute | value | said_on    | recorded_on
            vendor | v1     | car       | Y     | 2022-06-02 | 2024-06-01
            vendor | v1     | pet       | Y     | 2022-06-01 | 2024-06-01
        """,
    },
    expect="""
        customer | attribute
        ann      | car
    """,
)

test_a_phone_of_two_customers_reaches_neither = spec(
    CustomerAttributes,
    as_of="2024-07-01",
    given={
        Identifiers: identifiers_of(("ann", "51"), ("bob", "51"), vendor=[("v1", "51")]),
        Consents: AGREED,
        Attributes: """
            source | person | attribute | value | said_on    | recorded_on
            vendor | v1     | car       | Y     | 2024-05-01 | 2024-06-01
        """,
    },
    expect="customer | attribute",
)

test_a_later_delivery_is_not_known_today = spec(
    CustomerAttributes,
    as_of="2024-07-01",
    given={
        Identifiers: identifiers_of(("ann", "61"), vendor=[("v1", "61")]),
        Consents: AGREED,
        Attributes: """
            source | person | attribute | value | said_on    | recorded_on
            vendor | v1     | car       | Y     | 2024-05-01 | 2024-07-02
        """,
    },
    expect="customer | attribute",
)
