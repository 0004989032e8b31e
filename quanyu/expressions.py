"""The one expression language: Spark SQL expressions, parsed and checked by sqlglot before Spark sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify_columns import quote_identifiers

from quanyu.errors import ConfigError, nearest

DIALECT = "spark"
_FORBIDDEN = (exp.Subquery, exp.Select, exp.Star, exp.Command, exp.DDL, exp.DML)
_UNSTEADY = (
    exp.Explode, exp.Posexplode, exp.Inline, exp.Rand, exp.Randn, exp.Uuid,
    exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentTime,
)  # fmt: skip
# Functions of Spark that sqlglot has no node for; all else that it has no node for is refused.
_FUNCTIONS = frozenset(
    """aes_encrypt any_value array_compact array_position bit_count bround btrim char char_length character_length
    contains count_if crc32 dayofweek decode elt encode endswith equal_null every find_in_set format_number
    get isnotnull isnull levenshtein luhn_check mask mode nullifzero nvl2
    parse_url percentile position printf regexp_count regexp_extract_all regexp_instr regexp_substr rint sha
    shiftleft shiftright some soundex split_part startswith substring_index timestamp_millis timestamp_seconds
    timestamp_micros to_char to_number translate trunc try_add try_divide try_element_at try_multiply try_subtract
    try_to_date try_to_number try_to_timestamp typeof unhex url_decode url_encode weekday width_bucket xxhash64
    zeroifnull""".split()
)
_FAMILIES: Mapping[str, frozenset[str]] = {
    "number": frozenset("TINYINT SMALLINT INT BIGINT FLOAT DOUBLE DECIMAL UTINYINT UINT UBIGINT".split()),
    "text": frozenset("CHAR VARCHAR NCHAR NVARCHAR TEXT".split()),
    "time": frozenset("DATE DATETIME TIMESTAMP TIMESTAMPTZ TIMESTAMPLTZ TIMESTAMPNTZ".split()),
    "truth": frozenset(["BOOLEAN"]),
    "list": frozenset("ARRAY LIST".split()),
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
        return tuple(dict.fromkeys(column_name(node) for node in self.tree.find_all(exp.Column)))

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


def to_sql(tree: exp.Expression) -> str:
    """Write a tree as Spark SQL with quoted names, so that a column may have any name."""
    return quote_identifiers(tree.copy(), dialect=DIALECT).sql(dialect=DIALECT)


@cache
def parse(text: str) -> Expression:
    """Parse one expression. Raises ExpressionError for a statement, a subquery, or what is not Spark SQL."""
    try:
        statements = sqlglot.parse(f"SELECT {text}", dialect=DIALECT)
    except sqlglot.errors.SqlglotError as error:
        detail = error.errors[0] if getattr(error, "errors", None) else {}
        near = f" near {detail['highlight']!r}" if detail.get("highlight") else ""
        raise ExpressionError(f"{text!r} is not a Spark SQL expression{near}") from None
    select = statements[0] if len(statements) == 1 else None
    others = {key for key, value in (select.args if select else {}).items() if value} - {"expressions", "kind"}
    if not isinstance(select, exp.Select) or len(select.expressions) != 1 or others:
        raise ExpressionError(f"{text!r} is not one single expression")
    tree = select.expressions[0]
    if isinstance(tree, exp.Alias) or tree.find(*_FORBIDDEN) and not _only_counts(tree):
        raise ExpressionError(f"{text!r} may hold no alias, subquery, * or statement")
    unsteady = tree.find(*_UNSTEADY)
    if unsteady:
        raise ExpressionError(f"{text!r}: {unsteady.sql_name().lower()} gives other rows or values each time it is asked")
    for call in tree.find_all(exp.Anonymous):
        if call.name.lower() not in _FUNCTIONS:
            raise ExpressionError(f"{text!r}: unknown function {call.name}; {nearest(call.name.lower(), _functions())[:160]}")
    return Expression(text, tree)


def _only_counts(tree: exp.Expression) -> bool:
    return not tree.find(*(kind for kind in _FORBIDDEN if kind is not exp.Star)) and all(
        isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star)
    )


@cache
def _functions() -> frozenset[str]:
    return _FUNCTIONS | {name.lower() for kind in exp.ALL_FUNCTIONS for name in kind.sql_names()}


def _windowed(node: exp.Expression) -> bool:
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
