"""What other parties say of a customer, within his consent."""

import hashlib

from specification import spec

from features.customers.background import Background
from quanyu.model.people import Attributes, Consents, Identifiers


def hashed(value):
    return hashlib.sha256(value.encode()).hexdigest()


test_the_newest_statement_with_consent_counts = spec(
    Background,
    as_of="2024-07-01",
    given={
        Identifiers: f"""
            customer | source | person | kind         | value
            ann      | crm    | ann    | phone        | 11
            bob      | crm    | bob    | phone        | 22
            cat      | crm    | cat    | phone        | 33
            null     | second | s1     | phone_sha256 | {hashed("11")}
            null     | third  | t1     | phone_sha256 | {hashed("11")}
            null     | third  | t2     | phone_sha256 | {hashed("22")}
            null     | third  | t3     | phone_sha256 | {hashed("33")}
        """,
        Consents: """
            customer | source | purpose | changed_at | state
            ann      | crm    | ads     | 2024-01-01 | granted
            cat      | crm    | ads     | 2024-01-01 | granted
        """,
        Attributes: """
            source | person | attribute   | value  | said_on    | licence | purpose | recorded_on
            second | s1     | income_band | middle | 2024-05-01 | L1      | ads     | 2024-06-01
            third  | t1     | income_band | upper  | 2024-05-02 | L2      | ads     | 2024-06-01
            third  | t2     | income_band | high   | 2024-05-02 | L2      | ads     | 2024-06-01
            third  | t3     | income_band | low    | 2024-05-02 | L2      | ads     | 2024-06-01
        """,
    },
    expect={
        "ann": dict(income="upper", income_source="third", income_agrees=False, income_parties=2),
        "cat": dict(income="low", income_source="third", income_agrees=True, income_parties=1),
        # bob did not agree to the purpose for which the vendor may give it.
        "bob": dict(income=None, income_source=None, income_agrees=None, income_parties=0),
    },
)
