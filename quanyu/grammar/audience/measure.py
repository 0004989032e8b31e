"""An audience's own measure: an aggregate over the facts of one table, also over sequences of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from quanyu.expressions.aggregates import AggregateExpression
from quanyu.grammar.bounds import StrictModel
from quanyu.grammar.declaration import written_days
from quanyu.grammar.feature.derived import FirstAfter
from quanyu.grammar.row_expressions import planned, reach
from quanyu.grammar.table import Column, Table

Within = Annotated[int | None, written_days("a window", "30 days")]


class Following(StrictModel):
    """A value of the first later fact of the same entity that meets a condition; null where there is none."""

    of: str = Field(description="column of the later fact, such as `at`")
    where: str = Field(description="condition of the later fact, such as `kind = 'order'`")

    def derived(self) -> FirstAfter:
        """The column as views of features derive it."""
        return FirstAfter(self.of, self.where)


class Measure(StrictModel):
    """An audience's own aggregate over one table, within a number of days before `as_of`."""

    over: str = Field(description="table of facts about the entity, such as orders")
    via: str | None = Field(None, description="column of the table that names the entity, where several do")
    value: str = Field(description="aggregate over its rows, such as `sum(amount)`")
    where: str | None = Field(None, description="condition of the rows that count")
    within: Within = Field(None, description="window that ends with the day; without it, all time")
    after: dict[str, Following] = Field(
        {}, description="columns from the first later fact that meets a condition, by name: for what follows on what"
    )

    def columns(self, tables: Mapping[str, type[Table]]) -> dict[str, Column]:
        """Columns that the value and the condition may name. Raises ExpressionError for an invalid `after`."""
        reached = reach(tables[self.over], tables)
        return {**reached, **{name: following.derived().column(reached) for name, following in self.after.items()}}

    def plan(self, tables: Mapping[str, type[Table]]) -> AggregateExpression:
        """Plan of the computation. Raises ExpressionError if the measure is invalid."""
        return planned(tables[self.over], self.columns(tables), self.value, self.where, self.within)
