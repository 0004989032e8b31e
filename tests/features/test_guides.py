"""What guides do: contacts, messages, sales, and customers who return to them."""

from specification import Scene, spec

from features.guides import GuideClients, GuideContacts, GuideMessages, GuideSales
from quanyu.model.entities import StaffMember
from quanyu.model.supply import Staff
from quanyu.model.touch import Contacts, Messages
from quanyu.model.trade import Orders

STAFF = "staff | wecom_user\neva | w-eva\nfay | w-fay\ngus |"

test_facts_lead_to_a_guide_by_the_user_id_in_wecom = spec(
    GuideContacts,
    as_of="2024-07-01",
    given={
        Staff: STAFF,
        Contacts: """
            customer | staff_user | added_at   | deleted_at | deleted_by
            ann      | w-eva      | 2024-06-02 |            |
            bob      | w-eva      | 2024-06-01 |            |
            cat      | w-eva      | 2024-01-01 | 2024-06-01 | customer
            dan      | w-eva      | 2024-01-01 | 2024-07-02 | customer
            ann      | w-nobody   | 2024-06-02 |            |
        """,
    },
    expect={
        "eva": dict(current=3, added_30d=1, ever=4, lost_share=0.25),
        "fay": dict(current=0, added_30d=0, ever=0, lost_share=None),
        "gus": dict(current=0),
    },
)
test_a_user_id_that_went_to_somebody_else_leads_to_who_has_it_on_the_day = spec(
    GuideContacts,
    as_of="2024-07-01",
    given={
        Staff: """
            staff | wecom_user | recorded_on | replaced_on
            eva   | w-1        | 2024-01-01  | 2024-06-01
            fay   | w-2        | 2024-01-01  | 2024-06-01
            fay   | w-1        | 2024-06-01  | 2024-07-02
            gus   | w-1        | 2024-07-02  |
        """,
        Contacts: "customer | staff_user | added_at\nann | w-1 | 2024-01-02\nbob | w-2 | 2024-01-02",
    },
    # Nobody else has w-2 since, so what was done under it remains hers.
    expect={"fay": dict(current=2), "eva": None, "gus": None},
)
test_messages_that_are_opened_and_answered = spec(
    GuideMessages,
    as_of="2024-07-01",
    given={
        Staff: STAFF,
        Messages: """
            customer | message_id | status  | at         | channel | sender
            ann      | m1         | sent    | 2024-06-20 | wecom   | w-eva
            ann      | m1         | opened  | 2024-06-21 | wecom   | w-eva
            ann      | m2         | sent    | 2024-06-22 | wecom   | w-eva
            bob      | m3         | sent    | 2024-06-22 | wecom   | w-eva
            bob      | m3         | replied | 2024-06-22 | wecom   | w-eva
            bob      | m4         | sent    | 2024-05-22 | wecom   | w-eva
            cat      | m5         | failed     | 2024-06-22 | wecom   | w-eva
            dan      | m6         | not_friend | 2024-06-22 | wecom   | w-eva
            dan      | m7         | failed     | 2024-06-22 | wecom   | w-fay
        """,
    },
    # Whom a message did not reach was not written to.
    expect={
        "eva": dict(sent=3, opened=2, replies=1, replies_ever=1, people=2),
        "fay": dict(sent=0, opened=0, replies=0, replies_ever=0, people=0),
    },
)
ORDERS = """
    customer | order_id | ordered_at | kind     | amount | pieces | guide
    ann      | 1        | 2024-06-30 | purchase | 60     | 3      | eva
    ann      | 2        | 2024-06-01 | purchase | 40     | 1      | eva
    bob      | 3        | 2024-01-01 | purchase | 40     | 1      | eva
    null     | 4        | 2024-06-01 | purchase | 20     | 2      | eva
    ann      | 5        | 2024-06-30 | return   | -60    | -3     | eva
"""
test_what_a_guide_sells = spec(
    GuideSales, as_of="2024-07-01", given={Staff: STAFF, Orders: ORDERS},
    expect={
        "eva": dict(orders=3, sales=120, average_order=40, pieces_per_order=2),
        "fay": dict(orders=0, sales=0, average_order=None, pieces_per_order=None),
    },
)  # fmt: skip
test_people_who_return_to_a_guide = spec(
    GuideClients, as_of="2024-07-01", given={Staff: STAFF, Orders: ORDERS},
    expect={
        "eva": dict(people=2, returning=1, returning_share=0.5),
        "fay": dict(people=0, returning=0, returning_share=None),
    },
)  # fmt: skip
CLIENTS = [f"c{n}" for n in range(10)]
test_how_guides_do = spec(
    Scene("guide_performance", StaffMember),
    as_of="2024-07-01",
    given={
        Staff: """
            staff | wecom_user | role          | hired_on   | left_on
            eva   | w-eva      | guide         | 2024-05-01 |
            fay   | w-fay      | guide         | 2020-01-01 |
            gus   | w-gus      | guide         | 2020-01-01 | 2024-06-30
            hal   | w-hal      | store_manager | 2020-01-01 |
            ida   |            | guide         | 2023-01-01 |
        """,
        Contacts: "\n".join([
            "customer | staff_user | added_at | deleted_at | deleted_by",
            *(f"{c} | w-fay | 2024-01-01 | |" for c in CLIENTS),
            *(f"gone{n} | w-fay | 2024-01-01 | 2024-06-01 | customer" for n in range(3)),
            "ann | w-eva | 2024-01-01 | |",
        ]),
        Messages: """
            customer | message_id | status  | at         | channel | sender
            ann      | m1         | sent    | 2024-06-20 | wecom   | w-eva
            ann      | m1         | replied | 2024-06-21 | wecom   | w-eva
            ann      | m2         | sent    | 2024-06-22 | wecom   | w-eva
            ann      | m3         | sent    | 2024-06-22 | wecom   | w-hal
            ann      | m4         | sent    | 2024-06-22 | wecom   | w-gus
            ann      | m5         | replied | 2024-01-22 | wecom   | w-gus
        """,
        Orders: "\n".join([
            "customer | ordered_at | guide | amount",
            *(f"{c} | 2024-06-0{day} | eva | 9" for c in CLIENTS for day in (1, 2)),
            *(f"{c} | 2024-01-01 | fay | 9" for c in CLIENTS), *(f"{c} | 2024-01-01 | ida | 9" for c in CLIENTS),
            "ann | 2024-06-01 | fay | 500", "ann | 2024-06-01 | ida | 5", "ann | 2024-06-01 | hal | 5",
        ]),
    },
    expect={
        "eva": dict(employed=True, tenure="new", reply_rate=0.5, open_rate=0.5, sales_band="middle",
                    returning_band="high", silent=False, annoying=False),
        "fay": dict(employed=True, tenure="long", reply_rate=None, open_rate=None, sales_band="high",
                    returning_band="low", silent=True, annoying=True),
        # Answers to him were told of before; of none to hal, so that who answers is not known.
        "gus": dict(employed=False, tenure=None, sales_band=None, silent=False, reply_rate=0),
        "hal": dict(employed=False, sales_band=None, reply_rate=None, open_rate=0),
        "ida": dict(tenure="within_three_years", sales_band="low"),
    },
)  # fmt: skip

test_a_guide_whom_many_of_few_contacts_deleted_is_judged_by_all_that_were = spec(
    Scene("guide_performance", StaffMember),
    as_of="2024-07-01",
    given={
        Staff: "staff | wecom_user\nfay | w-fay\ngus | w-gus\nhal | w-hal",
        Contacts: "\n".join([
            "customer | staff_user | added_at | deleted_at | deleted_by",
            *(f"{c} | w-fay | 2024-01-01 | |" for c in CLIENTS[:9]),
            *(f"gone{n} | w-fay | 2024-01-01 | 2024-06-01 | customer" for n in range(30)),
            *(f"{c} | w-gus | 2024-01-01 | |" for c in CLIENTS[:6]),
            *(f"gone{n} | w-gus | 2024-01-01 | 2024-06-01 | customer" for n in range(3)),
            *(f"{c} | w-hal | 2024-01-01 | |" for c in CLIENTS),
            *(f"gone{n} | w-hal | 2024-01-01 | 2024-06-01 | staff" for n in range(30)),
        ]),
    },
    expect={"fay": dict(annoying=True), "gus": dict(annoying=False), "hal": dict(annoying=False)},
)  # fmt: skip
