"""Values that occur in a lake, for the pages of the catalogue; nothing without a lake."""

from __future__ import annotations

from collections.abc import Mapping

from quanyu.catalogue.entries import Entry
from quanyu.catalogue.recorded import RecordedStatistics, Row, share
from quanyu.grammar.table import Table
from quanyu.lake import Lake, place_of

# Of a column with more values, none is listed.
MOST_LISTED = 12


class OccurringValues:
    """What occurs in a lake, in words; every text is empty where there is no lake."""

    def __init__(self, lake: Lake | None = None) -> None:
        self._lake = lake
        self._statistics = RecordedStatistics(lake) if lake else None

    @property
    def is_known(self) -> bool:
        """Whether there is a lake to look at."""
        return self._lake is not None

    def of_table(self, table: type[Table]) -> Mapping[str, str]:
        """Values of text columns that have few, by column; not of personal columns, keys and references."""
        place = place_of(table)
        if self._lake is None or not self._lake.exists(place):
            return {}
        stored = self._lake.arrow(place).schema.names
        texts = [
            name
            for name, column in table.columns.items()
            if column.type == "string"
            and name in stored
            and not (column.pii or column.references or name in table.keys)
        ]
        values = {name: self._lake.values(place, name) - {None} for name in texts if name not in table.identifies()}
        few = {name: sorted(listed) for name, listed in values.items() if 0 < len(listed) <= MOST_LISTED}
        return {name: f" Occur: {', '.join(listed)}." for name, listed in few.items()}

    def of_entry(self, entry: Entry) -> tuple[str, str]:
        """Share of those who have it, and most frequent values or quantiles."""
        row = self._statistics.newest.get((entry.entity, entry.name)) if self._statistics else None
        part = share(row) if row else None
        return ("" if part is None else f"{part:.1%}"), _values(row) if row else ""


def _values(row: Row) -> str:
    if row["values"] is not None and row["entities"]:
        pairs = zip(row["values"][:MOST_LISTED], row["counts"], strict=False)
        return ", ".join(f"{value} {count / row['entities']:.0%}" for value, count in pairs)
    if row["quantiles"] is None:
        return ""
    low, median, high = (f"{row['quantiles'][place]:,.4g}" for place in (1, 3, 5))
    return f"median {median}, 90 % between {low} and {high}"
