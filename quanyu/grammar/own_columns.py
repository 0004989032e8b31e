"""A retailer's own columns of a table of the One Model, and traits: how a value is chosen among several records."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, ClassVar, Literal

from pydantic import Field

from quanyu.errors import nearest
from quanyu.grammar.bounds import Sentence, StrictModel
from quanyu.grammar.declaration import NAME, Problems, YamlDeclaration
from quanyu.grammar.platforms.categories import Category
from quanyu.grammar.table import PLANNED, TYPE, Column, Table

TYPES = ("string", "date", "timestamp", "boolean", "int", "bigint", "double", "decimal(18,2)",
         "array<string>", "array<bigint>", "array<double>")  # fmt: skip
NUMBERS = ("int", "bigint", "double", "decimal")
# Names that facts get when they are read.
RESERVED = ("customer_id", "as_of", "person_key")
# The table whose records become customers, and the table that its traits become columns of.
RECORDS, CUSTOMERS = "people", "customers"
SORTABLE = ("string", "boolean")


class OwnColumn(StrictModel):
    """One more column of a table. It is never required: rows that were ingested before it have none."""

    type: str = Field(description=f"one of {', '.join(TYPES)}")
    means: Sentence = Field(description="say in a sentence what the column means")
    unit: str = Field("", description="unit of a number, such as currency, pieces or share")
    values: tuple[str, ...] = Field((), description="all texts that are allowed")
    at_least: float | None = Field(None, description="smallest number that is allowed")
    at_most: float | None = Field(None, description="largest number that is allowed")
    personal: bool = Field(False, description="whether it is personal data")
    category: Category | None = Field(
        None, description="sensitive category that its values are of: platforms forbid audiences of some"
    )

    def column(self) -> Column:
        """The column of the table. An unknown type counts as text, so that other mistakes can be reported too."""
        kind = self.type if TYPE.match(self.type) else "string"
        days = PLANNED if kind in ("date", "timestamp") else None
        return Column(
            kind, self.means, unit=self.unit, values=self.values, at_least=self.at_least, at_most=self.at_most,
            days=days, pii=self.personal, own=True, category=self.category,
        )  # fmt: skip

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield the keys that are wrong, each with what is allowed."""
        if not TYPE.match(self.type):
            yield "type", f"type {self.type!r} is not allowed; {nearest(self.type, TYPES)}"
        if self.values and self.type != "string":
            yield "values", f"values are for a string, not for a {self.type}"
        if self.type.startswith(NUMBERS) and not self.unit:
            yield "unit", "is missing: what the number counts, such as currency, pieces or share"
        if not self.type.startswith(NUMBERS):
            for key in ("unit", "at_least", "at_most"):
                if getattr(self, key) not in (None, ""):
                    yield key, f"is for a number, not for a {self.type}"
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            yield "at_most", "is less than at_least"


class Trait(StrictModel):
    """A column of people that customers have too, or of the list of another entity that several sources fill.

    `keep` says which of the records gives the value.

    `newest`: the record that changed last. `most_trusted`: the record of the source that comes first in `order`.
    `strictest`: the value that comes first in `order`. Among equals, and among those that `order` does not name, the
    newest counts. Records without a value do not count.
    """

    keep: Literal["newest", "most_trusted", "strictest"] = Field(description="whose value a customer has")
    order: tuple[str, ...] = Field((), description="sources or values, the most trusted or strictest first")

    def column(self, of: Column) -> Column:
        """The column of customers."""
        survivorship = self.order if self.keep == "most_trusted" else ()
        strictest = self.order if self.keep == "strictest" else ()
        return Column(
            of.type, of.about, unit=of.unit, values=of.values, own=True, survivorship=survivorship,
            strictest=strictest, category=of.category,
        )  # fmt: skip

    def chosen(self, of: Column) -> Column:
        """The column of an entity's own list, with the choice among the sources that fill it."""
        column = self.column(of)
        return replace(of, survivorship=column.survivorship, strictest=column.strictest, trait=True)

    def mistakes(self, name: str, of: Column, sources: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yield the keys that are wrong of the trait of a column, each with what is allowed."""
        if of.type.startswith("array"):
            yield "", "a list cannot be a trait: make columns of its elements in the fill"
        if of.pii and not of.values:
            yield "", f"{name} is personal, and customers have no personal texts or numbers: declare its `values`"
        if self.keep == "newest" and self.order:
            yield ".order", "is for most_trusted and strictest: newest needs none"
        if self.keep != "newest" and not self.order:
            yield ".order", f"is missing: the {'sources' if self.keep == 'most_trusted' else 'values'}, first to last"
        if self.keep == "most_trusted":
            unknown = [source for source in self.order if source not in sources]
            yield from ((".order", f"unknown source {source!r}; {nearest(source, sources)}") for source in unknown)
        if self.keep == "strictest":
            yield from self._values(of)

    def _values(self, of: Column) -> Iterator[tuple[str, str]]:
        if of.type not in SORTABLE:
            yield ".keep", f"strictest is for a column of {' or '.join(SORTABLE)}, not for a {of.type}"
            return
        allowed = ("false", "true") if of.type == "boolean" else of.values
        for value in self.order:
            if allowed and value not in allowed:
                yield ".order", f"{value!r} is no value of the column; {nearest(value, allowed)}"
        if missing := [value for value in allowed if value not in self.order]:
            yield ".order", f"does not say how strict {', '.join(missing)} is: name every value, the strictest first"


class OwnColumns(YamlDeclaration):
    """Columns that one retailer adds to the table of the file's name, and traits of customers or another entity."""

    kind: ClassVar[str] = "tables"

    columns: dict[str, OwnColumn] = Field({}, description="more columns of the table, by name")
    traits: dict[str, Trait] = Field(
        {}, description="columns of which each has a choice among several records, by name"
    )

    def problems(
        self, tables: Mapping[str, type[Table]], sources: Collection[str], lists: Collection[str] = ()
    ) -> Problems:
        """Check the table, the names and types of columns, and the traits.

        `sources` are names of feeds, and `lists` the tables that list entities, such as outlets.
        """
        problems = Problems()
        allowed = [t.name for t in tables.values() if t.layer == "silver" and t.name != "identifiers"]
        if self.name not in allowed:
            problems.add(self.file, "", f"there is no table {self.name!r} to add to; {nearest(self.name, allowed)}")
            return problems
        for name, column in self.columns.items():
            if words := _name_mistake(name, tables[self.name]):
                problems.add(self.file, f"columns.{name}", words)
            for key, words in column.mistakes():
                problems.add(self.file, f"columns.{name}.{key}", words)
        if self.traits and self.name not in (RECORDS, *lists):
            words = f"{self.name} list no entity, so each row has its own values: traits are columns of "
            problems.add(self.file, "traits", words + ", ".join([RECORDS, *sorted(lists)]))
        else:
            self._check_traits(problems, tables, sources)
        return problems

    def _check_traits(self, problems: Problems, tables: Mapping[str, type[Table]], sources: Collection[str]) -> None:
        table, of_people = tables[self.name], self.name == RECORDS
        columns = {**table.columns, **self.added(tables)}
        for name, trait in self.traits.items():
            key = f"traits.{name}"
            if name not in columns:
                problems.add(self.file, key, f"unknown column of {self.name}; {nearest(name, columns)}")
            elif not of_people and (name in table.keys or columns[name].pii):
                what = "the key" if name in table.keys else "personal, and rules name no personal column"
                problems.add(self.file, key, f"{name} of {self.name} is {what}: it needs no trait")
            elif of_people and name in tables[CUSTOMERS].columns:
                words = f"{CUSTOMERS} have a column {name} already; `survivorship` in base.yml ranks its sources"
                problems.add(self.file, key, words)
            else:
                for place, words in trait.mistakes(name, columns[name], sources):
                    problems.add(self.file, f"{key}{place}", words)

    def added(self, tables: Mapping[str, type[Table]]) -> dict[str, Column]:
        """The added columns, without those whose name is wrong."""
        table = tables[self.name]
        return {name: own.column() for name, own in self.columns.items() if not _name_mistake(name, table)}

    def extend(self, tables: Mapping[str, type[Table]]) -> dict[str, type[Table]]:
        """The tables that this file changes, by name: new classes, which leave the declared ones as they are."""
        if self.name not in tables or tables[self.name].layer != "silver":
            return {}
        table = with_columns(tables[self.name], self.added(tables))
        traits = {name: trait for name, trait in self.traits.items() if name in table.columns}
        if self.name != RECORDS:
            chosen = {name: trait.chosen(table.columns[name]) for name, trait in traits.items()}
            return {self.name: with_columns(table, chosen)}
        old = tables[CUSTOMERS].columns
        more = {name: trait.column(table.columns[name]) for name, trait in traits.items() if name not in old}
        return {RECORDS: table, **({CUSTOMERS: with_columns(tables[CUSTOMERS], more)} if more else {})}


def _name_mistake(name: str, table: type[Table]) -> str | None:
    if not NAME.match(name):
        return "is no name of a column: lower case letters, digits and _"
    if name in vars(Table) or name in Table.__annotations__ or name in RESERVED:
        return "is a reserved name: give the column another name"
    if name in table.schema():
        return f"{table.name} has this column already: fill that one, or give yours another name"
    return None


def with_columns(table: type[Table], columns: Mapping[str, Column]) -> type[Table]:
    """A new class of the same table with more columns."""
    declared: Any = table
    return _redeclared(declared, tuple(columns.items())) if columns else table


# Cached, so that whatever is computed once for a table is found again when the same conf folder is loaded again.
@cache
def _redeclared(declared: type[Any], changes: tuple[tuple[str, Any], ...]) -> type[Any]:
    body = {name: value for name, value in vars(declared).items() if name not in ("__dict__", "__weakref__")}
    return type(declared.__name__, declared.__bases__, {**body, **dict(changes)})


def over_extended(view: Any, tables: Mapping[str, type[Table]]) -> Any:
    """A feature view over the retailer's form of its table: a new class where that has more columns."""
    over = getattr(view, "over", None)
    extended = tables.get(over.name, over) if isinstance(over, type) and issubclass(over, Table) else over
    return view if extended is over else _redeclared(view, (("over", extended),))
