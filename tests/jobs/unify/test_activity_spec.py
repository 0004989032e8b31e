"""activity: everything a customer did, on any channel."""

from specification import spec

from quanyu.model.people import Activity, People
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

test_an_order_without_a_known_person_has_no_customer = spec(
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
        null     | order/2     | order
        null     | order/3     | order
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
