"""What a customer is worth."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Customer
from quanyu.model.trade import Orders


class Value(FeatureView):
    """What a customer is worth, by the paid purchases of a year; engagement counts the returns."""

    entity, owner, over, within = Customer, "growth", Orders, days(365)
    where = "purchase"

    orders = Feature("count(*)", "Orders, without cancelled ones.", unit="orders")
    spend = Feature("sum(amount)", "Spent on paid orders.", unit="currency")
    spend_90d = Feature("sum(amount)", "Spent in the last 90 days.", unit="currency", within=days(90))
    spend_180d = Feature("sum(amount)", "Spent in the last 180 days.", unit="currency", within=days(180))
    average_order = Feature("avg(amount)", "Mean amount of an order.", unit="currency", type="double")
    orders_ever = Feature("count(*)", "Orders of all time.", unit="orders", within=None)
