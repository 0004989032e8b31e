"""Casts of a feed's columns that checks and values share: each is computed once per row, as a column of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlglot import exp

from jobs.ingest.contract import ELEMENT, types
from jobs.ingest.keys import folded
from quanyu.expressions import cast_sql, parse
from quanyu.expressions.json_numbers import marked
from quanyu.fill import Fill
from quanyu.source import Source
from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def shared_casts(source: Source, fill: Fill, table: type[Table]) -> dict[str, str]:
    """SQL of the casts of the feed's columns to the types that a fill names, and for each a name of its column.

    Columns that are keys, or hold JSON, are prepared once too.
    """
    trees = [parse(text).tree for text in fill.columns.values()]
    kinds = {node.args["to"].sql(dialect="spark").lower() for tree in trees for node in tree.find_all(exp.Cast)}
    kinds |= {table.columns[name].type for name in fill.columns}
    casts = {}
    for position, column in enumerate(source.named_columns()):
        tree = exp.column(column, quoted=True)
        for kind in kinds:
            sql = cast_sql(tree, types(tree), kind)
            if sql != f"`{column}`":
                casts[sql] = f"_cast{position}_{re.sub('[^a-z0-9]+', '_', kind.replace(' ', ''))}"
        quoted = f"`{column}`"
        casts |= {folded(quoted): f"_key{position}", marked(quoted): f"_json{position}"}
    return casts


def named_in(casts: Mapping[str, str], *texts: str) -> dict[str, str]:
    """Those of the casts that stand in some SQL."""
    return {sql: name for sql, name in casts.items() if any(sql in text for text in texts)}


def with_casts(rows: DataFrame, casts: Mapping[str, str]) -> DataFrame:
    """Add a column for each cast."""
    return rows.selectExpr("*", *(f"{sql} as {name}" for sql, name in casts.items()))


def by_columns(sql: str, casts: Mapping[str, str]) -> str:
    """Name the columns in place of the casts; elements of a list come out of JSON that is prepared already."""
    sql = sql.replace(marked(f"`{ELEMENT}`"), f"`{ELEMENT}`")
    for cast, name in casts.items():
        sql = sql.replace(cast, name)
    return sql
