"""Where a customer can be reached: the answers of the consent gate, for each channel, and why not."""

from specification import spec

from features.customers.messaging import Reachability
from quanyu.model.people import ConsentAnswers, Consents, Identifiers, Suppressions
from quanyu.model.touch import Messages

PEOPLE = """
    customer | source | person | kind            | value          | scope
    ann      | crm    | ann    | email           | ann@shop.cn    | all
    ann      | crm    | ann    | phone           | +8613912345601 | all
    ann      | crm    | ann    | external_userid | wm-ann         | all
    ann      | crm    | ann    | openid          | o-ann          | all
    ann      | crm    | ann    | device          | d-ann          | all
    bob      | crm    | bob    | email           | family@shop.cn | all
    bob      | crm    | bob    | phone           | +8613912345602 | all
    cat      | crm    | cat    | email           | family@shop.cn | all
    dan      | crm    | dan    | email           | dan@shop.cn    | all
    dan      | crm    | dan    | phone           | +8613912345604 | all
    eve      | crm    | eve    | email           | eve@shop.cn    | all
    fay      | crm    | fay    | phone           | +8613912345606 | all
    null     | stop   | s1     | phone           | +8613912345606 | all
"""
AGREED = """
    customer | source | person | purpose  | channel | changed_at          | state
    ann      | crm    | ann    | messages | any     | 2024-01-01          | granted
    ann      | crm    | ann    | ads      | any     | 2024-01-01          | granted
    bob      | crm    | bob    | messages | any     | 2024-01-01          | granted
    bob      | crm    | bob    | ads      | any     | 2024-01-01          | granted
    cat      | crm    | cat    | messages | any     | 2024-01-01          | granted
    cat      | crm    | cat    | messages | email   | 2024-07-01 09:00:00 | withdrawn
    dan      | crm    | dan    | messages | any     | 2024-01-01          | granted
    fay      | crm    | fay    | messages | any     | 2024-01-01          | granted
"""
BOUNCED = """
    customer | source | person | message_id | status  | at         | channel
    dan      | crm    | dan    | m1         | bounced | 2024-06-20 | email
"""
LISTED = "source | person | purpose | channel\nstop | s1 | any | any"

test_the_gate_says_where_a_customer_can_be_reached_and_why_not = spec(
    Reachability,
    as_of="2024-07-01",
    given={Identifiers: PEOPLE, Consents: AGREED, Messages: BOUNCED, Suppressions: LISTED},
    expect={
        "ann": dict(email="reachable", sms="reachable", phone="reachable", wecom="reachable", app_push="reachable",
                    mini_program="reachable", ads="reachable", channels=6),
        # cat, who has the same address, withdrew.
        "bob": dict(email="barred", sms="reachable", phone="reachable", wecom="address", app_push="address",
                    mini_program="address", ads="reachable", channels=2),
        "cat": dict(email="consent", sms="address", ads="consent", channels=0),
        # The feed of events does not say at which address a message bounced.
        "dan": dict(email="consent", sms="reachable", channels=2),
        "eve": dict(email="consent", sms="consent", phone="consent", wecom="consent", channels=0),
        "fay": dict(email="address", sms="barred", phone="barred", app_push="address", channels=0),
    },
)  # fmt: skip

test_before_the_day_of_a_withdrawal_both_could_be_reached_on_the_channels_that_there_are = spec(
    ConsentAnswers,
    as_of="2024-06-30",
    given={
        Identifiers: """
            customer | source | person | kind  | scope | value
            gus      | crm    | gus    | email | all   | pair@shop.cn
            hal      | crm    | hal    | email | all   | pair@shop.cn
        """,
        Consents: """
            customer | source | person | purpose  | channel | changed_at          | state
            gus      | crm    | gus    | messages | email   | 2024-01-01          | granted
            hal      | crm    | hal    | messages | any     | 2024-01-01          | granted
            hal      | crm    | hal    | messages | any     | 2024-07-01 09:00:00 | withdrawn
        """,
    },
    expect="""
        customer | purpose  | channel      | answer
        gus      | messages | email        | reachable
        gus      | ads      | any          | consent
        hal      | messages | email        | reachable
        hal      | ads      | any          | consent
    """,
)
