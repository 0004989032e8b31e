"""One aggregate over the rows of an entity: function, arguments, filter, window, type and value without rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sqlglot import exp

from quanyu.declare import digest
from quanyu.errors import ExpressionError
from quanyu.expressions import column_name, conjunction, lost, parse, safe_sql, two_valued, type_of
from quanyu.expressions.aggregates.guarded import guarded
from quanyu.expressions.aggregates.parts import FORMS, Argument, Form, Part, count_distinct, rows, total

# What counts and sums say of nobody: 0, as a marketer reads it. Of all else nothing is known.
ZERO_WITHOUT_ROWS = (exp.Count, exp.CountIf, exp.ApproxDistinct, exp.Sum)
AS_OF = "as_of"


@dataclass(frozen=True)
class Window:
    """Whole days that end with `as_of`, its day included, by a column of times."""

    column: str
    days: int

    def tree(self) -> exp.Expr:
        """The condition of rows within the window."""
        first = parse(f"date_add({AS_OF}, {1 - self.days})").tree.copy()
        return exp.GTE(this=exp.column(self.column), expression=first)

    def of_days(self, day: str) -> str:
        """The same condition of what is kept by day."""
        return f"{day} >= date_add({AS_OF}, {1 - self.days})"


@dataclass(frozen=True)
class Aggregate:
    """One aggregate. `node` is the call without a filter, `schema` the types of the columns that it may name.

    With `zero`, a sum without any value is 0, as a marketer reads it; without, it is not known, as in a feed.
    """

    node: exp.Expr
    schema: Mapping[str, str] = field(repr=False)
    filter: exp.Expr | None = None
    window: Window | None = None
    zero: bool = True

    @property
    def function(self) -> type[exp.Expr]:
        """The function, as a kind of node."""
        return type(self.node)

    @property
    def distinct(self) -> bool:
        """Whether it looks at different values only."""
        return isinstance(self.node.this, exp.Distinct)

    @property
    def arguments(self) -> tuple[exp.Expr, ...]:
        """What is aggregated, and what orders it where that matters. No argument means rows."""
        node = self.node
        if isinstance(node.this, exp.Star):
            return ()
        first = node.this.expressions if isinstance(node.this, exp.Distinct) else [node.this, *node.expressions]
        return (*first, *_order(node))

    @property
    def empty(self) -> int | None:
        """The value without rows: 0 for counts and sums, null for the rest."""
        zero = self.function in ZERO_WITHOUT_ROWS and (self.zero or self.function is not exp.Sum)
        return 0 if zero else None

    @property
    def type(self) -> str:
        """Spark type of the value."""
        return self.form.type

    @cached_property
    def form(self) -> Form:
        """How it is written: null where a row's argument cannot be computed, but in a feed, whose rows are checked.

        Raises ExpressionError for an argument that the function cannot take.
        """
        failing = [condition for tree in self.arguments if (condition := lost(tree, self.schema))] if self.zero else []
        return guarded(self._form(), " or ".join(failing)) if failing else self._form()

    def _form(self) -> Form:
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
        # What is counted is a rule: it holds rows of which it is not known that they are unequal.
        rule = isinstance(self.node, exp.CountIf) and kind == "boolean"
        return Argument(safe_sql(two_valued(tree) if rule else tree, self.schema), kind, _text(tree))

    def parts(self) -> dict[str, str]:
        """SQL that an engine aggregates over an entity's rows, by generated column names."""
        return _named(self.form.parts, self._conditions(self.window))

    def partial(self) -> dict[str, str]:
        """The same for the rows of one day. Raises ExpressionError for what does not add up."""
        self._check_adds_up()
        return _named(self.form.by_day(), self._conditions(None))

    def merge(self, day: str = "day") -> dict[str, str]:
        """The parts out of those by day, over all rows up to `as_of`; the window is applied to the column of days."""
        conditions = [self.window.of_days(day)] if self.window else []
        columns = [f"`{name}`" for name in self.partial()]
        return {name: merge(columns, conditions) for name, merge in zip(self.parts(), self.form.merges, strict=True)}

    def value(self, whole: bool = False) -> str:
        """SQL of the value out of the columns of `parts` or `merge`, each null where there were no rows at all.

        With `whole`, SQL over the rows themselves.
        """
        return self.form.value(*self._holders(whole))

    def sql(self) -> str:
        """The whole aggregate as one expression over an entity's rows."""
        return self.value(whole=True)

    def lost(self, whole: bool = False) -> str | None:
        """SQL of whether values are there and no result, since it does not fit its type; None where it always does."""
        return self.form.lost(*self._holders(whole)) if self.form.lost else None

    def _holders(self, whole: bool) -> Sequence[str]:
        return list(self.parts().values()) if whole else [f"`{name}`" for name in self.parts()]

    def condition(self) -> str:
        """SQL of the rows that it looks at; `true` for all of them."""
        return " and ".join(self._conditions(self.window)) or "true"

    def _conditions(self, window: Window | None) -> list[str]:
        trees = [window.tree()] if window else []
        trees += [two_valued(self.filter)] if self.filter is not None else []
        return [safe_sql(conjunction(*trees), self.schema)] if trees else []

    def _check_adds_up(self) -> None:
        if not self.form.merges:
            raise ExpressionError(f"{_text(self.node)!r} does not add up by days: it needs all rows at once")
        named = [self.node, *([self.filter] if self.filter is not None else [])]
        if AS_OF in (column_name(column) for tree in named for column in tree.find_all(exp.Column)):
            raise ExpressionError(f"{_text(self.node)!r} does not add up by days: it looks at each row from {AS_OF}")


def _named(parts: Sequence[Part], conditions: Sequence[str]) -> dict[str, str]:
    written = [part.sql(conditions) for part in parts]
    return {f"_{digest([sql])[:12]}": sql for sql in written}


def _order(node: exp.Expr) -> Sequence[exp.Expr]:
    """What decides which row's value counts: one value, or those of a struct."""
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
    """Refuse what the functions of the table do not take: other arguments, and distinct where it is no count."""
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
