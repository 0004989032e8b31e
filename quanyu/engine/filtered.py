"""Rows for which a condition of a declaration holds, whatever functions it calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# What every lambda function is written with.
LAMBDA = "->"


def rows_where(rows: DataFrame, condition: str) -> DataFrame:
    """Rows for which an SQL condition is true.

    Sail hands conditions down to the scan of a table, where it cannot resolve a lambda function, such as that of
    `exists`. So a row with one is repeated once or not at all, which no engine hands down.
    """
    if LAMBDA not in condition:
        return rows.where(condition)
    return rows.selectExpr("*", f"explode(array_repeat(true, if({condition}, 1, 0))) as _holds").drop("_holds")
