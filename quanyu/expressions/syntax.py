"""The expression language: Spark SQL expressions, parsed, checked node by node, typed and written safely."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify_columns import quote_identifiers

from quanyu.errors import ExpressionError, unknown_columns
from quanyu.expressions.casts import cast
from quanyu.expressions.datatypes import NULL
from quanyu.expressions.datatypes import family as family_of
from quanyu.expressions.functions.calls import check_call
from quanyu.expressions.functions.refusals import NODES
from quanyu.expressions.grammar import ALLOWED, Grammar, column_name
from quanyu.expressions.terms import Term, time_literal
from quanyu.expressions.writer import typed

DIALECT = "spark"
LONGEST, MOST_NODES, DEEPEST = 20_000, 6_000, 40
LONGEST_SHOWN = 200


@dataclass(frozen=True)
class Expression:
    """A parsed expression: its tree, the columns it names (with their qualifier, if any), and its text."""

    text: str
    tree: exp.Expr

    @property
    def columns(self) -> tuple[str, ...]:
        """Distinct names of all columns, with their qualifier if written, in order of appearance."""
        return tuple(dict.fromkeys(column_name(node) for node in self.tree.find_all(exp.Column, bfs=False)))

    @property
    def roots(self) -> dict[str, str]:
        """For each of `columns`, the part before its first dot. A dot inside backticks does not count."""
        nodes = self.tree.find_all(exp.Column, bfs=False)
        return {column_name(node): node.parts[0].name for node in nodes}

    @property
    def aggregates(self) -> bool:
        """Whether it contains an aggregate."""
        return self.tree.find(exp.AggFunc) is not None

    def sql(self) -> str:
        """The expression for Spark, as it was written."""
        return to_sql(self.tree)


def to_sql(tree: exp.Expr) -> str:
    """Write a tree as Spark SQL with quoted names, so that a column may have any name."""
    return quote_identifiers(tree.copy(), dialect=DIALECT).sql(dialect=DIALECT)


@cache
def parse(text: str) -> Expression:
    """Parse one expression and check each of its nodes.

    Raises ExpressionError for a statement, a subquery, invalid SQL, and any function that the table does not list.
    """
    shown = _shown(text)
    if len(text) > LONGEST:
        raise ExpressionError(f"{shown} is longer than {LONGEST} characters")
    if _bracket_depth(text) > DEEPEST:
        raise ExpressionError(f"{shown} is too deep: write it with fewer brackets, {DEEPEST} within each other at most")
    try:
        statements = sqlglot.parse(f"SELECT {text}", dialect=Grammar)
    except sqlglot.errors.SqlglotError as error:
        detail = (getattr(error, "errors", None) or [{}])[0]
        near = f" near {detail['highlight']!r}" if detail.get("highlight") else ""
        raise ExpressionError(f"{shown} is not a Spark SQL expression{near}") from None
    except RecursionError:
        raise ExpressionError(f"{shown} is too deep: write it with fewer brackets") from None
    select = statements[0] if len(statements) == 1 else None
    others = {key for key, value in (select.args if select else {}).items() if value} - {"expressions", "kind"}
    if not isinstance(select, exp.Select) or len(select.expressions) != 1 or others:
        raise ExpressionError(f"{shown} is not one single expression")
    tree: exp.Expr = select.expressions[0].pop()
    for number, node in enumerate(tree.walk()):
        if number >= MOST_NODES:
            raise ExpressionError(
                f"{shown} has more than {MOST_NODES} parts: for many values write `in (...)`, or a table"
            )
        _check_node(shown, node)
    return Expression(text, tree)


def _shown(text: str) -> str:
    """The text of an expression for messages, shortened if it is long."""
    return repr(text) if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]!r}..."


def _bracket_depth(text: str) -> int:
    """Nesting depth of brackets, computed without parsing. Brackets inside of text literals count too."""
    depth = deepest = 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        deepest = max(deepest, depth)
    return deepest


def _check_node(shown: str, node: exp.Expr) -> None:
    """Raise ExpressionError for a node that the grammar does not allow."""
    if type(node) not in ALLOWED:
        why = next(
            (reason for kinds, reason in NODES if isinstance(node, kinds)), f"{type(node).__name__} is not in use"
        )
        raise ExpressionError(f"{shown}{'' if why.startswith('may') else ':'} {why}")
    if isinstance(node, exp.Anonymous):
        check_call(node, shown)
    if isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count):
        raise ExpressionError(f"{shown} may hold no alias, parameter, subquery, * or statement")
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and node.this.is_string:
        kind = node.args["to"].sql(dialect=DIALECT).lower()
        if kind in ("date", "timestamp"):
            time_literal(node.this.name, kind)


def qualifiers(texts: Iterable[str]) -> list[str]:
    """Return the distinct qualifiers (`table` of `table.column`) in expressions, sorted."""
    columns = (column for text in texts for column in parse(text).columns)
    return sorted({column.split(".")[0] for column in columns if "." in column})


def type_of(tree: exp.Expr | Expression, schema: Mapping[str, str]) -> str:
    """Return the Spark type of an expression over columns with these types; `null` if it is always null.

    Raises ExpressionError for an unknown column and for types that do not fit.
    """
    return _term(tree, schema).type


def safe_sql(tree: exp.Expr | Expression, schema: Mapping[str, str]) -> str:
    """Write an expression as SQL with equal results on both engines, and null instead of an error.

    Raises ExpressionError as `type_of` does.
    """
    return _term(tree, schema).sql


def cast_sql(tree: exp.Expr | Expression, schema: Mapping[str, str], wanted: str) -> str:
    """Write an expression, cast to a type, as `safe_sql` does. A value that cannot be cast is null.

    Raises ExpressionError for a pair of types without a cast.
    """
    return cast(_term(tree, schema), wanted).sql


def _term(tree: exp.Expr | Expression, schema: Mapping[str, str]) -> Term:
    return typed(tree.tree if isinstance(tree, Expression) else tree, schema)


def check_columns(expression: Expression, columns: Iterable[str]) -> None:
    """Raise ExpressionError for unknown columns, each with the nearest name."""
    names = set(columns)
    unknown = [column for column in expression.columns if column not in names]
    if unknown:
        raise ExpressionError(f"{_shown(expression.text)}: {unknown_columns(unknown, names)}")


def check_type(expression: Expression, schema: Mapping[str, str], wanted: str, loose: bool = False) -> None:
    """Raise ExpressionError if the expression is invalid, or its type is of another family than the wanted one.

    `schema` maps column names to Spark types. With `loose`, text is accepted for any type, since it will be cast.
    """
    kind = _checked_type(expression, schema)
    have, want = family_of(kind), family_of(wanted)
    if kind == NULL or have == want or (loose and "text" in (have, want)):
        if loose:
            cast(Term(to_sql(expression.tree), kind), wanted)
        return
    raise ExpressionError(f"{_shown(expression.text)} gives a {have}, where a {want} ({wanted}) is wanted")


def _checked_type(expression: Expression, schema: Mapping[str, str]) -> str:
    """The type; errors begin with the whole text. `check_columns` reports columns of unknown type."""
    if any(not schema.get(column) for column in expression.columns):
        return NULL
    try:
        return type_of(expression, schema)
    except ExpressionError as error:
        message = str(error)
        raise ExpressionError(
            message if message.startswith(_shown(expression.text)) else f"{_shown(expression.text)}: {message}"
        ) from None
