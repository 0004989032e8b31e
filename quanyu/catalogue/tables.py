"""Pages of the catalogue about tables: their columns, owners and feeds, by layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from quanyu.catalogue.occurring import OccurringValues
from quanyu.discover import Catalogue
from quanyu.grammar.table import PERSON_KEYS, Column, Table
from quanyu.lake import place_of
from quanyu.markdown import grid

SILVER = """# Silver tables

Checked facts by source, as received. Every table also has the columns `source`, `feed_day`, `recorded_on` and
`replaced_on`, and `person_key` if it is about persons. With `recorded_on` and `replaced_on` a table can be read as
recorded by a day. `_file` and `_row` name the row of the feed that opened a version.
"""
GOLD = """# Gold tables

What is computed, by the key of an entity, mostly `customer_id`. The tables of feature views hold parts of aggregates:
what they mean is on the page of their entity.
"""


def silver_page(catalogue: Catalogue, occurring: OccurringValues) -> str:
    """Silver tables by subject, which is the module that declares them."""
    by_subject: dict[str, list[type[Table]]] = defaultdict(list)
    for table in _of_layer(catalogue, "silver"):
        by_subject[table.__module__.rpartition(".")[2]].append(table)
    parts = [SILVER, overview(table for tables in by_subject.values() for table in tables)]
    for subject in sorted(by_subject):
        parts.append(f"## {subject.capitalize()}\n")
        parts += [_table(catalogue, table, occurring) for table in by_subject[subject]]
    return "\n".join(parts)


def gold_page(catalogue: Catalogue, occurring: OccurringValues) -> str:
    """Gold tables by name; profiles are left out, since the pages of the entities list what they hold."""
    tables = [table for table in _of_layer(catalogue, "gold") if not table.name.startswith("profile_")]
    return "\n".join([GOLD, overview(tables), *(_table(catalogue, table, occurring) for table in tables)])


def feeds_page(catalogue: Catalogue) -> str:
    """Feeds with what they are, who answers for them and which tables they fill."""
    rows = [
        (f"`{name}`", source.describes, source.owner, source.delivers, ", ".join(source.tables()))
        for name, source in sorted(catalogue.sources.items())
    ]
    return "# Feeds\n\n" + grid(("feed", "what it is", "owner", "delivers", "fills"), rows)


def _of_layer(catalogue: Catalogue, layer: str) -> list[type[Table]]:
    return sorted((t for t in catalogue.tables.values() if t.layer == layer), key=lambda table: table.name)


def overview(tables: Iterable[type[Table]]) -> str:
    """A row for each table, with a link to its columns on the same page."""
    rows = [(f"[{place_of(t)}](#{t.layer}{t.name})", t.about(), t.owner, ", ".join(t.keys)) for t in tables]
    return grid(("table", "a row is", "owner", "key"), rows)


def _fillers(catalogue: Catalogue, table: type[Table]) -> list[str]:
    if table.name == "identifiers":
        return sorted(name for name, source in catalogue.sources.items() if source.person)
    return sorted(name for name, source in catalogue.sources.items() if table.name in source.tables())


def _table(catalogue: Catalogue, table: type[Table], occurring: OccurringValues) -> str:
    summary, fillers = f"Owner: {table.owner}. Key: {', '.join(table.identity())}.", _fillers(catalogue, table)
    persons = [f"{name} ({PERSON_KEYS[key]})" for name, key in table.identifies().items()]
    summary += f" Identifies persons by {', '.join(persons)}." if persons else ""
    summary += f" Feeds: {', '.join(fillers)}." if fillers else ""
    values = occurring.of_table(table)
    rows = [(f"`{name}`", one.type, _meaning(one) + values.get(name, "")) for name, one in table.columns.items()]
    named = [f"`{name}`: {one.about} `{one.sql}`" for name, one in table.conditions.items()]
    conditions = "\nConditions that expressions may name: " + "; ".join(named) + "\n" if named else ""
    head = f"### {place_of(table)}\n\n{table.about()} {summary}\n\n"
    return head + grid(("column", "type", "meaning"), rows) + conditions


def _meaning(column: Column) -> str:
    """Meaning, unit, allowed values or bounds, what it refers to, and whether it is personal."""
    sentences = [column.comment]
    sentences += [f"One of {', '.join(column.values)}."] if column.values else []
    sentences += [f"At least {column.at_least:g}."] if column.at_least is not None else []
    sentences += [f"At most {column.at_most:g}."] if column.at_most is not None else []
    sentences += [f"{column.days.words().capitalize()}."] if column.days else []
    by = f" by {column.references_column}" if column.references_column else ""
    sentences += [f"Refers to {column.references}{by}."] if column.references else []
    sentences += ["Required."] if column.required else []
    sentences += ["Personal."] if column.pii else []
    sentences += ["A column of this retailer."] if column.own else []
    return " ".join(sentences)
