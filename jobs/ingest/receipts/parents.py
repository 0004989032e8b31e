"""Groups whose rows arrive on several days: their fills, their keys, and what identifies a line of a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import TYPE_CHECKING

from jobs.ingest.mapping.contract import POSITION, group_sql, key_value
from quanyu.expressions import parse
from quanyu.feeds.fill import Fill
from quanyu.feeds.source import PERSON, Source
from quanyu.grammar.table import Table
from quanyu.lake.difference import row_hash

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Parent:
    """A fill that aggregates rows of several days.

    `line` is SQL over a mapped row that identifies a line of the group, so that one redelivered on another day is
    recognised. `lines` is the name of the fill whose rows are the lines of a group, if there is one.
    """

    name: str
    fill: Fill
    table: type[Table]
    line: tuple[str, ...]
    lines: str | None = None

    @property
    def column(self) -> str:
        """Column of a mapped row with the key of its group as a string."""
        return f"_parent_{self.name}"

    def stored_key_sql(self) -> str:
        """SQL of the group's key as a string, over a row of the table."""
        return stored_key_sql(self.fill)


def with_key(rows: DataFrame, fill: Fill, table: type[Table], name: str) -> DataFrame:
    """Add the key of each row's group as a string column; null if a part is missing."""
    grouped = {f"_part{n}": text for n, text in enumerate(fill.one_row_per)}
    parts = rows.selectExpr("*", *(f"{group_sql(text)} as {part}" for part, text in grouped.items()))
    keys = [
        part if text == PERSON else key_value(text, part, table.columns[_column(fill, text)])
        for part, text in grouped.items()
    ]
    # The names of the parts are dropped without asking for `parts.columns`, which would resolve the whole plan.
    return parts.selectExpr("*", f"{_text(keys)} as `{name}`").drop(*grouped)


def stored_key_sql(fill: Fill) -> str:
    """SQL of the same string, over a row of the table."""
    return _text(["person_key" if text == PERSON else f"`{_column(fill, text)}`" for text in fill.one_row_per])


def _column(fill: Fill, text: str) -> str:
    return next(column for column, own in fill.columns.items() if own == text)


def _text(parts: Sequence[str]) -> str:
    """SQL of one string of several values, each with its length so that it is unambiguous; null if one is null."""
    texts = ", ".join("length({0}), ':', {0}".format(f"cast({part} as string)") for part in parts)
    return f"concat({texts})"


def parents(source: Source, tables: Mapping[str, type[Table]]) -> list[Parent]:
    """Fills of a source that aggregate the rows of a fact, such as a receipt, which may arrive on several days.

    Masters, such as products, are not among them: their last day counts. Neither are snapshots, where each day has the
    complete groups. The same goes for a feed of changes, unless another fill gives its lines a key, by which a
    redelivered line replaces the earlier one.
    """
    if source.delivers == "snapshot":
        return []
    parent_fills = []
    for name, fill in source.fills.items():
        if not tables[fill.table].event_time or not any(parse(text).aggregates for text in fill.columns.values()):
            continue
        # A row of a feed of changes contains its complete list.
        lines = None if fill.each and source.delivers == "changes" else _lines(source, fill, tables)
        if lines or source.delivers == "events":
            line = _line_key(source, lines, tables) if lines else _content_key(source, fill)
            parent_fills.append(
                Parent(name, fill, tables[fill.table], line, lines if _identify_group(source, lines, fill) else None)
            )
    return parent_fills


def _lines(source: Source, fill: Fill, tables: Mapping[str, type[Table]]) -> str | None:
    """Name of the fill whose rows are the lines of a group: its table's key includes the key of the group's table."""
    keys = set(tables[fill.table].keys)
    for name, other in source.fills.items():
        own = set(tables[other.table].keys)
        if not other.one_row_per and other.each == fill.each and keys < own:
            return name
    return None


def _identify_group(source: Source, lines: str | None, fill: Fill) -> bool:
    """Whether a stored line identifies its group: it has all columns of the grouping key."""
    columns = {_column(fill, text) for text in fill.one_row_per if text != PERSON}
    return lines is not None and columns <= set(source.fills[lines].columns)


def _line_key(source: Source, name: str, tables: Mapping[str, type[Table]]) -> tuple[str, ...]:
    fill = source.fills[name]
    row = f"get(`_to_{name}`, {POSITION})" if fill.each else f"`_to_{name}`"
    keys = [f"{row}.`{key}`" for key in tables[fill.table].keys if key != "person_key"]
    # A row that the lines' fill leaves out is identified by its content.
    contents = [f"if({row} is null, {sql}, null)" for sql in _content_key(source, fill)]
    return (*keys, *contents)


def _content_key(source: Source, fill: Fill) -> tuple[str, ...]:
    """Without a key, a row is the same line as an identical one of another day; the number of copies counts."""
    place = [POSITION] if fill.each else []
    content = row_hash([*source.named_columns(), "_rest"])
    alike = ", ".join(["_day", content, *place])
    return (content, *place, f"row_number() over (partition by {alike} order by _file, _row)")


def with_keys(rows: DataFrame, groups: Sequence[Parent]) -> DataFrame:
    """Add the key of each row's group as a column for each fill."""
    return reduce(lambda keyed, parent: with_key(keyed, parent.fill, parent.table, parent.column), groups, rows)


def line_keys(rows: DataFrame, name: str, fill: Fill, table: type[Table]) -> DataFrame:
    """Keys and `feed_day` of the table rows that mapped rows give by a fill without groups."""
    mapped, row = rows.where(f"`_to_{name}` is not null"), f"`_to_{name}`"
    if fill.each:
        mapped, row = mapped.selectExpr("_day", "_person", f"explode({row}) as _line"), "_line"
    keys = {key: "_person.person_key" if key == "person_key" else f"{row}.`{key}`" for key in table.keys}
    return mapped.selectExpr(*(f"{sql} as `{key}`" for key, sql in keys.items()), "_day as feed_day")


def across_days(rows: DataFrame, parent: Parent, keys: Sequence[str], order: str, since: date) -> DataFrame:
    """Rows of groups as of each of their days: the current lines of all days up to it, as rows of that day.

    `rows` have `_day`, the key columns `keys` of their group, and the column `order`. Groups of a single day are left
    as they are. Other groups are returned as of their days from `since` on, and as of their last day.
    """
    names = ", ".join(keys)
    days = rows.select("_day", *keys).distinct()
    counted = days.selectExpr(
        "*", f"count(*) over (partition by {names}) as _days", f"max(_day) over (partition by {names}) as _last"
    )
    as_of = counted.where(f"_days > 1 and (_day >= date'{since}' or _day = _last)")
    as_of = as_of.selectExpr(*keys, "_day as _as_of")
    several = as_of.select(*keys).distinct()
    lines = [f"{sql} as _line{n}" for n, sql in enumerate(parent.line)]
    candidates = rows.join(several, list(keys), "left_semi").selectExpr("*", *lines).join(as_of, list(keys))
    candidates = candidates.where("_day <= _as_of")
    line = ", ".join(["_as_of", *keys, *(f"_line{n}" for n in range(len(lines)))])
    last = f"row_number() over (partition by {line} order by {order} desc) as _n"
    newest = candidates.selectExpr("*", last).where("_n = 1")
    rows_as_of = newest.selectExpr(*(f"`{name}`" if name != "_day" else "_as_of as _day" for name in rows.columns))
    return rows.join(several, list(keys), "left_anti").unionByName(rows_as_of)
