"""Labels of response, uplift and the first order: who is included at a cutoff, and the outcome after it."""

from specification import spec

from ml.campaign_response import CampaignResponse
from ml.campaign_uplift import CampaignUplift
from ml.first_order import FirstOrder
from quanyu.model.people import People
from quanyu.model.trade import Orders

MEMBERS = {
    People: """
        customer | joined_on
        ann      | 2023-01-01
        bob      | 2023-01-01
        cat      | 2023-01-01
        dan      | null
    """,
    Orders: """
        customer | ordered_at              | kind     | status
        ann      | 2024-07-16 23:59:59.999 | purchase | paid
        bob      | 2024-07-17              | purchase | paid
        cat      | 2024-07-02              | purchase | cancelled
        dan      | 2024-07-02              | purchase | paid
    """,
}
IN_15_DAYS = {"ann": 1, "bob": 0, "cat": 0, "dan": 1, "eve": None}

test_a_campaign_is_answered_by_a_purchase_on_the_day_of_the_draw_or_in_the_14_days_after_it = spec(
    CampaignResponse, as_of="2024-07-01", given=MEMBERS, strangers={"eve"}, expect=IN_15_DAYS
)
test_uplift_has_the_same_outcome = spec(
    CampaignUplift, as_of="2024-07-01", given=MEMBERS, strangers={"eve"}, expect=IN_15_DAYS
)

test_the_first_order_is_of_who_was_found_and_has_not_bought = spec(
    FirstOrder,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at              | kind     | status
            ann      | 2024-06-01              | purchase | cancelled
            ann      | 2024-09-29 23:59:59.999 | purchase | paid
            bob      | 2024-06-01              | purchase | cancelled
            bob      | 2024-09-30              | purchase | paid
            cat      | 2024-06-01              | purchase | paid
            cat      | 2024-07-10              | purchase | paid
            eve      | 2024-07-10              | purchase | paid
        """
    },
    expect={"ann": 1, "bob": 0, "cat": None, "eve": 1},
)
