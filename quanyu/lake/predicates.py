"""Conditions on rows, from Spark's SQL into the SQL of deltalake."""

from __future__ import annotations

import sqlglot


def delta_rs_predicate(condition: str) -> str:
    """Write a condition for deltalake, whose texts double a quote and whose days are casts."""
    return sqlglot.parse_one(condition, dialect="spark").sql(dialect="postgres").replace('"', "`")
