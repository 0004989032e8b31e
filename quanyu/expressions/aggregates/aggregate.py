"""One aggregate over an entity's rows: function, arguments, filter, window, type, and value without rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sqlglot import exp

from quanyu.errors import ExpressionError
from quanyu.expressions.aggregates.form import AggForm, AggPart
from quanyu.expressions.aggregates.guarded import guarded
from quanyu.expressions.aggregates.parts import FORMS, Argument, count_distinct, rows, total
from quanyu.expressions.grammar import AGGREGATE_NODES, column_name
from quanyu.expressions.logic import conjunction, two_valued
from quanyu.expressions.lost import lost
from quanyu.expressions.syntax import parse, safe_sql, type_of
from quanyu.expressions.terms import Scope, Term
from quanyu.expressions.writer import HANDLERS
from quanyu.grammar.declaration import digest

# Counts and sums are 0 without rows, as marketers expect. All others are null, and so is a sum of rows without values.
ZERO_WITHOUT_ROWS = (exp.Count, exp.CountIf, exp.ApproxDistinct, exp.Sum)
AS_OF = "as_of"


@dataclass(frozen=True)
class Window:
    """A window of whole days that ends with `as_of` (inclusive), over a column of dates or times."""

    column: str
    days: int

    def tree(self) -> exp.Expr:
        """Condition of the rows inside the window."""
        first = parse(f"date_add({AS_OF}, {1 - self.days})").tree.copy()
        return exp.GTE(this=exp.column(self.column), expression=first)


@dataclass(frozen=True)
class Aggregate:
    """One aggregate. `node` is the call without a filter, `schema` the types of the columns that it may name.

    With `zero`, a sum without rows is 0, as in features; otherwise it is null, as in a feed. Without a value in any of
    its rows it is null.
    """

    node: exp.Expr
    schema: Mapping[str, str] = field(repr=False)
    filter: exp.Expr | None = None
    window: Window | None = None
    zero: bool = True

    def __str__(self) -> str:
        """The call, its filter and its window, as a person writes them."""
        where = f" where {_text(self.filter)}" if self.filter is not None else ""
        return f"{_text(self.node)}{where}{f' within {self.window.days} days' if self.window else ''}"

    @property
    def function(self) -> type[exp.Expr]:
        """The function, as the class of its node."""
        return type(self.node)

    @property
    def distinct(self) -> bool:
        """Whether it aggregates distinct values only."""
        return isinstance(self.node.this, exp.Distinct)

    @property
    def arguments(self) -> tuple[exp.Expr, ...]:
        """The aggregated expressions, followed by those that order them, if any. Empty for count(*)."""
        node = self.node
        if isinstance(node.this, exp.Star):
            return ()
        first = node.this.expressions if isinstance(node.this, exp.Distinct) else [node.this, *node.expressions]
        return (*first, *_order(node))

    @property
    def empty(self) -> int | None:
        """The value without rows: 0 for counts and sums, None (null) for the rest."""
        zero = self.function in ZERO_WITHOUT_ROWS and (self.zero or self.function is not exp.Sum)
        return 0 if zero else None

    @property
    def type(self) -> str:
        """Spark type of the value."""
        return self.form.type

    @cached_property
    def form(self) -> AggForm:
        """The SQL form. With `zero`, the value is null if an argument cannot be computed for any row.

        Raises ExpressionError for an argument that the function does not accept.
        """
        failing = [condition for tree in self.arguments if (condition := lost(tree, self.schema))] if self.zero else []
        return guarded(self._form(), " or ".join(failing)) if failing else self._form()

    def _form(self) -> AggForm:
        _check_shape(self.node)
        arguments = [self._argument(tree) for tree in self.arguments]
        if not arguments:
            return rows()
        if self.distinct:
            return count_distinct(*arguments)
        if isinstance(self.node, exp.Sum):
            return total(arguments[0], self.empty)
        if isinstance(self.node, exp.Quantile):
            return FORMS[self.function](arguments[0], _share(self.node))
        return FORMS[self.function](*arguments)

    def _argument(self, tree: exp.Expr) -> Argument:
        kind = type_of(tree, self.schema)
        # The condition of count_if is a rule, so it is two-valued.
        rule = isinstance(self.node, exp.CountIf) and kind == "boolean"
        return Argument(safe_sql(two_valued(tree) if rule else tree, self.schema), kind, _text(tree))

    def parts(self) -> dict[str, str]:
        """SQL aggregates over an entity's rows, by generated column names."""
        return {_name(part, sql): sql for part, sql in self._written}

    def counted(self) -> dict[str, str]:
        """SQL over a row of the value that a part counts, null for rows that do not count; for parts that do so."""
        condition = self.condition()
        return {
            _name(part, sql): part.counted if condition == "true" else f"if({condition}, {part.counted}, null)"
            for part, sql in self._written
            if part.counted
        }

    def part_types(self) -> dict[str, str]:
        """Spark type of each column of `parts`."""
        return {_name(part, sql): part.type for part, sql in self._written}

    def merge(self) -> dict[str, str] | None:
        """SQL aggregates that turn parts of some rows each into the parts of all of them; None if all are needed."""
        columns = [f"`{name}`" for name in self.parts()]
        if not self.form.merges:
            return None
        return {name: merge(columns) for name, merge in zip(self.parts(), self.form.merges, strict=True)}

    @property
    def changes_daily(self) -> bool:
        """Whether it looks at each row from `as_of`, besides its window: then every day gives another value."""
        named = [self.node, *([self.filter] if self.filter is not None else [])]
        return AS_OF in (column_name(column) for tree in named for column in tree.find_all(exp.Column))

    @cached_property
    def _written(self) -> list[tuple[AggPart, str]]:
        return [(part, part.sql(self._conditions())) for part in self.form.parts]

    def value(self, whole: bool = False) -> str:
        """SQL of the value from the columns of `parts`, which are null without any rows.

        With `whole`, SQL over the rows themselves.
        """
        return self.form.value(*self._holders(whole))

    def sql(self) -> str:
        """The whole aggregate as one expression over an entity's rows."""
        return self.value(whole=True)

    def lost(self, whole: bool = False) -> str | None:
        """SQL of whether the result is lost although values are present (such as an overflow); None if it never is."""
        return self.form.lost(*self._holders(whole)) if self.form.lost else None

    def _holders(self, whole: bool) -> Sequence[str]:
        return list(self.parts().values()) if whole else [f"`{name}`" for name in self.parts()]

    def condition(self) -> str:
        """SQL condition of the rows that it uses; `true` for all rows."""
        return " and ".join(self._conditions()) or "true"

    def _conditions(self) -> list[str]:
        trees = [self.window.tree()] if self.window else []
        trees += [two_valued(self.filter)] if self.filter is not None else []
        return [safe_sql(conjunction(*trees), self.schema)] if trees else []


def _name(part: AggPart, sql: str) -> str:
    """Column of a part: its function and a hash, since equal parts of several features are computed once."""
    return f"{part.function}_{digest([sql])[:12]}"


def _order(node: exp.Expr) -> Sequence[exp.Expr]:
    """Expressions that decide which row's value is used: one, or those of a struct."""
    order = node.args.get("expression") if isinstance(node, exp.ArgMin | exp.ArgMax) else None
    if order is None:
        return ()
    structured = isinstance(order, exp.Anonymous) and order.name.lower() == "struct"
    return order.expressions if structured else (order,)


def _share(node: exp.Expr) -> str:
    share = node.args.get("quantile")
    if not isinstance(share, exp.Literal) or share.is_string or not 0 <= float(share.name) <= 1:
        raise ExpressionError(f"{_text(node)!r}: write the share as a number from 0 to 1, such as percentile(x, 0.5)")
    return str(share.name)


def _check_shape(node: exp.Expr) -> None:
    """Refuse arguments that the function does not accept, and distinct outside of counts."""
    own_arguments: Mapping[type[exp.Expr], str] = {
        exp.ArgMin: "expression", exp.ArgMax: "expression", exp.Quantile: "quantile", exp.Mode: "deterministic",
        exp.Count: "expressions",
    }  # fmt: skip
    odd = {key for key, value in node.args.items() if value} - {"this", "big_int", "nulls_excluded"}
    if odd - {own_arguments.get(type(node))} or node.this is None or (type(node) not in FORMS):
        raise ExpressionError(f"{_text(node)!r} is not how this aggregate is written")
    if isinstance(node, exp.Mode) and not node.args.get("deterministic"):
        raise ExpressionError(f"{_text(node)!r}: write mode(x, true), since of several the engines take another")
    if isinstance(node.this, exp.Distinct) and not isinstance(node, exp.Count | exp.ArrayUniqueAgg):
        raise ExpressionError(f"{_text(node)!r}: only count takes distinct")
    if any(isinstance(inner, exp.AggFunc) for inner in node.walk() if inner is not node):
        raise ExpressionError(f"{_text(node)!r} aggregates an aggregate")


def _text(node: exp.Expr) -> str:
    return node.sql(dialect="spark")


def _write(node: exp.Expr, scope: Scope) -> Term:
    when, call = (node.expression.this, node.this) if isinstance(node, exp.Filter) else (None, node)
    aggregate = Aggregate(call, scope.columns, when)
    return Term(aggregate.sql(), aggregate.type)


HANDLERS.update(dict.fromkeys([*AGGREGATE_NODES, exp.Filter], _write))
