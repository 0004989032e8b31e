"""Messages, browsing, voice, community, and how a customer can be reached."""

from hashlib import sha256

from specification import Scene, spec

from features.customers.browsing import Browsing
from features.customers.community import Communities, Guides, Participation
from features.customers.messaging import Messaging
from features.customers.purchase_paths import Referrals
from features.customers.voice import Complaining, Inquiries, Reviewing
from quanyu.model.knowledge import ActivityPeople, Complaints, Reviews, ServiceChats
from quanyu.model.people import Consents, Identifiers
from quanyu.model.touch import Contacts, Events, Groups, Messages
from quanyu.model.trade import Orders

test_what_a_customer_does_with_messages = spec(
    Messaging,
    as_of="2024-07-01",
    given={
        Messages: """
            customer | message_id | status       | at         | channel
            ann      | m1         | sent         | 2024-04-20 | email
            ann      | m2         | sent         | 2024-06-20 | email
            ann      | m2         | opened       | 2024-06-21 | email
            ann      | m2         | clicked      | 2024-06-21 | email
            ann      | m3         | bounced      | 2024-06-21 | sms
            bob      | m4         | sent         | 2024-06-20 | wecom
            bob      | m4         | unsubscribed | 2024-06-20 | wecom
        """
    },
    expect={
        "ann": dict(received=2, received_30d=1, opened=1, clicked=1, channel="email", days_since_opened=10,
                    unsubscribed=0),
        "bob": dict(received=1, received_30d=1, opened=0, clicked=0, channel=None, days_since_opened=None,
                    unsubscribed=1),
        "cat": dict(received=0, received_30d=0),
    },
)  # fmt: skip

test_a_robot_does_not_browse = spec(
    Browsing,
    as_of="2024-07-01",
    given={
        Events: """
            customer | at         | kind   | sku | is_bot | campaign | shared_by
            ann      | 2024-06-01 | view   | c1  | false  | null     | null
            ann      | 2024-06-01 | view   | c2  | false  | null     | null
            ann      | 2024-06-02 | search |     | false  | null     | page-of-bob
            ann      | 2024-06-02 | cart   | c1  | false  | autumn   | null
            ann      | 2024-02-02 | share  | c1  | false  | spring   | null
            ann      | 2024-01-03 | view   | c3  | true   | winter   | page-of-bob
            bob      | 2024-01-01 | view   | c1  | false  | null     | page-of-ann
            bob      | 2024-01-02 | view   | c1  | false  | spring   | null
        """
    },
    expect={
        "ann": dict(
            visits=2,
            views=2,
            products=2,
            searches=1,
            carts=1,
            shares=1,
            days_since_visit=29,
            entry_campaign="spring",
            entry_shared=False,
        ),
        "bob": dict(
            visits=0,
            views=0,
            products=0,
            searches=0,
            carts=0,
            shares=0,
            days_since_visit=181,
            entry_campaign="",
            entry_shared=True,
        ),
    },
)

test_reviews = spec(
    Reviewing,
    as_of="2024-07-01",
    given={
        Reviews: """
            customer | at         | stars | images
            ann      | 2024-06-01 | 5     | 2
            ann      | 2024-06-02 | 4     | 0
            ann      | 2023-06-02 | 1     | 0
        """
    },
    expect={"ann": dict(reviews=2, stars=4.5, pictures=1), "bob": dict(reviews=0, stars=None, pictures=0)},
)
test_chats = spec(
    Inquiries,
    as_of="2024-07-01",
    given={
        ServiceChats: """
            customer | chat_id | turn | at
            ann      | c1      | 1    | 2024-06-01
            ann      | c1      | 2    | 2024-06-01
            ann      | c2      | 1    | 2024-06-02
        """
    },
    expect={"ann": dict(chats=2), "bob": dict(chats=0)},
)
test_complaints = spec(
    Complaining,
    as_of="2024-07-01",
    given={
        Complaints: """
            customer | at         | status | updated_at
            ann      | 2024-06-01 | open   | 2024-06-01
            ann      | 2024-06-02 | closed | 2024-06-03
        """
    },
    expect={"ann": dict(complaints=2, unresolved=1), "bob": dict(complaints=0, unresolved=0)},
)
test_a_contact_or_membership_that_ended_does_not_count = spec(
    Guides,
    as_of="2024-07-01",
    given={
        Contacts: """
            customer | staff_user | added_at   | deleted_at | deleted_by
            ann      | u1         | 2024-01-01 |            |
            ann      | u2         | 2024-01-01 | 2024-06-01 | customer
            ann      | u3         | 2024-01-01 | 2024-07-02 | staff
        """
    },
    expect={"ann": dict(contacts=2, deleted=1), "bob": dict(contacts=0, deleted=0)},
)
test_groups_that_a_customer_left_do_not_count = spec(
    Communities,
    as_of="2024-07-01",
    given={
        Groups: """
            customer | chat_id | joined_at  | quit_at
            ann      | g1      | 2024-01-01 |
            ann      | g2      | 2024-01-01 | 2024-06-01
        """
    },
    expect={"ann": dict(groups_in=1), "bob": dict(groups_in=0)},
)
test_activities = spec(
    Participation,
    as_of="2024-07-01",
    given={
        ActivityPeople: """
            customer | activity | step    | at
            ann      | a1       | signup  | 2024-06-01
            ann      | a1       | checkin | 2024-06-02
            ann      | a2       | signup  | 2024-06-01
        """
    },
    expect={"ann": dict(signups=2, checkins=1), "bob": dict(signups=0, checkins=0)},
)

# Pages are shared under the SHA-256 of an identifier.
SHARED_BY_ANN, SHARED_BY_CAT, SHARED_BY_DAN = (sha256(value).hexdigest() for value in (b"o-ann", b"o-cat", b"o-dan"))

test_whom_a_customer_brings = spec(
    Referrals,
    as_of="2024-07-01",
    given={
        Events: f"""
            customer | at         | kind | shared_by
            bob      | 2024-06-01 | view | {SHARED_BY_ANN}
            bob      | 2024-06-02 | view | {SHARED_BY_ANN}
            bob      | 2024-06-03 | view | {SHARED_BY_CAT}
            null     | 2024-06-03 | view | {SHARED_BY_ANN}
            old      | 2024-06-03 | view | {SHARED_BY_ANN}
            old      | 2024-06-03 | view | {SHARED_BY_CAT}
        """,
        Orders: """
            customer | ordered_at | amount | status
            bob      | 2024-06-20 | 30     | paid
            bob      | 2024-06-21 | 99     | cancelled
            bob      | 2024-05-20 | 99     | paid
            bob      | 2024-07-20 | 99     | paid
            old      | 2024-06-20 | 50     | paid
        """,
        Identifiers: """
            customer | kind   | scope | value | recorded_on
            ann      | openid | mall  | o-ann | 2024-01-01
            bob      | openid | mall  | o-bob | 2024-06-01
            cat      | openid | mall  | o-cat | 2024-01-01
            old      | openid | mall  | o-old | 2024-01-01
        """,
    },
    expect={
        "ann": dict(visits=4, people=1, buyers=1, revenue=30),
        "bob": dict(visits=0, people=0, buyers=0, revenue=0),
        # Whoever was a customer before was not brought, and bob was by ann.
        "cat": dict(visits=2, people=0, buyers=0, revenue=0),
    },
)

test_whom_he_brought_who_bought_is_of_all_time = spec(
    Referrals,
    as_of="2026-07-01",
    given={
        Events: f"customer | at | kind | shared_by\nbob | 2024-06-01 | view | {SHARED_BY_DAN}",
        Orders: "customer | ordered_at | amount\nbob | 2024-06-20 | 30",
        Identifiers: """
            customer | kind   | scope | value | recorded_on
            dan      | openid | mall  | o-dan | 2024-01-01
            bob      | openid | mall  | o-bob | 2024-06-01
        """,
    },
    expect={"dan": dict(visits=0, people=0, buyers=1, revenue=0)},
)

test_what_a_customer_does_beyond_buying = spec(
    Scene("social"),
    as_of="2024-07-01",
    given={
        Reviews: """
            customer | at         | stars | images
            ann      | 2024-06-01 | 5     | 2
            ann      | 2024-06-02 | 5     | 0
            bob      | 2024-06-02 | 1     | 0
        """,
        Events: f"""
            customer | at         | kind  | shared_by
            ann      | 2024-06-01 | share |
            ann      | 2024-06-02 | share |
            ann      | 2024-06-03 | share |
            bob      | 2024-06-03 | view  | {SHARED_BY_ANN}
        """,
        Identifiers: """
            customer | kind   | scope | value | recorded_on
            ann      | openid | mall  | o-ann | 2024-01-01
            bob      | openid | mall  | o-bob | 2024-06-03
        """,
        ActivityPeople: "customer | activity | step | at\nann | a1 | checkin | 2024-06-02",
    },
    expect={
        "ann": dict(referrer=True, reviewer=True, promoter=True, sharer=True, guest=True, unhappy=False),
        "bob": dict(referrer=False, reviewer=False, promoter=False, sharer=False, guest=False, unhappy=True),
    },
)

test_how_a_customer_can_be_reached = spec(
    Scene("reach"),
    as_of="2024-07-01",
    given={
        Identifiers: """
            customer | source | person | kind            | value
            ann      | crm    | 1      | email           | a@shop.cn
            ann      | crm    | 1      | phone           | +8613912345601
            ann      | crm    | 1      | external_userid | w1
            bob      | crm    | 2      | email           | b@shop.cn
        """,
        Consents: """
            customer | source | person | purpose  | channel | state     | changed_at
            ann      | crm    | 1      | messages | email   | granted   | 2024-01-01
            ann      | crm    | 1      | messages | sms     | granted   | 2024-01-01
            ann      | crm    | 1      | messages | wecom   | granted   | 2024-01-01
            ann      | crm    | 1      | ads      | any     | granted   | 2024-01-01
            bob      | crm    | 2      | messages | email   | withdrawn | 2024-01-01
            bob      | crm    | 2      | messages | sms     | granted   | 2024-01-01
        """,
        Messages: """
            customer | source | person | message_id | status | at         | channel
            ann      | crm    | 1      | m1         | opened | 2024-06-20 | email
            bob      | crm    | 2      | m2         | sent   | 2024-06-20 | email
            bob      | crm    | 2      | m3         | sent   | 2024-06-20 | email
            bob      | crm    | 2      | m4         | sent   | 2024-06-20 | email
            bob      | crm    | 2      | m5         | sent   | 2024-06-20 | email
        """,
        Contacts: "customer | source | person | staff_user | added_at\nann | crm | 1 | u1 | 2024-01-01",
        Groups: "customer | source | person | chat_id | joined_at\nann | crm | 1 | g1 | 2024-01-01",
    },
    expect={
        "ann": dict(by_email=True, by_sms=True, by_wecom=True, by_ads=True, channels="several", email="reachable",
                    sms="reachable", wecom="reachable", reads_messages=True, fatigued=False, wecom_friend=True,
                    group_member=True),
        "bob": dict(by_email=False, by_sms=False, by_wecom=False, by_ads=False, channels="none", email="no_consent",
                    sms="no_address", wecom="no_consent", reads_messages=False, fatigued=True, wecom_friend=False,
                    group_member=False),
    },
)  # fmt: skip
