"""Source: a feed, how to read it, and how it fills Tables by SQL expressions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from quanyu.candidates import candidates
from quanyu.declare import NAME, Problems, YamlDeclaration
from quanyu.errors import ConfigError, nearest
from quanyu.expressions import Expression, ExpressionError, check_columns, check_type, parse
from quanyu.expressions.aggregates import plan
from quanyu.extract import Extracts
from quanyu.freshness import Fresh
from quanyu.printable import printable
from quanyu.sections import Zone
from quanyu.table import Table

# Groups rows by the person whom they are about, in `one_row_per`.
PERSON = "person"
SYSTEM = {"_file": "string", "_row": "bigint", "_day": "date"}
DAY = re.compile(r"\{day(?::([^}]+))?\}")


class Part(BaseModel):
    """A frozen part of a declaration that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Reads(Part):
    """Where the files lie and how their bytes become rows of text."""

    path: str
    format: Literal["csv", "jsonl", "json", "parquet"]
    records: str | None = Field(None, description="json: member of the document that holds the list of rows")
    encoding: str = "utf-8"
    delimiter: str = Field(",", min_length=1, max_length=1)
    quote: str = Field('"', min_length=1, max_length=1)
    columns: tuple[str, ...] = Field(
        (), description="columns of the feed; where given, expressions may name only these"
    )
    optional: tuple[str, ...] = Field((), description="columns that a file may lack; they are null then")
    aliases: dict[str, str] = Field({}, description="names that a column has in some files: the column's own name")
    day: str | None = Field(None, description="expression of the feed's day, where the path has no {day}")
    unpacked_mb: int = Field(8192, ge=1, description="MB that a file may hold once unpacked")
    unpacked_times: float = Field(250, gt=1, description="how many times its own size an archive may hold")

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError:
            raise ValueError("unknown encoding; for example utf-8, gb18030, latin-1") from None
        return value

    @model_validator(mode="after")
    def _one_day(self) -> Reads:
        if bool(DAY.search(self.path)) == bool(self.day):
            raise ValueError("the day stands either in the path, as {day}, or in `day` as an expression of a column")
        return self

    @model_validator(mode="after")
    def _records_of_a_document(self) -> Reads:
        if (self.format == "json") != bool(self.records):
            raise ValueError("format json needs `records`, the member that holds the rows; no other format has it")
        return self


class Identifier(Part):
    """One thing that may name the person of a row."""

    kind: str = Field(pattern=NAME.pattern)
    value: str
    scope: str = ""


class Volume(Part):
    """Rows a day may have, as a share of the median of the days before."""

    at_least: float = Field(0.5, ge=0)
    at_most: float = Field(3.0, gt=0)
    days: int = Field(28, ge=1)
    after: int = Field(7, ge=1, description="days of history before it is judged")


class Fill(Part):
    """How rows of the feed become rows of one Table: an expression per column, which rows, and how many per key.

    It is named for its table; a further fill of the same table has a name of its own and says `table`.
    """

    table: str
    columns: dict[str, str]
    where: str | None = None
    one_row_per: tuple[str, ...] = ()
    each: str | None = Field(
        None, description="column with a JSON list: one row for each element, named `column.member`"
    )


class Source(YamlDeclaration):
    """A feed. What it fills is checked against the Tables it names."""

    kind: ClassVar[str] = "source"

    reads: Reads
    extracts: Extracts | None = None
    delivers: Literal["events", "changes", "snapshot"]
    deleted_when: Literal["absent"] | None = None
    zone: Zone | None = None
    freshness: Fresh = Field(None, validate_default=True)
    volume: Volume | None = None
    bad_share: float = Field(0.05, ge=0, le=1)
    repeats: Literal["keep", "drop"] = "keep"
    party: Literal["first", "second", "third"] = Field(
        "first", description="whose data it is: persons of others are joined to customers and never become ones"
    )
    drops: dict[str, str] = Field({}, description="reason: condition of rows that are left out on purpose, and counted")
    person: tuple[Identifier, ...] = ()
    keeps: tuple[str, ...] = Field((), description="kinds of identifiers that a row without one leaves as they were")
    fills: dict[str, Fill] = Field(min_length=1)

    @field_validator("fills", mode="before")
    @classmethod
    def _columns_beside_options(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: _fill(name, fill) for name, fill in value.items()}

    @model_validator(mode="after")
    def _absent_needs_snapshots(self) -> Source:
        if self.deleted_when and self.delivers != "snapshot":
            raise ValueError("deleted_when: absent is for feeds that deliver snapshots")
        if self.keeps and (self.deleted_when or self.delivers == "events"):
            raise ValueError("keeps is for feeds that deliver changes, or snapshots in which nothing is absent")
        return self

    def problems(self, tables: Mapping[str, type[Table]]) -> Problems:
        """Check every expression against the Tables; gathers all mistakes."""
        found = Problems()
        for key, text in self._conditions():
            self._check(found, key, text, "boolean")
        if "consents" in self.tables() and self.freshness is None:
            found.add(self.file, "freshness", "a feed of consents must say how late it may be, {hours: 48}")
        kinds = tables["identifiers"].columns["kind"].values if "identifiers" in tables else ()
        for position, item in enumerate(self.person):
            self._check(found, f"person.{position}.value", item.value, "string")
            if kinds and item.kind not in kinds:
                wrong = f"unknown kind {item.kind!r}; {nearest(item.kind, kinds)}"
                found.add(self.file, f"person.{position}.kind", wrong)
        for kind in sorted({*self.keeps} - {item.kind for item in self.person}):
            found.add(self.file, "keeps", f"`person` has no {kind!r}; name kinds that it has")
        if self.reads.day:
            self._check(found, "reads.day", self.reads.day, "date")
        if self.extracts:
            for key, words in self.extracts.mistakes(self.reads.path, self.reads.format, self.delivers):
                found.add(self.file, key, words)
        for name, fill in self.fills.items():
            table = tables.get(fill.table)
            if table is None or table.layer != "silver" or table.name == "identifiers":
                silver = [t.name for t in tables.values() if t.layer == "silver" and t.name != "identifiers"]
                found.add(self.file, f"fills.{name}", f"unknown table {fill.table!r}; {nearest(fill.table, silver)}")
            else:
                self._check_fill(found, name, fill, table)
        return found

    def _conditions(self) -> list[tuple[str, str]]:
        drops = [(f"drops.{reason}", text) for reason, text in self.drops.items()]
        return drops + [(f"fills.{name}.where", fill.where) for name, fill in self.fills.items() if fill.where]

    def _check_fill(self, found: Problems, name: str, fill: Fill, table: type[Table]) -> None:
        where = f"fills.{name}"
        if table.personal and not self.person and "person_key" in table.keys:
            found.add(self.file, where, f"{table.name} is about persons: say in `person` who a row is about")
        for column in table.columns:
            if column not in fill.columns and (column in table.keys or table.columns[column].required):
                found.add(self.file, where, f"column {column} is required and has no expression")
        for column, text in fill.columns.items():
            if column not in table.columns:
                found.add(
                    self.file, f"{where}.{column}", f"unknown column of {table.name}; {nearest(column, table.columns)}"
                )
                continue
            parsed = self._check(found, f"{where}.{column}", text, table.columns[column].type)
            if parsed and parsed.aggregates and not fill.one_row_per:
                found.add(self.file, f"{where}.{column}", f"{text!r} aggregates rows: say one_row_per")
            elif parsed and parsed.aggregates:
                with found.noted(self.file, f"{where}.{column}"):
                    plan(parsed, self.types(parsed), wanted=table.columns[column].type)
        for text in fill.one_row_per:
            if text != PERSON and text not in fill.columns.values():
                found.add(self.file, f"{where}.one_row_per", f"{text!r} must be `person` or the expression of a column")
        for text in (text for text in fill.one_row_per if text != PERSON):
            self._check(found, f"{where}.one_row_per", text, None)

    def _check(self, found: Problems, key: str, text: str, wanted: str | None) -> Expression | None:
        try:
            parsed = parse(text)
            if self.reads.columns:
                members = [column for column in parsed.columns if column.split(".")[0] in self.reads.columns]
                check_columns(parsed, [*self.reads.columns, *members, *SYSTEM])
            if wanted:
                check_type(parsed, self.types(parsed), wanted, loose=wanted != "boolean")
        except ExpressionError as error:
            found.add(self.file, key, str(error))
            return None
        return parsed

    def types(self, expression: Expression) -> dict[str, str]:
        """Types of the columns that an expression names: text as received, and the system's own."""
        return {column: SYSTEM.get(column, "string") for column in expression.columns}

    def tables(self) -> dict[str, list[str]]:
        """Names of the tables that are filled, each with the names of its fills."""
        found: dict[str, list[str]] = {}
        for name, fill in self.fills.items():
            found.setdefault(fill.table, []).append(name)
        return found

    def named_columns(self) -> tuple[str, ...]:
        """Columns of the feed that any expression names, in order: the string columns of bronze."""
        texts = [text for _, text in self._conditions()] + [item.value for item in self.person]
        texts += [self.reads.day] if self.reads.day else []
        for fill in self.fills.values():
            texts += fill.columns.values()
        # A member of a JSON value, `buyer.nick`, comes out of the column that holds it.
        columns = dict.fromkeys(column.split(".")[0] for text in texts for column in parse(text).columns)
        return tuple(column for column in columns if column not in SYSTEM)

    def root(self, landing: Path, data: Path) -> tuple[Path, str]:
        """Folder in which the files lie and the pattern below it; `data:` stands for the folder of shared data."""
        if self.reads.path.startswith("data:"):
            return data, self.reads.path.removeprefix("data:").lstrip("/")
        return landing, self.reads.path

    def day_of(self, relative: str) -> date | None:
        """Read the feed's day out of a path below the root; None where the day stands in a column."""
        pattern = self.root(Path(), Path())[1]
        found = DAY.search(pattern)
        if not found:
            return None
        match = re.fullmatch(_regex(pattern), relative)
        if not match:
            raise ConfigError(f"{self.file}: reads.path: {relative} does not match {pattern}")
        return datetime.strptime(match.group("day"), found.group(1) or "%Y-%m-%d").date()

    def files(self, landing: Path, data: Path) -> list[tuple[str, Path]]:
        """List the regular files that have landed, by their name below the root, sorted."""
        return [(name, path) for name, path, fault in self._candidates(landing, data) if not fault]

    def set_aside(self, landing: Path, data: Path) -> list[str]:
        """Say of what lies among the files and is not taken why, by its name."""
        return [f"{printable(name)} was not taken: {why}" for name, _, why in self._candidates(landing, data) if why]

    def _candidates(self, landing: Path, data: Path) -> list[tuple[str, Path, str]]:
        root, pattern = self.root(landing, data)
        lying = candidates(root, DAY.sub("*", pattern), re.compile(_regex(pattern)))
        return sorted(one for one in lying if self._dated(one[0]))

    def _dated(self, name: str) -> bool:
        try:
            self.day_of(name)
        except ValueError:
            return False
        return True


def _regex(pattern: str) -> str:
    """Turn a path pattern with {day} and * into a regular expression."""
    parts, at = [], 0
    for found in DAY.finditer(pattern):
        parts.append(_globbed(pattern[at : found.start()]))
        parts.append("(?P<day>[^/]+)" if "(?P<day>" not in "".join(parts) else "(?P=day)")
        at = found.end()
    return "".join([*parts, _globbed(pattern[at:])])


def _globbed(text: str) -> str:
    return re.escape(text).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")


def _fill(name: str, raw: Any) -> Any:
    """Split a fill as people write it, columns beside `table`, `where` and `one_row_per`, into its parts."""
    if not isinstance(raw, dict) or isinstance(raw.get("columns"), dict):
        return raw
    options = {key: raw[key] for key in _OPTIONS if key in raw}
    if isinstance(options.get("one_row_per"), str):
        options["one_row_per"] = (options["one_row_per"],)
    columns = {key: str(value) for key, value in raw.items() if key not in _OPTIONS}
    return {"table": name, "columns": columns, **options}


_OPTIONS = ("table", "where", "one_row_per", "each")
