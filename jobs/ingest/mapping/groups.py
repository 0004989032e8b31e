"""Groups accepted rows of a feed to one row per group: aggregates, keys, and values of the group's last row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from jobs.ingest.landing.file_order import file_order
from jobs.ingest.mapping.casts import Shared, by_columns, element_parts, fields_of, shared_parts
from jobs.ingest.mapping.contract import (
    ELEMENT,
    ORDER,
    POSITION,
    Check,
    ahead_checks,
    constraint_checks,
    group_sql,
    key_value,
    members,
    per_group,
    reasons,
    types,
)
from jobs.ingest.mapping.losses import roundings
from jobs.ingest.receipts.parents import Parent, across_days
from quanyu.expressions import Expression, parse
from quanyu.expressions.aggregates import AggregateExpression, plan
from quanyu.feeds.fill import Fill
from quanyu.feeds.source import Source
from quanyu.grammar.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def is_good(name: str) -> str:
    """SQL condition of mapped rows that a fill accepts."""
    return f"size(_reasons) = 0 and _drop is null and `_to_{name}` is not null"


def accepted_rows(staged: DataFrame, name: str) -> DataFrame:
    """Mapped rows that a fill accepts."""
    return staged.where(is_good(name))


@dataclass(frozen=True)
class AcrossDays:
    """How a fill aggregates rows of several days: groups are computed as of each day from `since` on.

    `group_days` are the groups with rows on several days (`_key`), None without such groups. `short` has the keys, as
    `_short`, of incomplete groups, which have a row in quarantine, that are published anyway.
    """

    parent: Parent
    since: date
    group_days: DataFrame | None = None
    short: DataFrame | None = None


def groups_of(
    staged: DataFrame, name: str, source: Source, table: type[Table], across: AcrossDays | None = None
) -> DataFrame:
    """Rows of a fill with one row per group; `_why` lists the reasons why a group is bad."""
    rows = _groups(staged, name, source, table, across)
    if across is not None and across.short is not None:
        rows = _marked_short(rows, across.parent, across.short)
    elif source.fills[name].when_incomplete == "mark":
        rows = rows.selectExpr("*", "false as incomplete")
    values = {column: f"`{column}`" for column in source.fills[name].columns}
    checks = [
        *constraint_checks(table, values, {}, "feed_day"),
        *ahead_checks(source, table, values, "feed_day"),
    ]
    why = f"array_union({reasons(checks)}, _lost)"
    return rows.selectExpr("*", f"{why} as _why").drop("_lost")


def _marked_short(groups: DataFrame, parent: Parent, short: DataFrame) -> DataFrame:
    """Set the aggregates of incomplete groups to null, and mark these groups as incomplete."""
    summed = {
        name
        for name, text in parent.fill.columns.items()
        if parse(text).aggregates and name not in parent.table.keys and not parent.table.columns[name].required
    }
    joined = groups.selectExpr("*", f"{parent.stored_key_sql()} as _short").join(
        short.selectExpr("_short", "true as _lacks"), "_short", "left"
    )
    columns = [f"if(_lacks, null, `{c}`) as `{c}`" if c in summed else f"`{c}`" for c in groups.columns]
    return joined.selectExpr(*columns, "coalesce(_lacks, false) as incomplete")


def _groups(staged: DataFrame, name: str, source: Source, table: type[Table], across: AcrossDays | None) -> DataFrame:
    fill, accepted = source.fills[name], accepted_rows(staged, name)
    ones = f"posexplode(`_each_{fill.each}`) as ({POSITION}, {ELEMENT})"
    columns = set(accepted.columns)
    parts = {sql: column for sql, column in shared_parts(fill, table).items() if column in columns}
    if fill.each:
        parts |= fields_of(element_parts(fill, table))
    return grouped(accepted.selectExpr("*", ones) if fill.each else accepted, fill, table, parts, across)


def group_columns(fill: Fill, table: type[Table]) -> dict[str, str]:
    """SQL of the aggregates of a group, by generated names and by the fill's own column names."""
    plans = _aggregated(fill, table).values()
    return {**_others(fill, table), **{name: sql for plan in plans for name, sql in plan.parts().items()}}


def grouped(
    accepted: DataFrame, fill: Fill, table: type[Table], parts: Shared, across: AcrossDays | None = None
) -> DataFrame:
    """Group the rows of each day of the feed to one row per key; `_lost` lists what cannot be computed of a group."""
    from pyspark.sql import functions as F  # noqa: N812

    keys = {name: group_sql(text) for text, name in _keys(fill).items()}
    aggregates = _aggregated(fill, table)
    columns = {name: by_columns(sql, parts) for name, sql in group_columns(fill, table).items()}
    person = f"max_by(_person.person_key, if(_person.person_key is null, null, {ORDER}))"
    named = {**columns, **({"person_key": person} if table.personal else {}), "_last": f"max({ORDER})"}
    files = _numbered_files(accepted)
    order = f"_number * {_MOST_ROWS} + _row as {ORDER}"
    rows = files.join(accepted, ["_day", "_file"])
    rows = rows.selectExpr("*", order, *(f"{sql} as {name}" for name, sql in keys.items()))
    if across is not None and across.group_days is not None:
        rows = across_days(rows, across.parent, across.group_days, list(keys), ORDER, across.since)
    groups = rows.groupBy("_day", *keys).agg(*(F.expr(sql).alias(name) for name, sql in named.items()))
    numbers = files.select("_number", "_file")
    groups = numbers.join(groups.selectExpr("*", f"_last div {_MOST_ROWS} as _number"), "_number")
    of_key = {n: key_value(text, _keys(fill)[text], table.columns[n]) for n, text in _key_texts(fill).items()}
    values = [f"{aggregates[n].value() if n in aggregates else of_key.get(n, f'`{n}`')} as `{n}`" for n in fill.columns]
    losses = [
        Check(f"{table.name}.{name}: cannot be computed from the rows: too large, or a division by 0", condition)
        for name, plan in aggregates.items()
        if (condition := plan.lost())
    ]
    losses += _rounded(fill, table, aggregates)
    people = ["person_key"] if table.personal else []
    return groups.selectExpr(
        *people, *values, "_day as feed_day", "_file", f"_last % {_MOST_ROWS} as _row", f"{reasons(losses)} as _lost"
    )


def _aggregated(fill: Fill, table: type[Table]) -> dict[str, AggregateExpression]:
    """Plans of the aggregate columns of a group; a sum without any value is null."""
    plans = {}
    for name, text in fill.columns.items():
        if parse(text).aggregates:
            tree = members(parse(text).tree, fill.each)
            plans[name] = plan(Expression(text, tree), types(tree), wanted=table.columns[name].type, zero=False)
    return plans


def _rounded(fill: Fill, table: type[Table], aggregates: Mapping[str, AggregateExpression]) -> list[Check]:
    """Checks of aggregates that give more decimal places than their column stores."""
    checks = []
    for name, aggregate in aggregates.items():
        tree = members(parse(fill.columns[name]).tree, fill.each)
        exact = plan(Expression(fill.columns[name], tree), types(tree), zero=False)
        checks += [
            Check(f"{table.name}.{name}: {words}", bad)
            for words, bad in roundings(exact.value(), exact.type, aggregate.value(), aggregate.type)
        ]
    return checks


def _others(fill: Fill, table: type[Table]) -> dict[str, str]:
    """SQL of the columns that have the value of the last row."""
    columns = {column.name: column.sql for column in per_group(fill, table)}
    own = {name for name, text in fill.columns.items() if parse(text).aggregates} | set(_key_texts(fill))
    return {name: columns[name] for name in fill.columns if name not in own}


def _keys(fill: Fill) -> dict[str, str]:
    """Generated column name of each grouping expression."""
    return {text: f"_g{n}" for n, text in enumerate(fill.one_row_per)}


def _key_texts(fill: Fill) -> dict[str, str]:
    """Columns of the fill that are grouping keys, with their expressions."""
    return {name: text for name, text in fill.columns.items() if text in fill.one_row_per}


# More rows than any file has. One integer orders the rows of all files: a string costs each group far more memory.
_MOST_ROWS = 1 << 40


def _numbered_files(rows: DataFrame) -> DataFrame:
    """Number the files of the rows, ordered by day and by name as people order it."""
    files = rows.select("_day", "_file").distinct().selectExpr("_day", "_file", f"{file_order('_file')} as _place")
    ordered = sorted(files.collect(), key=lambda row: (row["_day"], row["_place"]))
    numbered = [(number, row["_day"], row["_file"]) for number, row in enumerate(ordered)]
    return rows.sparkSession.createDataFrame(numbered, "_number bigint, _day date, _file string")
