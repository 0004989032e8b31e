"""Aggregates as plans: what is aggregated, over which rows, and the expression around it, safe on both engines."""

from quanyu.expressions.aggregates.aggregate import Aggregate, Window
from quanyu.expressions.aggregates.plan import AggregateExpression, any_of, condition, plan

__all__ = ["Aggregate", "AggregateExpression", "Window", "any_of", "condition", "plan"]
