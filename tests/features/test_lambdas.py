"""Conditions with a lambda function, such as that of `exists`, choose the rows of views on every engine."""

from specification import spec

from quanyu.grammar.feature import Feature, FeatureView, Grouping
from quanyu.model.entities import Customer
from quanyu.model.trade import Orders

SPLIT = "split(status, '-')"


class Marked(FeatureView):
    """Orders of which a part of the status says that they are paid."""

    entity, owner, over = Customer, "growth", Orders
    where = f"exists({SPLIT}, part -> part = 'paid')"

    orders = Feature("count(*)", "Orders.", unit="orders")
    spend = Feature("sum(amount)", "Amount.", unit="currency")


class MarkedGroups(FeatureView):
    """The same, by channel."""

    entity, owner, over = Customer, "growth", Orders
    where = f"exists({SPLIT}, part -> part = 'paid')"
    groups = Grouping({"by_channel": "channel"}, {"spend": "sum(amount)"})

    channels = Feature("count(*)", "Channels.", unit="channels")


class MarkedFeature(FeatureView):
    """One feature of which the condition chooses rows."""

    entity, owner, over = Customer, "growth", Orders

    marked = Feature("count(*)", "Orders.", unit="orders", where=f"size(filter({SPLIT}, part -> part = 'paid')) > 0")


GIVEN = {
    Orders: """
        customer | ordered_at | amount | channel | status
        ann      | 2024-06-01 | 10     | store   | paid
        ann      | 2024-06-02 | 5      | web     | paid
        ann      | 2024-06-03 | 100    | web     | cancelled
        bob      | 2024-06-01 | 10     | store   | cancelled
    """,
}

test_rows_of_a_view = spec(
    Marked,
    as_of="2024-07-01",
    given=GIVEN,
    expect={"ann": dict(orders=2, spend=15), "bob": dict(orders=0, spend=0)},
)
test_rows_of_groups = spec(
    MarkedGroups, as_of="2024-07-01", given=GIVEN, expect={"ann": dict(channels=2), "bob": dict(channels=0)}
)
test_rows_of_a_feature = spec(
    MarkedFeature, as_of="2024-07-01", given=GIVEN, expect={"ann": dict(marked=2), "bob": dict(marked=0)}
)
