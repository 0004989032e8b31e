"""Translates conditions from Spark SQL to deltalake's SQL (DataFusion)."""

from __future__ import annotations

from typing import ClassVar

import sqlglot
from sqlglot.dialects.postgres import Postgres


class DataFusion(Postgres):
    """DataFusion's SQL: quotes in texts are doubled, dates are casts, names are in backticks."""

    class Tokenizer(Postgres.Tokenizer):
        """How names are quoted."""

        IDENTIFIERS: ClassVar[list[str | tuple[str, str]]] = ["`"]


def delta_rs_predicate(condition: str) -> str:
    """Translate a Spark SQL condition for deltalake."""
    return sqlglot.parse_one(condition, dialect="spark").sql(dialect=DataFusion)
