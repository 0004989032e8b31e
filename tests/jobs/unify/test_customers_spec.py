"""customers: the combined data of all sources, by survivorship rules."""

from specification import spec

from quanyu.model.people import Consents, Customers, Identifiers, People

RECORDS = {
    People: """
        customer | source | person | gender  | city     | country | birthday   | joined_on  | recorded_on
        ann      | crm    | c1     | female  | Shanghai | CN      | 1990-05-01 | 2021-01-01 | 2023-01-01
        ann      | shop   | s1     | male    | Beijing  | US      | 1991-05-01 | 2020-01-01 | 2024-01-01
        ann      | pos    | p1     | null    | null     | null    | null       | null       | 2024-01-02
    """,
    Identifiers: """
        customer | source | person | kind  | value | recorded_on
        ann      | crm    | c1     | phone | 1     | 2023-01-01
        ann      | crm    | c1     | email | 2     | 2023-01-01
        ann      | shop   | s1     | phone | 3     | 2024-01-01
        ann      | pos    | p1     | member| 4     | 2024-01-02
    """,
}

test_a_customer_is_all_records_of_all_sources_together = spec(
    Customers,
    as_of="2024-07-01",
    given=RECORDS,
    expect={"ann": dict(persons=3, sources=["crm", "pos", "shop"], reachable_by=["email", "phone"])},
)

test_records_of_two_sources_are_two_though_they_have_the_same_key = spec(
    Customers,
    as_of="2024-07-01",
    given={
        Identifiers: """
            customer | source | person | kind  | value
            ann      | crm    | 1      | phone | 1
            ann      | pos    | 1      | phone | 1
            ann      | pos    | 1      | email | 2
        """
    },
    expect={"ann": dict(persons=2, sources=["crm", "pos"], reachable_by=["email", "phone"])},
)

test_the_crm_wins_over_newer_values_of_others = spec(
    Customers,
    as_of="2024-07-01",
    given=RECORDS,
    expect={"ann": dict(gender="female", city="Shanghai", country="CN", birth_year=1990)},
)

test_another_source_wins_for_a_column_by_the_settings = spec(
    Customers,
    as_of="2024-07-01",
    given=RECORDS,
    survivorship={"city": ["shop", "crm"], "birth_year": ["pos", "shop"]},
    expect={"ann": dict(gender="female", city="Beijing", birth_year=1991)},
)

test_where_the_highest_source_has_no_value_the_next_one_counts = spec(
    Customers,
    as_of="2024-07-01",
    given={
        People: """
            customer | source | person | gender  | city    | birthday
            ann      | crm    | c1     | unknown | null    | 1900-01-01
            ann      | shop   | s1     | male    | Beijing | 1991-05-01
            bob      | crm    | c2     | unknown | null    | 1900-01-01
        """
    },
    expect={
        "ann": dict(gender="male", city="Beijing", birth_year=1991),
        "bob": dict(gender=None, city=None, birth_year=None, country=None),
    },
)

test_a_basic_says_where_it_is_from_and_who_else_says_so = spec(
    Customers,
    as_of="2024-07-01",
    given={
        People: """
            customer | source | person | gender  | city     | region    | birthday   | recorded_on
            ann      | crm    | c1     | female  | Shanghai | Shanghai  | 1990-05-01 | 2023-01-01
            ann      | shop   | s1     | female  | Beijing  | null      | 1990-07-01 | 2024-01-01
            ann      | shop   | s2     | unknown | Beijing  | Guangdong | null       | 2024-01-01
            ann      | pos    | p1     | male    | Shanghai | Shanghai  | 1900-01-01 | 2024-01-02
            bob      | pos    | p2     | unknown | Chengdu  | null      | 1980-01-01 | 2024-01-02
        """
    },
    expect={
        "ann": dict(
            gender="female", gender_source="crm", gender_confidence=2 / 3, gender_feeds=2,
            city="Shanghai", city_source="crm", city_confidence=0.5, city_feeds=2,
            region="Shanghai", region_source="crm", region_confidence=2 / 3, region_feeds=2,
            birth_year=1990, birth_year_source="crm", birth_year_confidence=1, birth_year_feeds=2,
        ),
        "bob": dict(
            gender=None, gender_source=None, gender_confidence=None, gender_feeds=0,
            city="Chengdu", city_source="pos", city_confidence=1, city_feeds=1,
            region=None, region_source=None, region_confidence=None, region_feeds=0,
            birth_year=1980, birth_year_source="pos", birth_year_confidence=1, birth_year_feeds=1,
        ),
    },
)  # fmt: skip

test_the_source_is_that_of_the_settings_and_of_two_records_that_of_the_newer = spec(
    Customers,
    as_of="2024-07-01",
    given={
        People: """
            customer | source | person | gender | city     | recorded_on
            ann      | crm    | c1     | female | Shanghai | 2023-01-01
            ann      | shop   | s1     | male   | Beijing  | 2024-01-01
            bob      | pos    | p1     | female | Shanghai | 2024-01-01
            bob      | shop   | s2     | male   | Beijing  | 2024-01-02
            cat      | shop   | s3     | null   | null     | 2024-01-02
        """
    },
    survivorship={"city": ["shop", "crm"]},
    expect={
        "ann": dict(gender_source="crm", city="Beijing", city_source="shop", city_confidence=0.5, city_feeds=1),
        "bob": dict(gender_source="shop", gender_confidence=0.5, city_source="shop"),
        "cat": dict(gender_feeds=0, city_feeds=0, city_confidence=None),
    },
)

test_within_a_source_the_newest_record_counts = spec(
    Customers,
    as_of="2024-07-01",
    given={
        People: """
            customer | source | person | city     | recorded_on
            ann      | crm    | c1     | Shanghai | 2024-02-01
            ann      | crm    | c2     | Beijing  | 2024-01-01
            bob      | crm    | c3     | Shanghai | 2024-02-01
            bob      | crm    | c4     | Beijing  | 2024-02-01
            cat      | pos    | p1     | Shanghai | 2024-02-01
            cat      | shop   | s1     | Beijing  | 2024-02-01
        """
    },
    expect={"ann": dict(city="Shanghai"), "bob": dict(city="Shanghai"), "cat": dict(city="Beijing")},
)

test_of_unranked_sources_the_newest_record_counts = spec(
    Customers,
    as_of="2024-07-01",
    given={
        People: """
            customer | source | person | city     | recorded_on
            ann      | pos    | p1     | Shanghai | 2024-02-02
            ann      | shop   | s1     | Beijing  | 2024-02-01
        """
    },
    expect={"ann": dict(city="Shanghai")},
)

test_a_customer_joined_on_the_first_day_in_any_source = spec(
    Customers,
    as_of="2024-07-01",
    given={
        People: """
            customer | source | person | joined_on
            ann      | crm    | c1     | 2021-01-01
            ann      | shop   | s1     | 2020-01-01
            bob      | crm    | c2     | 2023-06-01
            cat      | crm    | c3     | null
        """,
        Identifiers: """
            customer | source | person | value | recorded_on
            ann      | crm    | c1     | 1     | 2023-01-01
            bob      | crm    | c2     | 2     | 2023-01-01
            cat      | crm    | c3     | 3     | 2023-02-01
            cat      | crm    | c3     | 4     | 2023-01-15
        """,
    },
    expect={
        "ann": dict(joined_on="2020-01-01"),
        "bob": dict(joined_on="2023-01-01"),
        "cat": dict(joined_on="2023-01-15"),
    },
)

test_reachable_is_who_has_a_phone_an_email_an_openid_or_a_wecom_id = spec(
    Customers,
    as_of="2024-07-01",
    given={
        Identifiers: """
            customer | kind            | value
            ann      | openid          | 1
            ann      | external_userid | 2
            ann      | openid          | 3
            bob      | member          | 4
            bob      | phone_sha256    | 5
            bob      | device          | 6
        """
    },
    expect={
        "ann": dict(reachable_by=["external_userid", "openid"], persons=1, sources=["spec"]),
        "bob": dict(reachable_by=[], persons=1),
    },
)

EVERY = ["any", "app_push", "email", "mini_program", "phone", "sms", "wecom"]
ADS, MESSAGES = ([f"{purpose}:{channel}" for channel in EVERY] for purpose in ("ads", "messages"))

test_consent_is_for_the_purpose_for_which_it_was_given = spec(
    Customers,
    as_of="2024-07-01",
    given={
        Consents: """
            customer | purpose  | changed_at | state
            ann      | ads      | 2024-01-01 | granted
            bob      | messages | 2024-01-01 | granted
        """
    },
    expect={"ann": dict(consents=ADS), "bob": dict(consents=MESSAGES), "cat": dict(consents=[])},
)

test_consent_is_for_the_channel_for_which_it_was_given = spec(
    Customers,
    as_of="2024-07-01",
    given={
        Consents: """
            customer | purpose  | channel | changed_at | state
            ann      | messages | sms     | 2024-01-01 | granted
            bob      | messages | any     | 2024-01-01 | granted
            bob      | messages | sms     | 2024-02-01 | withdrawn
            cat      | messages | sms     | 2024-01-01 | withdrawn
            cat      | messages | any     | 2024-02-01 | granted
            dan      | messages | email   | 2024-01-01 | granted
            dan      | messages | any     | 2024-02-01 | withdrawn
        """
    },
    expect={
        "ann": dict(consents=["messages:sms"]),
        "bob": dict(consents=[consent for consent in MESSAGES if consent != "messages:sms"]),
        "cat": dict(consents=MESSAGES),
        "dan": dict(consents=[]),
    },
)

test_of_one_record_the_last_word_counts = spec(
    Customers,
    as_of="2024-07-01",
    given={
        Consents: """
            customer | purpose | changed_at          | state
            ann      | ads     | 2024-01-01 10:00:00 | withdrawn
            ann      | ads     | 2024-01-01 10:00:01 | granted
            bob      | ads     | 2024-01-01          | granted
            bob      | ads     | 2024-02-01          | withdrawn
            cat      | ads     | 2024-01-01          | granted
            cat      | ads     | 2024-01-01          | withdrawn
        """
    },
    expect={"ann": dict(consents=ADS), "bob": dict(consents=[]), "cat": dict(consents=[])},
)

test_of_several_records_the_strictest_that_says_anything_counts = spec(
    Customers,
    as_of="2024-07-01",
    given={
        Consents: """
            customer | source | person | purpose  | channel | changed_at | state
            ann      | crm    | c1     | ads      | any     | 2024-02-01 | granted
            ann      | shop   | s1     | ads      | any     | 2024-01-01 | withdrawn
            bob      | crm    | c2     | messages | email   | 2024-02-01 | granted
            bob      | shop   | s2     | messages | sms     | 2024-01-01 | withdrawn
            cat      | crm    | c3     | ads      | any     | 2024-01-01 | granted
            cat      | shop   | s3     | ads      | email   | 2024-01-01 | withdrawn
        """
    },
    expect={
        "ann": dict(consents=[]),
        "bob": dict(consents=["messages:email"]),
        "cat": dict(consents=[consent for consent in ADS if consent != "ads:email"]),
    },
)

WITHDRAWN = {
    Consents: """
        customer | purpose | changed_at          | state     | recorded_on
        ann      | ads     | 2024-06-01 10:00:00 | granted   | 2024-06-01
        ann      | ads     | 2024-06-05 10:00:00 | withdrawn | 2024-06-10
    """
}

test_a_withdrawal_counts_from_the_day_on_which_it_is_known = spec(
    Customers, as_of="2024-06-10", given=WITHDRAWN, expect={"ann": dict(consents=[])}
)
test_until_a_withdrawal_is_known_the_consent_stands = spec(
    Customers, as_of="2024-06-09", given=WITHDRAWN, expect={"ann": dict(consents=ADS)}
)
test_before_the_consent_there_is_none = spec(
    Customers, as_of="2024-05-31", given=WITHDRAWN, expect={"ann": dict(consents=[])}
)

test_who_is_not_known_by_the_day_or_by_no_identity_is_no_customer = spec(
    Customers,
    as_of="2024-07-01",
    given={
        Identifiers: """
            customer | value | recorded_on | replaced_on
            ann      | 1     | 2024-07-01  | null
            bob      | 2     | 2024-07-02  | null
            cat      | 3     | 2024-01-01  | 2024-07-01
            zoe      | 4     | 2024-01-01  | null
        """
    },
    strangers={"zoe"},
    expect={"ann": dict(persons=1, joined_on="2024-07-01"), "bob": None, "cat": None, "zoe": None},
)

test_what_a_source_says_of_a_person_is_taken_as_it_was_known_on_the_day = spec(
    Customers,
    as_of="2024-06-09",
    given={
        People: """
            customer | source | person | city     | recorded_on | replaced_on
            ann      | crm    | c1     | Shanghai | 2024-01-01  | 2024-06-10
            ann      | crm    | c1     | Beijing  | 2024-06-10  | null
        """
    },
    expect={"ann": dict(city="Shanghai")},
)
