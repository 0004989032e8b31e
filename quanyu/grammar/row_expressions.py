"""What expressions over the rows of a table may name, and their aggregates as plans."""

from __future__ import annotations

from collections.abc import Mapping

from quanyu.errors import ExpressionError
from quanyu.expressions import check_columns, check_domain, parse, safe_sql, two_valued
from quanyu.expressions.aggregates import AggregateExpression, Window, condition, plan
from quanyu.grammar.table import Column, Table


def reach(over: type[Table], tables: Mapping[str, type[Table]]) -> dict[str, Column]:
    """Columns that an expression over a table may name: its own, `as_of`, and `table.column` of tables it refers to."""
    columns = {**over.schema(), **_conditions(over), "as_of": Column("date", "The day that is asked about.")}
    for column in over.columns.values():
        other = tables.get(column.references or "")
        if other is not None:
            columns |= {f"{other.name}.{name}": c for name, c in {**other.columns, **_conditions(other)}.items()}
    return columns


def _conditions(table: type[Table]) -> dict[str, Column]:
    return {name: Column("boolean", condition.about) for name, condition in table.conditions.items()}


def conditions_sql(table: type[Table]) -> dict[str, str]:
    """SQL of each named condition of a table's rows, true or false, by name."""
    types = {name: column.type for name, column in table.schema().items()}
    return {name: safe_sql(two_valued(parse(one.sql).tree), types) for name, one in table.conditions.items()}


def planned(
    over: type[Table], columns: Mapping[str, Column], text: str, where: str | None, within: int | None,
    wanted: str | None = None,
) -> AggregateExpression:  # fmt: skip
    """Plan an aggregate over the facts of a table within a number of days. It may name the columns in `reached`.

    Raises ExpressionError for an invalid expression, and for a value that a column never has.
    """
    parsed = parse(text)
    check_columns(parsed, columns)
    check_domain(parsed.tree, columns)
    types = {name: column.type for name, column in columns.items()}
    if within is not None and not over.event_time:
        raise ExpressionError(f"{over.name} says of no row when it happened: `within` has nothing to go by")
    window = Window(str(over.event_time), within) if within is not None else None
    return plan(text, types, condition(where, columns) if where else None, window, wanted)
