"""The one expression language: Spark SQL expressions, parsed and checked before any engine sees them."""

from quanyu.expressions.syntax import (
    Expression,
    ExpressionError,
    check_columns,
    check_type,
    column_name,
    family,
    mismatches,
    parse,
    qualifiers,
    to_sql,
    two_valued,
)

__all__ = [
    "Expression",
    "ExpressionError",
    "check_columns",
    "check_type",
    "column_name",
    "family",
    "mismatches",
    "parse",
    "qualifiers",
    "to_sql",
    "two_valued",
]
