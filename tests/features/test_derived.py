"""Columns derived from a customer's ordered rows: the previous row, the next one, the last, the first after."""

from specification import spec

from quanyu.grammar.feature import Feature, FeatureView, FirstAfter, Gap, Last, Next, Previous, days
from quanyu.model.entities import Customer
from quanyu.model.trade import Orders


class Rhythm(FeatureView):
    """How regularly a customer buys."""

    entity, owner, over, within = Customer, "growth", Orders, days(365)
    where = "kind = 'purchase'"
    derived = {
        "gap": Gap("ordered_at"),
        "channel_before": Previous("channel"),
        "amount_after": Next("amount"),
        "last_amount": Last("amount"),
        "returned_to_store_at": FirstAfter("ordered_at", "channel = 'store' or amount > 500"),
    }

    longest_gap = Feature("max(gap)", "Longest gap.", unit="days")
    mean_gap = Feature("avg(gap)", "Mean gap.", unit="days")
    gaps_30d = Feature("count(gap)", "Gaps that ended within 30 days.", unit="gaps", within=days(30))
    switches = Feature(
        "count_if(channel_before is not null and channel <> channel_before)", "Changes of channel.", unit="changes"
    )
    growing = Feature("count_if(amount_after > amount)", "Orders before a greater one.", unit="orders")
    above_last = Feature("count_if(amount > last_amount)", "Orders above the last one.", unit="orders")
    back_in_store = Feature(
        "min(datediff(returned_to_store_at, ordered_at))", "Days from an online order to the store.", unit="days",
        where="channel = 'online'",
    )  # fmt: skip


test_gaps_are_between_the_rows_that_the_view_is_about = spec(
    Rhythm,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at          | kind     | channel | amount
            ann      | 2024-03-01          | purchase | store   | 10
            ann      | 2024-03-05          | return   | store   | -10
            ann      | 2024-05-10          | purchase | online  | 20
            ann      | 2024-06-20 23:59:59 | purchase | store   | 5
            ann      | 2024-06-21 00:00:00 | purchase | online  | 5
            bob      | 2024-06-01          | purchase | online  | 10
        """
    },
    expect={
        "ann": dict(
            longest_gap=70, mean_gap=112 / 3, gaps_30d=2, switches=3, growing=1, above_last=2, back_in_store=41
        ),
        "bob": dict(
            longest_gap=None, mean_gap=None, gaps_30d=0, switches=0, growing=0, above_last=0, back_in_store=None
        ),
        "cat": dict(longest_gap=None, mean_gap=None, gaps_30d=0, switches=0, growing=0, back_in_store=None),
    },
)

test_what_comes_after_the_day_is_no_next_row = spec(
    Rhythm,
    as_of="2024-05-10",
    given={
        Orders: """
            customer | ordered_at | kind     | channel | amount
            ann      | 2024-05-10 | purchase | online  | 20
            ann      | 2024-05-11 | purchase | store   | 600
        """
    },
    expect={"ann": dict(growing=0, above_last=0, back_in_store=None)},
)

test_what_is_not_known_of_a_row_is_not_known_of_its_neighbour = spec(
    Rhythm,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | kind     | channel | amount
            ann      | 2024-05-01 | purchase | null    | null
            ann      | 2024-05-10 | purchase | online  | 20
            ann      | 2024-05-20 | purchase | null    | 600
        """
    },
    expect={"ann": dict(longest_gap=10, growing=1, back_in_store=10)},
)
