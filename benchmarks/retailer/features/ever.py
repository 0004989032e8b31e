"""A view without windows, of what adds up: a day costs only its new facts."""

from quanyu.grammar.feature import Feature, FeatureView
from quanyu.model.entities import Customer
from quanyu.model.trade import OrderLines


class Ever(FeatureView):
    """What a customer has bought in all time."""

    entity, owner, over = Customer, "benchmarks", OrderLines
    where = "kind = 'sale' and status = 'paid'"

    lines = Feature("count(*)", "Lines bought.", unit="lines")
    pieces = Feature("sum(quantity)", "Pieces bought.", unit="pieces")
    spend = Feature("sum(amount)", "Spent.", unit="currency")
    days_since_first = Feature("datediff(as_of, min(ordered_at))", "Whole days since the first line.", unit="days")
    days_since_last = Feature("datediff(as_of, max(ordered_at))", "Whole days since the last line.", unit="days")
