"""Casts of a feed's columns that checks and values share; each is computed once per row, as a column of its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from jobs.ingest.mapping.contract import ELEMENT, member, safe, types
from jobs.ingest.mapping.keys import folded
from quanyu.expressions import cast_sql, parse
from quanyu.expressions.json_numbers import marked
from quanyu.feeds.fill import Fill
from quanyu.feeds.source import Source
from quanyu.grammar.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def shared_casts(source: Source, fill: Fill, table: type[Table]) -> dict[str, str]:
    """SQL of the casts of the feed's columns to the types that a fill uses, each with the name of its column.

    The preparation of keys and of JSON is shared too.
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


def element_values(fill: Fill, table: type[Table]) -> dict[str, str]:
    """SQL of the members that a fill reads of the elements of its list, as text and cast, each with a field name.

    Casts come first, since their SQL contains that of the text.
    """
    casts: dict[str, str] = {}
    texts: dict[str, str] = {}
    for name, text in fill.columns.items():
        tree = parse(text).tree
        for node in tree.find_all(exp.Column):
            path = [part.name for part in node.parts]
            if path[0] != fill.each or path[1:] in ([], ["_position"]):
                continue
            value = member(path, fill.each)
            texts[_of_element(safe(value))] = _field(path, "string")
            kind = table.columns[name].type if node is tree else _cast_around(node)
            if kind and kind != "string":
                casts[_of_element(cast_sql(value, types(value), kind))] = _field(path, kind)
    return {**casts, **texts}


def _cast_around(node: exp.Column) -> str | None:
    return node.parent.args["to"].sql(dialect="spark").lower() if isinstance(node.parent, exp.Cast) else None


def _field(path: Sequence[str], kind: str) -> str:
    """A field name for a member of any spelling, always the same for the same path and type."""
    return f"m{hashlib.md5(repr((path, kind)).encode(), usedforsecurity=False).hexdigest()[:12]}"


def elements_sql(column: str, values: Mapping[str, str]) -> str:
    """SQL of a list whose elements are structs of the values that are read of them, each computed once."""
    items = f"from_json({marked(f'`{column}`')}, 'array<string>')"
    if not values:
        return items
    fields = ", ".join(f"{sql} as {name}" for sql, name in values.items())
    return f"transform({items}, {ELEMENT} -> struct({fields}))"


def named_in(casts: Mapping[str, str], *texts: str) -> dict[str, str]:
    """The casts that occur in some SQL."""
    return {sql: name for sql, name in casts.items() if any(sql in text for text in texts)}


def with_casts(rows: DataFrame, casts: Mapping[str, str]) -> DataFrame:
    """Add a column for each cast."""
    return rows.selectExpr("*", *(f"{sql} as {name}" for sql, name in casts.items()))


def by_columns(sql: str, casts: Mapping[str, str]) -> str:
    """Replace the casts in some SQL by the names of their columns."""
    sql = _of_element(sql)
    for cast, name in casts.items():
        sql = sql.replace(cast, name)
    return sql


def fields_of(values: Mapping[str, str]) -> dict[str, str]:
    """SQL of the fields of an element, by the SQL of their values."""
    return {sql: f"`{ELEMENT}`.{name}" for sql, name in values.items()}


def _of_element(sql: str) -> str:
    """Leave out the preparation of JSON for elements of a list, since the list is prepared already."""
    return sql.replace(marked(f"`{ELEMENT}`"), f"`{ELEMENT}`")
