"""Complete lists: if each row contains its whole list, an element absent from the newest one has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.ingest.silver.versions import place_sql
from quanyu.expressions import parse
from quanyu.feeds.fill import Fill
from quanyu.feeds.source import Source
from quanyu.grammar.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class WholeList:
    """A table whose rows are elements of lists that a feed delivers complete.

    `owner` are the key columns that identify the list, `elements` those that identify an element in it. `at` is SQL
    that orders the lists of one owner; `timed` says that it is a time of the row and not the feed's day. `may_be_empty`
    says that no fill groups the elements, which would refuse a row with an empty list.
    """

    owner: tuple[str, ...]
    elements: tuple[str, ...]
    at: str
    timed: bool
    may_be_empty: bool

    def is_element(self) -> str:
        """SQL condition of rows that are elements; a row with null element keys stands for an empty list."""
        return " and ".join(f"`{name}` is not null" for name in self.elements)

    def newest_of_day(self, rows: DataFrame) -> DataFrame:
        """Of an owner's lists on one day of the feed, select those with the newest time."""
        if not self.timed:
            return rows
        day = ", ".join(["feed_day", *(f"`{name}`" for name in self.owner)])
        newest = rows.selectExpr("*", f"{self.at} as _at", f"max({self.at}) over (partition by {day}) as _newest")
        return newest.where("_at = _newest").drop("_at", "_newest")


def whole_list(source: Source, table: type[Table]) -> WholeList | None:
    """How a table is filled from complete lists; None if it is not.

    It is not for events, which are delivered once, or for snapshots, where absent rows end anyway. Neither is it if the
    table's fills disagree on the owner of a list.
    """
    if source.delivers == "events" or source.deleted_when is not None:
        return None
    fills = [source.fills[name] for name in source.tables().get(table.name, ())]
    lists = [fill for fill in fills if fill.each]
    owners = {_owner(fill, table) for fill in lists}
    if len(owners) != 1 or any(fill.one_row_per for fill in fills):
        return None
    (owner,) = owners
    elements = tuple(key for key in table.keys if key not in owner)
    if not owner or not elements:
        return None
    timed = table.sequence_by is not None and all(_is_of_row(fill, table.sequence_by) for fill in lists)
    at = place_sql(table, source) if timed else "feed_day"
    grouped = {fill.each for fill in source.fills.values() if fill.one_row_per and not fill.where}
    may_be_empty = not all(fill.each in grouped for fill in lists)
    return WholeList(owner, elements, at, at != "feed_day", may_be_empty)


def _owner(fill: Fill, table: type[Table]) -> tuple[str, ...]:
    return tuple(key for key in table.keys if key == "person_key" or _is_of_row(fill, key))


def _is_of_row(fill: Fill, column: str) -> bool:
    """Whether the value of a column comes from the row itself and not from an element of its list."""
    return fill.each not in parse(fill.columns.get(column, "null")).roots.values()
