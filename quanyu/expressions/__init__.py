"""The expression language: Spark SQL expressions, parsed, typed and checked before any engine runs them."""

from quanyu.errors import ExpressionError
from quanyu.expressions import aggregates
from quanyu.expressions.domains import check_domain
from quanyu.expressions.grammar import column_name
from quanyu.expressions.logic import conjunction, two_valued
from quanyu.expressions.lost import lost
from quanyu.expressions.syntax import (
    Expression,
    cast_sql,
    check_columns,
    check_type,
    parse,
    qualifiers,
    safe_sql,
    to_sql,
    type_of,
)

__all__ = [
    "Expression",
    "ExpressionError",
    "aggregates",
    "cast_sql",
    "check_columns",
    "check_domain",
    "check_type",
    "column_name",
    "conjunction",
    "lost",
    "parse",
    "qualifiers",
    "safe_sql",
    "to_sql",
    "two_valued",
    "type_of",
]
