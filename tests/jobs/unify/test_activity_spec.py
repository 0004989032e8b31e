"""activity: everything a customer did, on any channel."""

from specification import spec

from quanyu.model.knowledge import Activities, ActivityPeople, Complaints, Reviews, ServiceChats
from quanyu.model.outlets import Scans
from quanyu.model.people import Activity, People
from quanyu.model.touch import Contacts, Events, Groups, Messages
from quanyu.model.trade import OrderLines, Orders

test_an_order_is_an_act_of_its_customer_with_its_channel_and_amount = spec(
    Activity,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | order_id | ordered_at          | channel | amount
            ann      | 1        | 2024-06-01 10:30:00 | store   | 10.50
            bob      | 2        | 2024-06-02 00:00:00 | null    | null
        """
    },
    expect="""
        customer | activity_id | kind  | at                  | channel | amount | source
        ann      | order/1     | order | 2024-06-01 10:30:00 | store   | 10.50  | spec
        bob      | order/2     | order | 2024-06-02 00:00:00 | null    | null   | spec
    """,
)

test_a_cancelled_order_is_a_cancellation_whatever_its_kind_and_a_pending_one_is_not = spec(
    Activity,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | order_id | ordered_at | kind     | status
            ann      | 1        | 2024-06-01 | purchase | cancelled
            ann      | 2        | 2024-06-01 | return   | cancelled
            ann      | 3        | 2024-06-01 | purchase | pending
            ann      | 4        | 2024-06-01 | return   | pending
        """
    },
    expect="""
        customer | activity_id | kind
        ann      | order/1     | cancel
        ann      | order/2     | cancel
        ann      | order/3     | order
        ann      | order/4     | return
    """,
)

test_a_receipt_of_a_return_is_one_return_and_its_lines_are_not_counted_again = spec(
    Activity,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | order_id | ordered_at | kind   | channel | amount
            ann      | 1        | 2024-06-01 | return | store   | -30
        """,
        OrderLines: """
            customer | order_id | line | ordered_at | kind   | amount
            ann      | 1        | 1    | 2024-06-01 | return | -10
            ann      | 1        | 2    | 2024-06-01 | return | -20
        """,
    },
    expect="""
        customer | activity_id | kind   | channel | amount
        ann      | order/1     | return | store   | -30.00
    """,
)

test_returned_lines_without_a_receipt_are_one_return_on_the_channel_of_their_order = spec(
    Activity,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | order_id | ordered_at          | channel | amount
            ann      | 1        | 2024-06-01 10:00:00 | online  | 100
        """,
        OrderLines: """
            customer | order_id | line | ordered_at          | kind       | status    | amount
            ann      | 1        | 1    | 2024-06-01 10:00:00 | sale       | paid      | 130
            ann      | 1        | 2    | 2024-06-11 12:00:00 | return     | paid      | -10
            ann      | 1        | 3    | 2024-06-10 12:00:00 | return     | paid      | -20.50
            ann      | 1        | 4    | 2024-06-09 12:00:00 | return     | cancelled | -40
            ann      | 1        | 5    | 2024-06-09 12:00:00 | adjustment | paid      | -1
        """,
    },
    expect="""
        customer | activity_id | kind   | at                  | channel | amount
        ann      | order/1     | order  | 2024-06-01 10:00:00 | online  | 100.00
        ann      | return/1    | return | 2024-06-10 12:00:00 | online  | -30.50
    """,
)

test_returned_lines_of_an_unknown_order_are_a_return_without_a_channel = spec(
    Activity,
    as_of="2024-07-01",
    given={
        OrderLines: """
            customer | order_id | ordered_at | kind   | amount
            ann      | 1        | 2024-06-01 | return | -10
        """
    },
    expect="""
        customer | activity_id | kind   | channel | amount
        ann      | return/1    | return | null    | -10.00
    """,
)

test_joining_is_an_act_at_the_beginning_of_its_day = spec(
    Activity,
    as_of="2024-07-01",
    given={
        People: """
            customer | source | person | joined_on
            ann      | crm    | c1     | 2024-06-01
            ann      | shop   | s1     | 2024-06-02
            bob      | crm    | c2     | null
        """
    },
    expect="""
        customer | source | activity_id | kind | at                  | channel | amount
        ann      | crm    | join/c1     | join | 2024-06-01 00:00:00 | null    | null
        ann      | shop   | join/s1     | join | 2024-06-02 00:00:00 | null    | null
    """,
)

test_an_order_without_a_known_person_is_nobodys_act = spec(
    Activity,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | order_id | ordered_at
            ann      | 1        | 2024-06-01
            zoe      | 2        | 2024-06-01
            null     | 3        | 2024-06-01
        """
    },
    strangers={"zoe"},
    expect="""
        customer | activity_id | kind
        ann      | order/1     | order
    """,
)

test_the_same_order_number_in_two_sources_is_two_acts = spec(
    Activity,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | source | order_id | ordered_at | kind     | channel
            ann      | pos    | 1        | 2024-06-01 | return   | store
            ann      | shop   | 1        | 2024-06-02 | purchase | online
        """,
        OrderLines: """
            customer | source | order_id | ordered_at | kind   | amount
            ann      | shop   | 1        | 2024-06-02 | return | -10
        """,
    },
    expect="""
        customer | source | activity_id | kind   | channel
        ann      | pos    | order/1     | return | store
        ann      | shop   | order/1     | order  | online
        ann      | shop   | return/1    | return | online
    """,
)

CHANGED = {
    Orders: """
        customer | order_id | ordered_at          | status    | recorded_on | replaced_on
        ann      | 1        | 2024-06-01 10:00:00 | paid      | 2024-06-01  | 2024-06-10
        ann      | 1        | 2024-06-01 10:00:00 | cancelled | 2024-06-10  | null
        ann      | 2        | 2024-06-10 00:00:00 | paid      | 2024-06-09  | null
    """
}

test_acts_are_those_up_to_the_end_of_the_day_as_known_on_it = spec(
    Activity,
    as_of="2024-06-09",
    given=CHANGED,
    expect="""
        customer | activity_id | kind
        ann      | order/1     | order
    """,
)

test_an_order_that_is_cancelled_later_becomes_a_cancellation = spec(
    Activity,
    as_of="2024-06-10",
    given=CHANGED,
    expect="""
        customer | activity_id | kind
        ann      | order/1     | cancel
        ann      | order/2     | order
    """,
)

test_before_the_first_fact_there_is_no_act = spec(
    Activity, as_of="2024-05-31", given=CHANGED, expect="customer | activity_id"
)

test_what_somebody_does_in_an_app_is_an_act_and_what_a_bot_does_is_not = spec(
    Activity,
    as_of="2024-07-01",
    given={
        Events: """
            customer | event_id | kind   | at                  | app          | sku | store | order_id | amount | is_bot
            ann      | 1        | view   | 2024-06-01 10:00:00 | mini_program | A1  | null  | null     | null   | false
            ann      | 2        | search | 2024-06-01 10:01:00 | web          | null | null | null     | null   | false
            ann      | 3        | pay    | 2024-06-01 10:02:00 | mini_program | null | mall | o1       | 20     | false
            null     | 4        | view   | 2024-06-01 10:03:00 | web          | A2  | null  | null     | null   | true
        """,
        Scans: """
            customer | scan_id | scanned_at          | sku | outlet
            ann      | 5       | 2024-06-02 10:00:00 | A3  | D1
        """,
    },
    expect="""
        customer | activity_id | kind   | by_customer | channel      | sku  | order_id | store | outlet | amount
        ann      | event/1     | view   | True        | mini_program | A1   | null     | null  | null   | null
        ann      | event/2     | search | True        | web          | null | null     | null  | null   | null
        ann      | event/3     | pay    | True        | mini_program | null | o1       | mall  | null   | null
        ann      | scan/5      | scan   | True        | null         | A3   | null     | null  | D1     | null
    """,
)

test_a_message_that_was_sent_is_no_act_of_the_customers_own_and_one_that_was_opened_is = spec(
    Activity,
    as_of="2024-07-01",
    given={
        Messages: """
            customer | message_id | status       | at                  | channel | campaign
            ann      | 1          | sent         | 2024-06-01 10:00:00 | email   | C1
            ann      | 1          | delivered    | 2024-06-01 10:00:01 | email   | C1
            ann      | 1          | opened       | 2024-06-01 11:00:00 | email   | C1
            ann      | 1          | clicked      | 2024-06-01 11:00:05 | email   | C1
            ann      | 1          | unsubscribed | 2024-06-01 11:01:00 | email   | C1
            ann      | 2          | bounced      | 2024-06-02 10:00:00 | sms     | null
            ann      | 3          | replied      | 2024-06-03 10:00:00 | wecom   | null
            ann      | 4          | complained   | 2024-06-03 10:00:00 | email   | null
            ann      | 5          | failed       | 2024-06-03 10:00:00 | email   | null
        """
    },
    expect="""
        customer | activity_id            | kind                 | by_customer | channel | campaign
        ann      | message/sent/1         | message_sent         | False       | email   | C1
        ann      | message/delivered/1    | message_delivered    | False       | email   | C1
        ann      | message/opened/1       | message_opened       | True        | email   | C1
        ann      | message/clicked/1      | message_clicked      | True        | email   | C1
        ann      | message/unsubscribed/1 | message_unsubscribed | True        | email   | C1
        ann      | message/bounced/2      | message_bounced      | False       | sms     | null
        ann      | message/replied/3      | message_replied      | True        | wecom   | null
        ann      | message/complained/4   | message_complained   | True        | email   | null
    """,
)

test_steps_in_an_activity_are_acts_at_its_store = spec(
    Activity,
    as_of="2024-07-01",
    given={
        Activities: """
            activity | store
            T1       | S1
        """,
        ActivityPeople: """
            customer | person | activity | step    | at                  | amount
            ann      | a      | T1       | signup  | 2024-06-01 10:00:00 | null
            ann      | a      | T1       | checkin | 2024-06-08 10:00:00 | null
            ann      | a      | T2       | presale | 2024-06-08 11:00:00 | 50
        """,
    },
    expect="""
        customer | activity_id  | kind    | channel | store | amount
        ann      | signup/T1/a  | signup  | store   | S1    | null
        ann      | checkin/T1/a | checkin | store   | S1    | null
        ann      | presale/T2/a | presale | store   | null  | 50.00
    """,
)

test_contacts_and_groups_begin_and_end_and_whom_an_employee_deleted_did_nothing = spec(
    Activity,
    as_of="2024-07-01",
    given={
        Contacts: """
            customer | person | staff_user | added_at   | deleted_at | deleted_by
            ann      | a      | w1         | 2024-06-01 | 2024-06-20 | customer
            ann      | a      | w2         | 2024-06-02 | 2024-06-21 | staff
            ann      | a      | w3         | 2024-06-03 | 2024-07-09 | customer
        """,
        Groups: """
            customer | person | chat_id | joined_at           | quit_at
            ann      | a      | g1      | 2024-06-05 10:00:00 | 2024-06-25 10:00:00
        """,
    },
    expect="""
        customer | activity_id                         | kind            | by_customer | channel
        ann      | contact_added/w1/a                  | contact_added   | True        | wecom
        ann      | contact_added/w2/a                  | contact_added   | True        | wecom
        ann      | contact_added/w3/a                  | contact_added   | True        | wecom
        ann      | contact_deleted/w1/a                | contact_deleted | True        | wecom
        ann      | contact_removed/w2/a                | contact_removed | False       | wecom
        ann      | group_joined/g1/a/2024-06-05 10:00:00 | group_joined  | True        | wecom
        ann      | group_quit/g1/a/2024-06-05 10:00:00   | group_quit    | True        | wecom
    """,
)

test_reviews_chats_and_complaints_are_acts_and_a_chat_is_one = spec(
    Activity,
    as_of="2024-07-01",
    given={
        Reviews: """
            customer | review_id | at                  | order_id | sku
            ann      | 1         | 2024-06-01 10:00:00 | o1       | A1
        """,
        ServiceChats: """
            customer | chat_id | turn | at                  | speaker
            ann      | 2       | 2    | 2024-06-02 10:00:30 | agent
            ann      | 2       | 1    | 2024-06-02 10:00:00 | customer
        """,
        Complaints: """
            customer | complaint_id | at                  | channel | store | status | updated_at
            ann      | 3            | 2024-06-03 10:00:00 | phone   | S1    | open   | 2024-06-03 10:00:00
        """,
    },
    expect="""
        customer | activity_id | kind         | at                  | order_id | sku  | channel | store
        ann      | review/1    | review       | 2024-06-01 10:00:00 | o1       | A1   | null    | null
        ann      | chat/2      | service_chat | 2024-06-02 10:00:00 | null     | null | null    | null
        ann      | complaint/3 | complaint    | 2024-06-03 10:00:00 | null     | null | phone   | S1
    """,
)
