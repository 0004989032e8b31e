"""Aggregates and the scalar expression around them, for features, measures, labels and metrics."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlglot import exp

from quanyu.errors import ExpressionError
from quanyu.expressions.aggregates.aggregate import AS_OF, Aggregate, Window
from quanyu.expressions.datatypes import NULL, family, type_in_words
from quanyu.expressions.domains import check_domain
from quanyu.expressions.grammar import column_name
from quanyu.expressions.logic import conjunction
from quanyu.expressions.lost import lost
from quanyu.expressions.syntax import Expression, check_columns, check_type, parse, safe_sql, type_of
from quanyu.grammar.table import Column

# Their result is one of the column's values.
_KEEP_VALUES = (exp.Min, exp.Max, exp.ArgMin, exp.ArgMax, exp.Mode)
_COUNTS = (exp.Count, exp.CountIf, exp.ApproxDistinct)
_NAME = re.compile(r"`(_a\d+)`")


@dataclass(frozen=True)
class AggregateExpression:
    """The inner aggregates by generated names, the expression around them, a count of the rows, and the type."""

    text: str
    aggregates: Mapping[str, Aggregate]
    around: exp.Expr
    rows: Aggregate
    type: str

    @property
    def empty(self) -> int | None:
        """The value without rows: 0 for a number computed from counts and sums only, else None (null).

        A quotient is null: a share of nothing is not known.
        """
        counts = all(aggregate.empty == 0 for aggregate in self.aggregates.values())
        divides = self.around.find(exp.Div, exp.IntDiv, exp.Mod) is not None
        return 0 if counts and not divides and family(self.type) == "number" else None

    def parts(self) -> dict[str, str]:
        """SQL aggregates over an entity's rows, by generated column names; equal parts share a name."""
        return dict(self._parts)

    @cached_property
    def _parts(self) -> dict[str, str]:
        return _joined(aggregate.parts() for aggregate in self._all)

    def counted(self) -> dict[str, str]:
        """SQL over a row of the values whose most frequent one a part is, null for rows that do not count, by part."""
        return _joined(aggregate.counted() for aggregate in self._all)

    def condition(self) -> str:
        """SQL condition of the rows that at least one of its aggregates uses; `true` for all rows."""
        return any_of(aggregate.condition() for aggregate in self._all)

    def part_types(self) -> dict[str, str]:
        """Spark type of each column of `parts`."""
        return _joined(aggregate.part_types() for aggregate in self._all)

    def part_unit(self, part: str, columns: Mapping[str, Column]) -> str:
        """Unit of a part: rows of a count, else that of the column that is aggregated; empty for an expression."""
        aggregate = self._of(part)
        argument = aggregate.arguments[0] if aggregate.arguments else None
        if part.startswith("count_"):
            return "rows"
        return columns[column_name(argument)].unit if isinstance(argument, exp.Column) else ""

    def part_text(self, part: str) -> str:
        """The aggregate that a part belongs to, as it is written, with its filter and window."""
        return str(self._of(part))

    def _of(self, part: str) -> Aggregate:
        return next(aggregate for aggregate in self._all if part in aggregate.parts())

    def merge(self) -> dict[str, str] | None:
        """SQL aggregates that turn parts of some rows each into the parts of all of them; None if all are needed."""
        merges = [aggregate.merge() for aggregate in self._all]
        return None if None in merges else _joined(merge for merge in merges if merge)

    @property
    def changes_daily(self) -> bool:
        """Whether an inner aggregate looks at each row from `as_of`, besides its window."""
        return any(aggregate.changes_daily for aggregate in self._all)

    @property
    def windows(self) -> set[int]:
        """Days of the windows of its aggregates."""
        return {aggregate.window.days for aggregate in self._all if aggregate.window}

    def value(self) -> str:
        """SQL of the value from the columns of `parts`, also for entities without rows."""
        return self._written(whole=False)

    def sql(self) -> str:
        """The whole expression as one SQL over an entity's rows."""
        return self._written(whole=True)

    def lost(self) -> str | None:
        """SQL condition over the columns of `parts`: values are present, the result is lost (overflow, x / 0)."""
        inner = self._inner(whole=False)
        conditions = self._lost(whole=False)
        if failing := self._failing():
            conditions.append(f"({self.rows.value()} > 0 and ({self._filled(failing, inner)}))")
        return " or ".join(conditions) or None

    def column(self, columns: Mapping[str, Column], about: str = "") -> Column:
        """The column of the value. A count is at least 0; a minimum or maximum has its column's values and bounds."""
        inner = next(iter(self.aggregates.values()))
        if self._plain and inner.function in _COUNTS:
            return Column(self.type, about, at_least=0)
        keeps = self._plain and inner.function in _KEEP_VALUES and isinstance(inner.arguments[0], exp.Column)
        source = columns.get(column_name(inner.arguments[0])) if keeps else None
        if source is None:
            return Column(self.type, about)
        return Column(self.type, about, values=source.values, at_least=source.at_least, at_most=source.at_most)

    @property
    def _all(self) -> list[Aggregate]:
        return [*self.aggregates.values(), *([] if self._plain else [self.rows])]

    @property
    def _plain(self) -> bool:
        return isinstance(self.around, exp.Column) and self.type == next(iter(self.aggregates.values())).type

    def _inner(self, whole: bool) -> dict[str, str]:
        return {name: aggregate.value(whole) for name, aggregate in self.aggregates.items()}

    def _lost(self, whole: bool) -> list[str]:
        losses = (aggregate.lost(whole) for aggregate in self.aggregates.values())
        return [condition for condition in losses if condition]

    @cached_property
    def _types(self) -> dict[str, str]:
        return {**{name: aggregate.type for name, aggregate in self.aggregates.items()}, AS_OF: "date"}

    @cached_property
    def _around_sql(self) -> str:
        return safe_sql(self.around, self._types)

    def _failing(self) -> str:
        """SQL, over the inner aggregates: the expression around them is lost, or does not fit the wanted type."""
        conditions = [lost(self.around, self._types)]
        if type_of(self.around, self._types) != self.type:
            conditions.append(
                f"({self._around_sql} is not null and try_cast({self._around_sql} as {self.type}) is null)"
            )
        return " or ".join(condition for condition in conditions if condition)

    @staticmethod
    def _filled(sql: str, inner: Mapping[str, str]) -> str:
        return _NAME.sub(lambda match: inner[match.group(1)], sql)

    def _written(self, whole: bool) -> str:
        value = self._filled(self._around_sql, self._inner(whole))
        if self._plain:
            return value
        value = f"try_cast({value} as {self.type})"
        if self.empty == 0:
            value = f"if({self.rows.value(whole)} = 0, coalesce({value}, cast(0 as {self.type})), {value})"
        # If a sum does not fit its type, the whole expression is null.
        losses = " or ".join(self._lost(whole))
        return f"if({losses}, null, {value})" if losses else value


def any_of(conditions: Iterable[str]) -> str:
    """Join conditions by `or`; `true` if one of them is `true`."""
    unique = dict.fromkeys(conditions)
    return "true" if "true" in unique else " or ".join(f"({condition})" for condition in unique)


def _joined(dicts: Iterator[dict[str, str]] | Sequence[dict[str, str]]) -> dict[str, str]:
    return {name: sql for one in dicts for name, sql in one.items()}


def plan(
    expression: str | Expression,
    schema: Mapping[str, str],
    where: exp.Expr | None = None,
    window: Window | None = None,
    wanted: str | None = None,
    zero: bool = True,
) -> AggregateExpression:
    """Plan an aggregate over the rows for which `where` is true, within a window; `schema` maps columns to types.

    Without `zero`, a sum without rows is null too.

    Raises ExpressionError for an expression that does not aggregate, does not fit type `wanted`, or has no type.
    """
    parsed = parse(expression) if isinstance(expression, str) else expression
    text, tree = parsed.text, exp.Paren(this=parsed.tree.copy())
    aggregates: dict[str, Aggregate] = {}
    for node in list(_outermost(tree)):
        inline = node.expression.this if isinstance(node, exp.Filter) else None
        if inline is not None and inline.find(exp.AggFunc):
            raise ExpressionError(f"{text!r} aggregates in a filter, which asks of one row")
        conditions = [condition for condition in (where, inline) if condition is not None]
        call = node.this if isinstance(node, exp.Filter) else node
        name = f"_a{len(aggregates)}"
        rows_of = conjunction(*conditions) if conditions else None
        aggregates[name] = Aggregate(call.copy(), schema, rows_of, window, zero)
        node.replace(exp.column(name))
    if not aggregates:
        raise ExpressionError(f"{text!r} does not aggregate: one value per customer, or per group, is wanted: sum(...)")
    around = tree.this.pop()
    rows = Aggregate(exp.Count(this=exp.Star()), schema, where, window)
    try:
        kind = _type(text, around, aggregates, schema, wanted)
        expression_plan = AggregateExpression(text, aggregates, around, rows, kind)
        # Written once here, so that a wrong filter or window is reported when it is declared.
        expression_plan.parts()
        return expression_plan
    except ExpressionError as error:
        said = str(error)
        raise ExpressionError(said if said.startswith(repr(text)) else f"{text!r}: {said}") from None


def _outermost(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Yield each outermost aggregate, with its filter if it has one."""
    for node in tree.find_all(exp.AggFunc, bfs=False):
        if node.parent and not node.find_ancestor(exp.AggFunc):
            yield node.parent if isinstance(node.parent, exp.Filter) else node


def _type(
    text: str, around: exp.Expr, aggregates: Mapping[str, Aggregate], schema: Mapping[str, str], wanted: str | None
) -> str:
    types = {name: aggregate.type for name, aggregate in aggregates.items()}
    for column in around.find_all(exp.Column):
        if column.name not in types and (column.name != AS_OF or column.table):
            raise ExpressionError(
                f"{column.sql(dialect='spark')} is outside of an aggregate: say which row's value to use"
            )
    kind = type_of(around, {**types, **({AS_OF: schema[AS_OF]} if AS_OF in schema else {})})
    if kind == NULL:
        raise ExpressionError(f"{text!r} is always null")
    if wanted is not None:
        _check_wanted(text, kind, wanted)
    return wanted or ("bigint" if kind == "int" else kind)


def _check_wanted(text: str, kind: str, wanted: str) -> None:
    if family(kind) == family(wanted) or wanted == "string":
        return
    hint = f": as text '9' comes after '100', so cast what is aggregated to {wanted}" if kind == "string" else ""
    raise ExpressionError(f"{text!r} gives a {type_in_words(kind)}, where a {type_in_words(wanted)} is wanted{hint}")


def condition(text: str, columns: Mapping[str, Column]) -> exp.Expr:
    """Return the tree of a condition over columns.

    Raises ExpressionError for an unknown column, a type other than boolean, types that cannot be compared, an
    aggregate, and a value that a column never has.
    """
    parsed = parse(text)
    check_columns(parsed, columns)
    check_type(parsed, {name: column.type for name, column in columns.items()}, "boolean")
    if parsed.aggregates:
        raise ExpressionError(f"{text!r} aggregates rows, where a condition asks of one")
    check_domain(parsed.tree, columns)
    return parsed.tree
