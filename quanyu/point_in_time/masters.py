"""The versions of masters as known on a day, and their columns beside the facts that refer to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from quanyu.expressions import parse, qualifiers
from quanyu.grammar.row_expressions import conditions_sql
from quanyu.grammar.table import Table
from quanyu.identifiers.valid import repeat_for_days
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Versions of a master that were recorded by `as_of`. Current versions come first, then those that ended last. An end
# after `as_of` is ignored, since it was not recorded by then.
ONCE_KNOWN = "recorded_on <= as_of and (replaced_on is null or replaced_on > recorded_on)"
LAST_KNOWN = "if(replaced_on <= as_of, replaced_on, null) desc nulls first, recorded_on desc, source"


def references_to(table: type[Table], other: type[Table]) -> dict[str, str]:
    """Columns of a table that refer to another table, each with the column there.

    A reference to a fact, such as an order, is to that of the same source: a master's keys are those of the house.
    """
    name, column = next(item for item in table.columns.items() if item[1].references == other.name)
    by = {name: column.references_column or other.keys[0]}
    return {**by, "source": "source"} if other.event_time else by


def _named(other: type[Table], columns: Iterable[str], texts: Iterable[str]) -> list[str]:
    """Columns of a referred table that expressions name."""
    names = {column for text in texts for column in parse(text).columns}
    return [column for column in columns if f"{other.name}.{column}" in names]


def with_referred(
    context: Context, rows: DataFrame, table: type[Table], texts: Sequence[str], *days: date
) -> DataFrame:
    """Add named conditions, and join each table that the expressions name, as a struct with the table's name.

    A row gets the last version that was recorded by the day, even one that has ended: a product that is no longer
    listed was still bought. Without days, rows say their own as `as_of`; they are then read more than once.
    """
    facts = rows
    rows = rows.selectExpr("*", *(f"{sql} as `{name}`" for name, sql in conditions_sql(table).items()))
    for name in qualifiers(texts):
        other = context.catalogue.tables[name]
        by = references_to(table, other)
        values = {column: f"`{column}`" for column in other.columns} | conditions_sql(other)
        fields = ", ".join(f"{values[column]} as `{column}`" for column in _named(other, values, texts))
        keys = [f"`{key}` as `{column}`" for column, key in by.items()]
        newest = f"row_number() over (partition by {', '.join(by.values())}, as_of order by {LAST_KNOWN}) as _n"
        versions = _versions(context.lake.table(other), by, facts, days).where(ONCE_KNOWN)
        latest = versions.selectExpr(*keys, "as_of", f"struct({fields}) as `{name}`", newest)
        latest = latest.where("_n = 1")
        # Sail builds its hash table from the left side of a join: the master is smaller than the facts.
        rows = latest.drop("_n").join(rows, [*by, "as_of"], "right")
    return rows


def _versions(versions: DataFrame, by: Mapping[str, str], facts: DataFrame, days: Sequence[date]) -> DataFrame:
    """Versions of a referred table with `as_of`: of each day; without days, those that facts refer to, as of theirs."""
    if days:
        return repeat_for_days(versions, days)
    keys = (f"`{column}` as `{key}`" for column, key in by.items())
    return facts.selectExpr(*keys, "as_of").distinct().join(versions, list(by.values()))
