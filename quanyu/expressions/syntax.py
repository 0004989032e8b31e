"""The one expression language: Spark SQL expressions, parsed and checked by sqlglot before Spark sees them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify_columns import quote_identifiers

from quanyu.errors import ConfigError, nearest
from quanyu.expressions.functions import FUNCTIONS, UNSTEADY

DIALECT = "spark"
_FORBIDDEN = (
    exp.Subquery, exp.Select, exp.Star, exp.Command, exp.DDL, exp.DML, exp.Placeholder, exp.Parameter,
)  # fmt: skip
_CALL = re.compile(r"([a-z_]\w*)(\(|$)", re.IGNORECASE)
_FAMILIES: Mapping[str, frozenset[str]] = {
    "number": frozenset(
        ["TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL", "UTINYINT", "UINT", "UBIGINT"]
    ),
    "text": frozenset(["CHAR", "VARCHAR", "NCHAR", "NVARCHAR", "TEXT"]),
    "time": frozenset(["DATE", "DATETIME", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMPLTZ", "TIMESTAMPNTZ"]),
    "truth": frozenset(["BOOLEAN"]),
    "list": frozenset(["ARRAY", "LIST"]),
}
_OF_COLUMN = {
    "string": "text", "date": "time", "timestamp": "time", "boolean": "truth", "int": "number",
    "bigint": "number", "double": "number", "decimal": "number", "array": "list",
}  # fmt: skip


class ExpressionError(ConfigError):
    """An expression that cannot be used, with the reason in words."""


@dataclass(frozen=True)
class Expression:
    """A parsed expression: its tree, the columns it names (with their qualifier, if any), and its text."""

    text: str
    tree: exp.Expression

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns, qualified where the text qualifies them, each once, in order of appearance."""
        return tuple(dict.fromkeys(column_name(node) for node in self.tree.find_all(exp.Column, bfs=False)))

    @property
    def aggregates(self) -> bool:
        """Whether it aggregates rows, outside of a window."""
        return any(not _windowed(node) for node in self.tree.find_all(exp.AggFunc))

    def sql(self) -> str:
        """The expression for Spark."""
        return to_sql(self.tree)


def column_name(node: exp.Column) -> str:
    """Return `table.column` or `column`, as written."""
    return ".".join(part.name for part in node.parts)


def to_sql(tree: exp.Expr) -> str:
    """Write a tree as Spark SQL with quoted names, so that a column may have any name."""
    return quote_identifiers(tree.copy(), dialect=DIALECT).sql(dialect=DIALECT)


@cache
def parse(text: str) -> Expression:
    """Parse one expression. Raises ExpressionError for a statement, a subquery, or what is not Spark SQL."""
    try:
        statements = sqlglot.parse(f"SELECT {text}", dialect=DIALECT)
    except sqlglot.errors.SqlglotError as error:
        detail = (getattr(error, "errors", None) or [{}])[0]
        near = f" near {detail['highlight']!r}" if detail.get("highlight") else ""
        raise ExpressionError(f"{text!r} is not a Spark SQL expression{near}") from None
    select = statements[0] if len(statements) == 1 else None
    others = {key for key, value in (select.args if select else {}).items() if value} - {"expressions", "kind"}
    if not isinstance(select, exp.Select) or len(select.expressions) != 1 or others:
        raise ExpressionError(f"{text!r} is not one single expression")
    tree = select.expressions[0]
    if isinstance(tree, exp.Alias) or (tree.find(*_FORBIDDEN) and not _only_counts(tree)):
        raise ExpressionError(f"{text!r} may hold no alias, parameter, subquery, * or statement")
    for call in tree.find_all(exp.Func):
        _check_function(text, call)
    return Expression(text, tree)


def qualifiers(texts: Iterable[str]) -> list[str]:
    """Return what stands before the dot of the columns that expressions name, sorted, each once."""
    columns = (column for text in texts for column in parse(text).columns)
    return sorted({column.split(".")[0] for column in columns if "." in column})


def _only_counts(tree: exp.Expression) -> bool:
    return not tree.find(*(kind for kind in _FORBIDDEN if kind is not exp.Star)) and all(
        isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star)
    )


def _check_function(text: str, call: exp.Expr) -> None:
    """Raise ExpressionError for a call of what Spark does not have, or what gives rows, or other values each time."""
    written = _CALL.match(call.sql(dialect=DIALECT))
    if written is None or isinstance(call, exp.Connector):
        return
    name, bare = written.group(1).lower(), not written.group(2)
    if name in UNSTEADY:
        raise ExpressionError(f"{text!r}: {name} {UNSTEADY[name]}")
    if not bare and name not in FUNCTIONS:
        near = nearest(name, FUNCTIONS)
        told = near.partition(" allowed:")[0] if near.startswith("did") else "allowed: the functions of Spark SQL"
        raise ExpressionError(f"{text!r}: unknown function {name}; {told}")


def _windowed(node: exp.Expr) -> bool:
    return isinstance(node.parent, exp.Window) or (
        isinstance(node.parent, exp.Filter) and isinstance(node.parent.parent, exp.Window)
    )


def check_columns(expression: Expression, known: Iterable[str]) -> None:
    """Raise ExpressionError when a column is not known, with the nearest name."""
    names = set(known)
    for column in expression.columns:
        if column not in names:
            raise ExpressionError(f"{expression.text!r}: unknown column {column!r}; {nearest(column, names)}")


def check_type(expression: Expression, schema: Mapping[str, str], wanted: str, loose: bool = False) -> None:
    """Raise ExpressionError when the type, where it can be known, is of another family than the wanted one.

    `schema` maps column names to Spark types. With `loose`, text is accepted for anything, since it will be cast.
    """
    found = family(expression, schema)
    target = _OF_COLUMN[wanted.split("(")[0].split("<")[0]]
    if found and found != target and not (loose and (found == "text" or target == "text")):
        raise ExpressionError(f"{expression.text!r} gives a {found}, where a {target} ({wanted}) is wanted")


def family(expression: Expression, schema: Mapping[str, str]) -> str | None:
    """Return number, text, time, truth or list, or None where it cannot be known."""
    tree = expression.tree.copy()
    for node in list(tree.find_all(exp.Column)):
        declared = schema.get(column_name(node))
        if declared:
            typed = exp.cast(node.copy(), declared, dialect=DIALECT)
            tree = typed if node is tree else (node.replace(typed) and tree)
    annotated = annotate_types(exp.select(tree), dialect=DIALECT).expressions[0]
    kind = annotated.type.this.name if annotated.type else "UNKNOWN"
    return next((name for name, kinds in _FAMILIES.items() if kind in kinds), None)


def mismatches(expression: Expression, schema: Mapping[str, str]) -> str | None:
    """Say which comparison compares values of different families, where that can be known."""
    for node in expression.tree.find_all(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE):
        sides = [family(Expression(to_sql(side), side), schema) for side in (node.this, node.expression)]
        if None not in sides and sides[0] != sides[1] and set(sides) != {"time", "text"}:
            return f"{expression.text!r}: {to_sql(node)} compares a {sides[0]} with a {sides[1]}"
    return None


def two_valued(tree: exp.Expression) -> exp.Expression:
    """Make every comparison with null false before any `not` sees it, so that a rule is true or false, never null."""
    if isinstance(tree, exp.Connector):
        return type(tree)(this=two_valued(tree.this), expression=two_valued(tree.expression))
    if isinstance(tree, exp.Not | exp.Paren):
        return type(tree)(this=two_valued(tree.this))
    settled = tree.copy()
    for negation in list(settled.find_all(exp.Not)):
        negation.set("this", two_valued(negation.this))
    return exp.Coalesce(this=settled, expressions=[exp.false()])
