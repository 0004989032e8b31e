"""Finds text literals in rules that their column never has, such as a category that nobody sells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from quanyu.discover import Catalogue
from quanyu.expressions import ExpressionError, parse
from quanyu.expressions.grammar import column_name
from quanyu.grammar.declaration import file_of
from quanyu.grammar.entity import Entity
from quanyu.grammar.table import Column, Table
from quanyu.grammar.tags import profile_column
from quanyu.lake import place_of
from quanyu.run.runner import Context

PROFILE = "profile_"
MOST_SUGGESTED = 3
# Beyond so many different values a column is free text, and nothing is suggested.
MOST_VALUES = 10_000


@dataclass(frozen=True)
class Absent:
    """A literal that its column never has: where it is written, the column, and the nearest values that it has.

    There are none for a column of personal data.
    """

    file: str
    key: str
    column: str
    literal: str
    nearest: tuple[str, ...] = ()

    def __str__(self) -> str:
        near = ", ".join(map(repr, self.nearest))
        return f"{self.column} is never {self.literal!r}" + (f"; nearest: {near}" if near else "")


@dataclass(frozen=True)
class WrittenRule:
    """An expression of a declaration, with the table whose columns it may name without a prefix, or its entity."""

    file: str
    key: str
    text: str
    over: type[Table] | None = None
    about: type[Entity] | None = None


def absent_values(context: Context) -> Iterator[Absent]:
    """Literals of audiences, tags, views and models that their column has in no row of today's tables."""
    known: dict[tuple[str, str], set[str]] = {}
    for rule in rules(context.catalogue):
        for column, literal in dict.fromkeys(compared(rule.text)):
            table, declared = _declared(context.catalogue, rule, column)
            if table is None or declared is None or declared.type != "string" or declared.values:
                continue
            in_profile = table.name.startswith(PROFILE)
            place = place_of(table), profile_column(column_name(column)) if in_profile else column.name
            if place not in known:
                known[place] = _values(context, *place)
            if known[place] and literal not in known[place]:
                near = () if declared.pii else _nearest(literal, known[place])
                yield Absent(rule.file, rule.key, column.sql(), literal, near)


def rules(catalogue: Catalogue) -> Iterator[WrittenRule]:
    """Every expression that may compare a column with a literal."""
    tables = catalogue.tables
    for audience in catalogue.audiences.values():
        yield WrittenRule(audience.file, "who", audience.who, about=catalogue.entities[audience.entity])
        for name, measure in audience.measures.items():
            for key, text in (("value", measure.value), ("where", measure.where)):
                if text:
                    yield WrittenRule(audience.file, f"measures.{name}.{key}", text, tables.get(measure.over))
    for file in catalogue.tags.values():
        about = catalogue.entities[file.entity]
        for name, tag in file.tags.items():
            of_tag = tag.texts().items()
            yield from (WrittenRule(file.file, f"tags.{name}.{key}", text, about=about) for key, text in of_tag)
    for view in catalogue.views.values():
        texts = {"where": view.where, **{name: feature.expression for name, feature in view.features.items()}}
        texts |= {f"{name}.where": feature.where for name, feature in view.features.items()}
        yield from (
            WrittenRule(file_of(view), f"{view.__name__}.{key}", text, view.over) for key, text in texts.items() if text
        )
    for spec in catalogue.models.values():
        yield WrittenRule(file_of(spec), f"{spec.name}.population", spec.population, about=spec.entity)
        if spec.label.where:
            yield WrittenRule(file_of(spec), f"{spec.name}.label.where", spec.label.where, tables[spec.label.over])


def compared(text: str) -> Iterator[tuple[exp.Column, str]]:
    """Columns that an expression compares with a text by `=`, `<>`, `<=>` or `in`, each with the text."""
    try:
        tree = parse(text).tree
    except ExpressionError:
        return
    for node in tree.find_all(exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.In):
        sides = [node.this, *(node.expressions if isinstance(node, exp.In) else [node.expression])]
        columns = [side for side in sides if isinstance(side, exp.Column)]
        for literal in sides:
            if isinstance(literal, exp.Literal) and literal.is_string and len(columns) == 1:
                yield columns[0], literal.this


def _declared(catalogue: Catalogue, rule: WrittenRule, column: exp.Column) -> tuple[type[Table] | None, Column | None]:
    """The table of a column: of its prefix, or the one that the rule is over; for features and tags the profile."""
    names = catalogue.names(rule.about) if rule.about else {}
    if rule.about and column.table not in catalogue.entities and column_name(column) in names:
        return catalogue.tables.get(f"{PROFILE}{rule.about.name}"), names[column_name(column)]
    entity = catalogue.entities.get(column.table)
    name = entity.table.name if entity else column.table
    table = catalogue.tables.get(name) if name else rule.over
    return table, table.schema().get(column.name) if table else None


def _values(context: Context, place: str, column: str) -> set[str]:
    """The different values of a column; none without a table, or if the table does not have the column yet."""
    if not context.lake.exists(place) or column not in context.lake.arrow(place).schema.names:
        return set()
    return {value for value in context.lake.values(place, column) if value is not None}


def _nearest(literal: str, values: set[str]) -> tuple[str, ...]:
    from rapidfuzz import process

    if len(values) > MOST_VALUES:
        return ()
    return tuple(value for value, _, _ in process.extract(literal, sorted(values), limit=MOST_SUGGESTED))
