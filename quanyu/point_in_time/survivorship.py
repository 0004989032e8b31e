"""Survivorship: which of several records' values counts for an entity, as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from quanyu.grammar.table import Column, Table
from quanyu.literals import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def with_traits(newest: DataFrame, records: DataFrame, table: type[Table], by: Sequence[str]) -> DataFrame:
    """The newest record of each entity, with the traits of the table chosen among all its records; `by` is the key."""
    from pyspark.sql import functions as F  # noqa: N812

    traits = {name: column for name, column in table.columns.items() if column.trait}
    if not traits:
        return newest
    values = (F.expr(surviving(f"`{name}`", column)).alias(name) for name, column in traits.items())
    return newest.drop(*traits).join(records.groupBy(*by).agg(*values), list(by))


def surviving(value: str, column: Column, sources: Sequence[str] | None = None, of_record: str | None = None) -> str:
    """SQL aggregate of a value over the records of an entity, which have `recorded_on` and `source`.

    With `of_record`, that SQL of the record whose value counts.

    The value of the highest rank counts: by its strictness, or by its source (`sources`, else as the column declares);
    within a rank that of the newest record, then of a source, then the greatest text. Records without a value do not
    count.
    """
    # One string orders records: a struct would cost each entity the memory of its whole batch.
    text = f"cast({value} as string)"
    rank = f"lpad(cast({_rank(text, column, sources)} as string), 4, '0')"
    order = f"concat({rank}, cast(recorded_on as string), source, chr(1), {text})"
    return f"max_by({of_record or value}, {order}) filter (where ({value}) is not null)"


def _rank(text: str, column: Column, sources: Sequence[str] | None) -> str:
    """SQL of how much a record's value counts: by its strictness, or by its source."""
    by, order = ("source", column.survivorship if sources is None else sources)
    if column.strictest:
        by, order = text, column.strictest
    ranks = " ".join(f"when {by} = {quoted(name)} then {len(order) - place}" for place, name in enumerate(order))
    return f"case {ranks} else 0 end" if ranks else "0"
