"""Parts of expressions that checks and values share, such as casts; each is computed once per row or list element."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sqlglot import exp

from jobs.ingest.mapping.contract import ELEMENT, POSITION, is_member, members, reads_time, safe, types
from jobs.ingest.mapping.keys import folded
from quanyu.expressions import cast_sql, column_name, parse
from quanyu.expressions.casts import without_exponent_sql
from quanyu.expressions.json_numbers import marked
from quanyu.feeds.fill import Fill
from quanyu.grammar.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# SQL of shared parts, each with the name of the column or field that has its value.
Shared = Mapping[str, str]


def shared_parts(fill: Fill, table: type[Table]) -> Shared:
    """Parts of a fill's expressions over the columns of the feed."""
    parts = {sql for sql, columns in _parts(fill, table) if not columns & {ELEMENT, POSITION}}
    names = {name for _, columns in _parts(fill, table) for name in columns - {ELEMENT, POSITION}}
    prepared = {form(f"`{name}`") for name in names for form in (folded, marked)}
    return {sql: f"_part_{_digest(sql)}" for sql in parts | prepared}


def element_parts(fill: Fill, table: type[Table]) -> Shared:
    """Parts of a fill's expressions over nothing but an element of its list."""
    parts = {_of_element(sql) for sql, columns in _parts(fill, table) if columns == {ELEMENT}}
    return {sql: f"m{_digest(sql)}" for sql in parts}


def _parts(fill: Fill, table: type[Table]) -> Iterator[tuple[str, set[str]]]:
    """SQL of parts with the names of their columns, leaving out whatever is not one call of a function."""
    for name, text in fill.columns.items():
        tree = members(parse(text).tree, fill.each)
        typed = [] if parse(text).aggregates else list(_typed(tree, table.columns[name].type))
        nodes = (node for node in tree.find_all(exp.Cast, exp.Anonymous) if not node.find(exp.AggFunc))
        for part, sql in [*typed, *(part for node in nodes for part in _of_node(node))]:
            columns = {column_name(column) for column in part.find_all(exp.Column)}
            if columns and _is_call(sql):
                yield sql, columns


def _typed(tree: exp.Expr, kind: str) -> Iterator[tuple[exp.Expr, str]]:
    sql = cast_sql(tree, types(tree), kind)
    number = without_exponent_sql(safe(tree))
    yield tree, sql
    if number in sql:
        yield tree, number


def _of_node(node: exp.Expr) -> Iterator[tuple[exp.Expr, str]]:
    if isinstance(node, exp.Cast):
        yield from _typed(node.this, node.args["to"].sql(dialect="spark").lower())
    elif is_member(node) or reads_time(node):
        yield node, safe(node)


def _is_call(sql: str) -> bool:
    """Whether SQL is one call of a function, which can be replaced wherever it stands."""
    depth, inner = 0, re.sub("'[^']*'", "", sql)
    if not re.match(r"[a-z_]+\(", inner):
        return False
    for place, sign in enumerate(inner):
        depth += (sign == "(") - (sign == ")")
        if sign == ")" and not depth:
            return place == len(inner) - 1
    return False


def _digest(sql: str) -> str:
    return hashlib.md5(sql.encode(), usedforsecurity=False).hexdigest()[:12]


def elements_sql(column: str, parts: Shared) -> str:
    """SQL of a list whose elements are structs of the parts that are read of them."""
    items = f"from_json({marked(f'`{column}`')}, 'array<string>')"
    done: dict[str, str] = {}
    for layer in _layers(parts):
        done |= dict.fromkeys(layer.values(), "")
        old = [f"`{ELEMENT}`.{name} as {name}" for name in done if name not in layer.values()]
        new = [f"{_replaced(sql, fields_of(_inside(sql, parts)))} as {name}" for sql, name in layer.items()]
        items = f"transform({items}, {ELEMENT} -> struct({', '.join([*old, *new])}))"
    return items


def named_in(parts: Shared, *texts: str) -> Shared:
    """The parts that occur in some SQL."""
    return {sql: name for sql, name in parts.items() if any(sql in text for text in texts)}


def with_parts(rows: DataFrame, parts: Shared) -> DataFrame:
    """Add a column for each part."""
    for layer in _layers(parts):
        rows = rows.selectExpr("*", *(f"{_replaced(sql, _inside(sql, parts))} as {n}" for sql, n in layer.items()))
    return rows


def _layers(parts: Shared) -> Iterator[Shared]:
    """Parts in the order of computation: those that contain no other first."""
    rest = dict(parts)
    while rest:
        layer = {sql: name for sql, name in rest.items() if not _inside(sql, rest)}
        yield layer
        rest = {sql: name for sql, name in rest.items() if sql not in layer}


def _inside(sql: str, parts: Shared) -> Shared:
    return {part: name for part, name in parts.items() if part != sql and part in sql}


def by_columns(sql: str, parts: Shared) -> str:
    """Replace the parts of some SQL by the names of their columns."""
    return _replaced(_of_element(sql), parts)


def _replaced(sql: str, parts: Shared) -> str:
    # A part may contain another, so that the longest come first.
    for part in sorted(parts, key=lambda part: (-len(part), part)):
        if part in sql:
            sql = re.sub(rf"(?<!\w){re.escape(part)}", parts[part], sql)
    return sql


def fields_of(parts: Shared) -> Shared:
    """The same parts of an element, by the SQL of its fields."""
    return {sql: f"`{ELEMENT}`.{name}" for sql, name in parts.items()}


def _of_element(sql: str) -> str:
    """Leave out the preparation of JSON for elements of a list, since the list is prepared already."""
    return sql.replace(marked(f"`{ELEMENT}`"), f"`{ELEMENT}`")
