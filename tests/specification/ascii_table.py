"""Tables as text: a header and rows with | between cells, and a default for each column that is not named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from quanyu.grammar.entity import Entity
from quanyu.grammar.table import Column, Table

Row = dict[str, str | None]
# Rows without a time, such as products or identities, are valid from the start unless a case says otherwise.
ALWAYS = "2000-01-01"


def cells(text: str) -> list[Row]:
    """Parse a table: one row per line, under a header; an empty cell and `null` are null. Raises ValueError."""
    lines = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines() if line.strip()]
    header = lines[0]
    for line in lines[1:]:
        if len(line) != len(header):
            raise ValueError(f"{' | '.join(line)}: {len(line)} cells under a header of {len(header)}")
    return [dict(zip(header, (None if c in ("", "null") else c for c in line), strict=True)) for line in lines[1:]]


def facts(table: type[Table], text: str, prefix: str, zone: str) -> list[Row]:
    """Rows of a table with every column of its schema, as text.

    `customer` names the row's customer, and `person` the person in the source if that is another name. Keys get the
    prefix of the case. Raises ValueError for a column that the table does not have, or one that a case must give.
    """
    rows = cells(text)
    unknown = {name for row in rows for name in row} - {*table.schema(), "customer", "person"}
    if unknown:
        raise ValueError(f"{table.name} has no column {', '.join(sorted(unknown))}")
    return [_filled(table, row, f"{prefix}{table.name}-{number}", prefix, zone) for number, row in enumerate(rows)]


def _filled(table: type[Table], row: Row, key: str, prefix: str, zone: str) -> Row:
    filled: Row = {}
    for name, column in table.schema().items():
        if name in row:
            filled[name] = _prefixed(table, name, row[name], prefix)
        elif name in ("person_key", "customer_id"):
            person = row.get("person") if name == "person_key" else None
            filled[name] = _prefixed_value(prefix, person or row.get("customer"))
        elif name in ("recorded_on", "feed_day"):
            filled[name] = row.get("recorded_on") or day_of(row.get(table.event_time or ""), zone)
        elif name == "source":
            filled[name] = "spec"
        else:
            filled[name] = _default(table, name, column, key)
    return filled


def _default(table: type[Table], name: str, column: Column, key: str) -> str | None:
    """Default of a column: null unless required; else a unique key, or the first allowed value (paid, purchase)."""
    if not column.required:
        return None
    if column.values:
        return "granted" if column.values[0] == "granted" else column.values[0]
    if name in table.keys:
        return key if column.type == "string" else key.rsplit("-", 1)[1]
    if column.type in ("date", "timestamp"):
        raise ValueError(f"{table.name}: a case gives {name}")
    return {"string": name, "boolean": "false"}.get(column.type, "0")


def _prefixed(table: type[Table], name: str, value: str | None, prefix: str) -> str | None:
    """Prefix keys and references to them: the cases of a file share their tables."""
    column = table.columns.get(name)
    if name == "person_key" or column is None or column.type != "string" or column.values:
        return _prefixed_value(prefix, value) if name == "person_key" else value
    leads = (table.layer == "silver" and table.keys[:1] == (name,)) or column.references or name == "customer_id"
    leads = leads or column.alternate_key or any(e.table is table and e.key == name for e in Entity.__subclasses__())
    return _prefixed_value(prefix, value) if leads else value


def _prefixed_value(prefix: str, value: str | None) -> str | None:
    return None if value is None else f"{prefix}{value}"


def day_of(moment: str | None, zone: str) -> str:
    """Day of a moment in the zone; for none, a day long ago."""
    if moment is None:
        return ALWAYS
    at = datetime.fromisoformat(moment)
    return str(at.astimezone(ZoneInfo(zone)).date() if at.tzinfo else at.date())


def customers(tables: dict[type[Table], str]) -> Iterator[str]:
    """Names under `customer` in the tables of a case."""
    for text in tables.values():
        yield from (name for row in cells(text) if (name := row.get("customer")))
