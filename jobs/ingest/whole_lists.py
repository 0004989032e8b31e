"""Lists that a row tells whole: an element that the newest row of a list does not tell any more has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.ingest.versions import place_sql
from quanyu.expressions import parse
from quanyu.fill import Fill
from quanyu.source import Source
from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class WholeList:
    """A table whose rows are elements of lists that a feed tells whole.

    `owner` are the columns of its key that say whose list it is, `elements` those that tell its elements apart. `at` is
    SQL of what orders the lists of one owner, `timed` whether that is a time of the row and not the day of the feed.
    `may_be_empty` says that no fill makes a group of the elements, which would refuse a row without any.
    """

    owner: tuple[str, ...]
    elements: tuple[str, ...]
    at: str
    timed: bool
    may_be_empty: bool

    def is_element(self) -> str:
        """Condition of rows that are elements; a row without the key of one says that its list is empty."""
        return " and ".join(f"`{name}` is not null" for name in self.elements)

    def newest_of_day(self, rows: DataFrame) -> DataFrame:
        """Keep, of the lists of an owner on a day of the feed, those with the newest time."""
        if not self.timed:
            return rows
        day = ", ".join(["feed_day", *(f"`{name}`" for name in self.owner)])
        newest = rows.selectExpr("*", f"{self.at} as _at", f"max({self.at}) over (partition by {day}) as _newest")
        return newest.where("_at = _newest").drop("_at", "_newest")


def whole_list(source: Source, table: type[Table]) -> WholeList | None:
    """How a table is made of lists that a feed tells whole; None where it is not.

    A list of events is told once, and what a snapshot lacks ends with its rows. Fills of the table that do not agree
    on whose list it is prove nothing.
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
    timed = table.newest_by is not None and all(_is_of_row(fill, table.newest_by) for fill in lists)
    at = place_sql(table, source) if timed else "feed_day"
    grouped = {fill.each for fill in source.fills.values() if fill.one_row_per and not fill.where}
    may_be_empty = not all(fill.each in grouped for fill in lists)
    return WholeList(owner, elements, at, at != "feed_day", may_be_empty)


def _owner(fill: Fill, table: type[Table]) -> tuple[str, ...]:
    return tuple(key for key in table.keys if key == "person_key" or _is_of_row(fill, key))


def _is_of_row(fill: Fill, column: str) -> bool:
    """Whether the value of a column is of the row, and not of an element of its list."""
    return fill.each not in parse(fill.columns.get(column, "null")).roots.values()
