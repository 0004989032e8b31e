"""Groups of an entity's rows, such as those of a category: features then aggregate groups instead of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from quanyu.errors import ExpressionError
from quanyu.expressions import check_columns, check_domain, parse, type_of
from quanyu.expressions.aggregates import AggregateExpression
from quanyu.expressions.datatypes import element
from quanyu.grammar.table import TYPE, Column


@dataclass(frozen=True)
class Grouping:
    """What a view groups the rows of an entity by, and what it knows of each group.

    With `Grouping({"category": "products.category"}, {"spend": "sum(amount)"})`, a feature may be
    `max_by(category, spend)`, or `max(spend) / sum(spend)`. The rows are those of the view's own window. A row with a
    list, such as `{"word": "split(products.style_words, '、')"}`, is in the group of each of its values.
    """

    by: Mapping[str, str]
    """Columns of a group by name, each an expression over a row: a value, or a list of values."""
    values: Mapping[str, str]
    """Columns of a group by name, each an aggregate over the group's rows."""

    def texts(self) -> list[str]:
        """Every expression over rows."""
        return [*self.by.values(), *self.values.values()]

    def columns(self, columns: Mapping[str, Column], plans: Mapping[str, AggregateExpression]) -> dict[str, Column]:
        """Columns of a group, from the columns of a row and the plans of its values. Raises ExpressionError."""
        keys = {name: key_column(text, columns, lists=name != text) for name, text in self.by.items()}
        return keys | {name: replace(one.column(columns), unit=_unit(one, columns)) for name, one in plans.items()}


def key_column(text: str, columns: Mapping[str, Column], lists: bool = False) -> Column:
    """The column that rows are grouped by: of `lists`, each of their values.

    Raises ExpressionError for an expression that is no key.
    """
    expression = parse(text)
    check_columns(expression, columns)
    check_domain(expression.tree, columns)
    if expression.aggregates:
        raise ExpressionError(f"{text!r} aggregates rows: rows are grouped by a value of each")
    kind = type_of(expression, {name: column.type for name, column in columns.items()})
    kind = (element(kind) if lists else None) or kind
    if not TYPE.match(kind) or kind.startswith(("array", "double")):
        raise ExpressionError(f"{text!r} is a {kind}: rows are grouped by a text, a date, a time or an exact number")
    source = columns.get(text)
    return Column(kind, source.about if source else text, values=source.values if source else ())


def _unit(plan: AggregateExpression, columns: Mapping[str, Column]) -> str:
    return plan.part_unit(next(iter(plan.parts())), columns)
