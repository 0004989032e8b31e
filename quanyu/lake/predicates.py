"""Conditions on rows, from Spark's SQL into the SQL of deltalake."""

from __future__ import annotations

from typing import ClassVar

import sqlglot
from sqlglot.dialects.postgres import Postgres


class DataFusion(Postgres):
    """The SQL of deltalake: texts double a quote, days are casts, names stand in back quotes."""

    class Tokenizer(Postgres.Tokenizer):
        """How names are quoted."""

        IDENTIFIERS: ClassVar[list[str | tuple[str, str]]] = ["`"]


def delta_rs_predicate(condition: str) -> str:
    """Write a condition for deltalake."""
    return sqlglot.parse_one(condition, dialect="spark").sql(dialect=DataFusion)
