"""Most frequent values of many facts are counted by groups of equal ones, and equal those of the engine's `mode`."""

from histories import FIRST, INGESTED, History

from quanyu.point_in_time import view_parts

OWN = '''
"""Most frequent values of every type."""
from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Customer
from quanyu.model.trade import OrderLines


class Favourites(FeatureView):
    """What a customer buys most often."""

    entity, owner, over, within = Customer, "growth", OrderLines, days(120)

    sku = Feature("mode(sku, true)", "Item.")
    category = Feature("mode(products.category, true)", "Category.")
    weekday = Feature("mode(dayofweek(ordered_at), true)", "Weekday.", unit="weekday", within=None)
    day = Feature("mode(to_date(ordered_at), true)", "Day of cheap lines.", where="amount < 40")
    lines = Feature("count(*)", "Lines.", unit="lines", within=None)
    spend = Feature("sum(amount)", "Spent.", unit="currency")


class Expensive(FeatureView):
    """A view whose only part is a most frequent value, which some have none of."""

    entity, owner, over = Customer, "growth", OrderLines

    sku = Feature("mode(sku, true)", "Item of expensive lines.", where="amount > 20")
'''


def test_most_frequent_values_of_many_facts_are_those_of_few(retailer, monkeypatch):
    history = History(retailer, 3)
    retailer.declare("features/favourites.py", OWN)
    retailer.run(str(FIRST), *INGESTED)
    context = retailer.context(str(FIRST))
    for name in ("favourites", "expensive"):
        view, days = context.catalogue.views[name], [FIRST, FIRST.replace(month=2)]
        rows = []
        for many in (1_000_000, 0):
            monkeypatch.setattr(view_parts, "MANY_FACTS", many)
            table = view_parts.compute(context, view, *days).toArrow()
            rows.append(sorted(table.to_pylist(), key=str))
        assert rows[0], (name, many)
        assert rows[0] == rows[1]
    assert history.day == FIRST
