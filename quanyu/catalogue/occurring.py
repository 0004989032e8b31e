"""Values that occur in a lake, for the pages of the catalogue; nothing without a lake."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from quanyu.catalogue.entries import Entry
from quanyu.catalogue.recorded import RecordedStatistics, Row, share
from quanyu.grammar.table import Table
from quanyu.lake import Lake, place_of

# Of a column with more values, none is listed.
MOST_LISTED = 12
# Columns by which a row is about a person, whatever its table is about otherwise.
OF_PERSONS = ("person_key", "record", "customer_id")


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
        """Values of text columns that have few, by column; not of personal columns, keys and references.

        Of a table about persons, only values that the column declares: others may be what a person wrote. Of other
        tables, those too that several rows share.
        """
        place = place_of(table)
        if self._lake is None or not self._lake.exists(place):
            return {}
        stored, about_persons = self._lake.arrow(place).schema.names, _is_about_persons(table)
        texts = {
            name: column.values
            for name, column in table.columns.items()
            if column.type == "string"
            and name in stored
            and not (column.pii or column.references or name in table.keys or name in table.identifies())
        }
        listed = {
            name: sorted(_occurring(self._lake, table, name, declared))
            for name, declared in texts.items()
            if declared or not about_persons
        }
        return {name: f" Occur: {', '.join(values)}." for name, values in listed.items() if values}

    def of_entry(self, entry: Entry) -> tuple[str, str]:
        """Share of those who have it, and most frequent values or quantiles."""
        row = self._statistics.newest.get((entry.entity, entry.name)) if self._statistics else None
        part = share(row) if row else None
        return ("" if part is None else f"{part:.1%}"), _values(row) if row else ""


def _occurring(lake: Lake, table: type[Table], name: str, declared: Collection[str]) -> set[str]:
    """Values of a column that are declared, or that several rows with different keys share; none if it has many."""
    place = place_of(table)
    values = lake.values(place, name) - {None}
    if declared or len(values) > MOST_LISTED:
        return values & {*declared}
    rows = lake.arrow(place).to_table(columns=[name, *table.keys]).group_by([name, *table.keys]).aggregate([])
    counts = rows.group_by(name).aggregate([([], "count_all")]).to_pylist()
    return {row[name] for row in counts if row["count_all"] > 1} - {None}


def _values(row: Row) -> str:
    if row["values"] is not None and row["entities"]:
        pairs = zip(row["values"][:MOST_LISTED], row["counts"], strict=False)
        return ", ".join(f"{value} {count / row['entities']:.0%}" for value, count in pairs)
    if row["quantiles"] is None:
        return ""
    low, median, high = (f"{row['quantiles'][place]:,.4g}" for place in (1, 3, 5))
    return f"median {median}, 90 % between {low} and {high}"


def _is_about_persons(table: type[Table]) -> bool:
    """Whether rows are about persons: by their table, by whom a column identifies, or by their key."""
    whom = table.identifies()
    return table.personal or any(kind in OF_PERSONS or name in table.keys for name, kind in whom.items())
