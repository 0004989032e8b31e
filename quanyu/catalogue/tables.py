"""The catalogue page: every table with its columns, owner and feeds, generated from the declarations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from quanyu.discover import Catalogue
from quanyu.grammar.table import PERSON_KEYS, Column, Table
from quanyu.lake import place_of
from quanyu.markdown import grid

HEAD = """# Catalogue

Generated from the declarations by `quanyu catalogue`; a test keeps it current. Silver tables contain facts by source
and `person_key`, gold tables data by the key of an entity, mostly `customer_id`. Every silver table also has the
columns `source`, `feed_day`, `recorded_on` and `replaced_on`, and `person_key` if it is about persons. With
`recorded_on` and `replaced_on` a table can be read as recorded by a day. `_file` and `_row` name the row of the feed
that opened a version.
"""


def markdown(catalogue: Catalogue) -> str:
    """Build the catalogue of a conf folder as Markdown: tables by layer and name, then the feeds."""
    tables = sorted(catalogue.tables.values(), key=lambda table: (table.layer != "silver", table.name))
    parts = [HEAD, "## Tables\n", _overview(tables)]
    parts += [_table(table, _fillers(catalogue, table)) for table in tables]
    return "\n".join([*parts, "## Feeds\n", _feeds(catalogue)])


def _overview(tables: Iterable[type[Table]]) -> str:
    rows = [(f"[{place_of(t)}](#{t.layer}{t.name})", t.about(), t.owner, ", ".join(t.keys)) for t in tables]
    return grid(("table", "a row is", "owner", "key"), rows)


def _fillers(catalogue: Catalogue, table: type[Table]) -> list[str]:
    if table.name == "identifiers":
        return sorted(name for name, source in catalogue.sources.items() if source.person)
    return sorted(name for name, source in catalogue.sources.items() if table.name in source.tables())


def _table(table: type[Table], fillers: list[str]) -> str:
    summary = f"Owner: {table.owner}. Key: {', '.join(table.identity())}."
    persons = [f"{name} ({PERSON_KEYS[key]})" for name, key in table.identifies().items()]
    summary += f" Identifies persons by {', '.join(persons)}." if persons else ""
    summary += f" Feeds: {', '.join(fillers)}." if fillers else ""
    rows = [(f"`{name}`", column.type, _meaning(column)) for name, column in table.columns.items()]
    return f"### {place_of(table)}\n\n{table.about()} {summary}\n\n" + grid(("column", "type", "meaning"), rows)


def _meaning(column: Column) -> str:
    """Meaning, unit, allowed values or bounds, what it refers to, and whether it is personal."""
    sentences = [column.comment]
    sentences += [f"One of {', '.join(column.values)}."] if column.values else []
    sentences += [f"At least {column.at_least:g}."] if column.at_least is not None else []
    sentences += [f"At most {column.at_most:g}."] if column.at_most is not None else []
    sentences += [f"{column.days.words().capitalize()}."] if column.days else []
    sentences += [f"Refers to {column.references}."] if column.references else []
    sentences += ["Required."] if column.required else []
    sentences += ["Personal."] if column.pii else []
    sentences += ["A column of this retailer."] if column.own else []
    return " ".join(sentences)


def _feeds(catalogue: Catalogue) -> str:
    rows = [
        (f"`{name}`", source.describes, source.owner, source.delivers, ", ".join(source.tables()))
        for name, source in sorted(catalogue.sources.items())
    ]
    return grid(("feed", "what it is", "owner", "delivers", "fills"), rows)


def counts(catalogue: Catalogue) -> Mapping[str, int]:
    """Number of tables, columns and feeds on the page."""
    columns = sum(len(table.columns) for table in catalogue.tables.values())
    return {"tables": len(catalogue.tables), "columns": columns, "feeds": len(catalogue.sources)}
