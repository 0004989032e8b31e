"""Labels of models: what comes in the days after a cutoff."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from quanyu.expressions.aggregates import AggregateExpression
from quanyu.grammar.feature import planned, reach
from quanyu.grammar.table import Table


@dataclass(frozen=True)
class Label:
    """A number over the rows of a table in the days after the cutoff, up to and including the horizon."""

    over: str
    """Table with these rows."""
    horizon_days: int
    """Days after the cutoff in which they count."""
    where: str = ""
    """Condition of the rows that count."""
    value: str = "count(*)"
    """Aggregate of these rows, such as `sum(amount)`."""

    def window(self, cutoff: date) -> tuple[date, date]:
        """Return the first and last day of the label (both inclusive). The cutoff's own day belongs to the features."""
        return cutoff + timedelta(days=1), cutoff + timedelta(days=self.horizon_days)

    def plan(self, tables: Mapping[str, type[Table]]) -> AggregateExpression:
        """Plan of the aggregate within the horizon that ends with `as_of`. Raises ExpressionError."""
        table = tables[self.over]
        return planned(table, reach(table, tables), self.value, self.where or None, self.horizon_days)

    def sql(self, plan: AggregateExpression) -> str:
        """SQL of the label from the columns of its plan."""
        return f"cast({plan.value()} as double)"


@dataclass(frozen=True)
class NoneOf(Label):
    """1 for entities without such a row, else 0."""

    value: str = field(default="count(*)", init=False)
    """Always the number of these rows."""

    def sql(self, plan: AggregateExpression) -> str:
        """1 where the plan counts no row."""
        return f"if({plan.value()} = 0, 1, 0)"
