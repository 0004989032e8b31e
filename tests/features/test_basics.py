"""Who a customer is: age, time known, and how certain what is known of him is."""

from hashlib import sha256

from specification import Scene, spec

from quanyu.model.people import Attributes, Consents, Identifiers, People

HASHED = {phone: sha256(phone.encode()).hexdigest() for phone in ("11", "22", "33")}

test_age_and_tenure = spec(
    Scene("basics"),
    as_of="2024-07-01",
    given={
        People: """
            customer | person | birthday   | recorded_on
            ann      | 1      | 1990-03-01 | 2024-05-01
            bob      | 2      | 1950-03-01 | 2019-05-01
            cat      | 3      |            | 2019-05-01
        """,
        Identifiers: """
            customer | person | kind  | value | recorded_on
            ann      | 1      | phone | 1     | 2024-05-01
            bob      | 2      | phone | 2     | 2019-05-01
            cat      | 3      | phone | 3     | 2019-05-01
        """,
    },
    expect={
        "ann": dict(age_band="25-34", tenure="new"),
        "bob": dict(age_band="60+", tenure="long_known"),
        "cat": dict(age_band=None, tenure="long_known"),
    },
)

test_how_certain_the_basics_are = spec(
    Scene("basics"),
    as_of="2024-07-01",
    given={
        People: """
            customer | source | person | gender  | birthday   | city
            ann      | crm    | 1      | female  | 1990-03-01 | Shanghai
            ann      | shop   | 2      | female  | 1990-05-01 | Beijing
            bob      | crm    | 3      | male    | 1950-03-01 | Shanghai
            bob      | shop   | 4      | female  | 1951-03-01 |
            cat      | crm    | 5      | unknown |            |
            dan      | crm    | 6      | male    |            |
        """,
        Identifiers: f"""
            customer | source | person | kind         | value
            ann      | crm    | 1      | phone        | 11
            ann      | shop   | 2      | phone        | 11
            bob      | crm    | 3      | phone        | 22
            bob      | shop   | 4      | phone        | 22
            cat      | crm    | 5      | phone        | 33
            dan      | crm    | 6      | phone        | 44
            null     | second | s1     | phone_sha256 | {HASHED["11"]}
            null     | third  | t1     | phone_sha256 | {HASHED["11"]}
            null     | second | s2     | phone_sha256 | {HASHED["22"]}
            null     | third  | t2     | phone_sha256 | {HASHED["22"]}
            null     | second | s3     | phone_sha256 | {HASHED["33"]}
        """,
        Consents: """
            customer | source | person | purpose | changed_at | state
            ann      | crm    | 1      | ads     | 2024-01-01 | granted
            bob      | crm    | 3      | ads     | 2024-01-01 | granted
            cat      | crm    | 5      | ads     | 2024-01-01 | granted
        """,
        Attributes: """
            source | person | attribute   | value | said_on    | licence | purpose | recorded_on
            second | s1     | income_band | high  | 2024-05-01 | L1      | ads     | 2024-06-01
            third  | t1     | income_band | high  | 2024-05-02 | L2      | ads     | 2024-06-01
            second | s2     | income_band | high  | 2024-05-01 | L1      | ads     | 2024-06-01
            third  | t2     | income_band | low   | 2024-05-02 | L2      | ads     | 2024-06-01
            second | s3     | income_band | low   | 2024-05-01 | L1      | ads     | 2024-06-01
        """,
    },
    expect={
        "ann": dict(gender_certainty="confirmed", age_certainty="confirmed", city_certainty="disputed",
                    income_certainty="confirmed"),
        "bob": dict(gender_certainty="disputed", age_certainty="disputed", city_certainty="one_source",
                    income_certainty="disputed"),
        "cat": dict(gender_certainty=None, age_certainty=None, city_certainty=None, income_certainty="one_source"),
        "dan": dict(gender_certainty="one_source", age_certainty=None, city_certainty=None, income_certainty=None),
    },
)  # fmt: skip
