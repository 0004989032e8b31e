"""Source: a feed, how to read it, and how it fills Tables by SQL expressions."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from quanyu.config.sections import Zone
from quanyu.errors import ConfigError, nearest
from quanyu.expressions import Expression, ExpressionError, check_columns, check_domain, check_type, parse
from quanyu.expressions.aggregates import plan
from quanyu.feeds.candidates import Candidate, candidates
from quanyu.feeds.extract import Extracts
from quanyu.feeds.fill import Fill, fill_parts
from quanyu.feeds.freshness import SAY, Fresh
from quanyu.feeds.paths import check_folders, day_in, fits, plain_name
from quanyu.feeds.reads import Reads
from quanyu.grammar.bounds import LONGEST_DAYS, LONGEST_HOURS, MOST, StrictModel
from quanyu.grammar.declaration import NAME, Problems, Share, YamlDeclaration, digest
from quanyu.grammar.table import Table
from quanyu.model.people import KINDS

# In `one_row_per`: groups rows by their person.
PERSON = "person"
SYSTEM = {"_file": "string", "_row": "bigint", "_day": "date"}
# Names of columns that ingest adds to a feed's own.
_RESERVED = (
    *SYSTEM, "_rest", "_raw", "_broken", "_refused", "_of", "_after", "_through", "_person", "_reasons", "_drop",
    "_repeat", "_who", "_key",
)  # fmt: skip


class Identifier(StrictModel):
    """One identifier of a row's person."""

    kind: str = Field(pattern=NAME.pattern, description="kind of the identifier", json_schema_extra={"enum": [*KINDS]})
    value: str = Field(description="expression of the value")
    scope: str = Field("", description="within what it is unique, such as a brand or an account")


class Volume(StrictModel):
    """Allowed number of rows per day, as a share of the median of the days before."""

    at_least: float = Field(0.5, ge=0, le=1, description="smallest share of the median")
    at_most: float = Field(3.0, ge=1, le=MOST, description="largest multiple of the median")
    days: int = Field(28, ge=1, le=LONGEST_DAYS, description="days before, of which the median is taken")
    after: int = Field(7, ge=1, le=LONGEST_DAYS, description="days of history before it is judged")


class Slack(StrictModel):
    """How long after the end of its feed day a row's change time may be."""

    hours: float = Field(6, ge=0, le=LONGEST_HOURS, description="hours after the end of the feed day")


class Source(YamlDeclaration):
    """A feed: how to read it, and which Tables it fills by SQL expressions."""

    kind: ClassVar[str] = "source"

    reads: Reads = Field(description="path of its files, and how their bytes become rows of text")
    extracts: Extracts | None = Field(None, description="table of a database that is copied to the path first")
    delivers: Literal["events", "changes", "snapshot"] = Field(
        description="what a file holds: each row once, new states of things, or all that exists"
    )
    deleted_when: Literal["absent"] | None = Field(None, description="what is absent from a snapshot ends")
    zone: Zone | None = Field(None, description="time zone of its times; without it the retailer's")
    freshness: Fresh = Field(description=SAY)
    volume: Volume | None = Field(None, description="how many rows a day may have; without it any number")
    bad_share: Share = Field(0.05, description="share of a file's or a day's rows that may be bad, as `5 %`")
    ends_share: Share = Field(0.2, description="share of a table's rows that one day may end, as `20 %`")
    slack: Slack = Field(Slack(), validate_default=True, description="how far a row's time may be ahead of its day")
    repeats: Literal["keep", "drop"] = Field(
        "keep", description="what becomes of rows that are equal in every column: kept, or all but one dropped"
    )
    party: Literal["first", "second", "third"] = Field(
        "first", description="whose data it is: persons of others are joined to customers and never become ones"
    )
    drops: dict[str, str] = Field({}, description="reason: condition of rows that are left out on purpose, and counted")
    person: tuple[Identifier, ...] = Field((), description="identifiers of the row's person, strongest first")
    keeps: tuple[str, ...] = Field((), description="kinds of identifiers that a row without one leaves as they were")
    fills: dict[str, Fill] = Field(min_length=1, description="tables that it fills, each with its columns")

    @field_validator("fills", mode="before")
    @classmethod
    def _columns_beside_options(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: fill_parts(name, fill) for name, fill in value.items()}

    @model_validator(mode="after")
    def _absent_needs_snapshots(self) -> Source:
        if self.deleted_when and self.delivers != "snapshot":
            raise ValueError("deleted_when: absent is for feeds that deliver snapshots")
        if self.keeps and (self.deleted_when or self.delivers == "events"):
            raise ValueError("keeps is for feeds that deliver changes, or snapshots in which nothing is absent")
        return self

    def problems(self, tables: Mapping[str, type[Table]]) -> Problems:
        """Check every expression against the Tables. Returns all mistakes."""
        problems = Problems()
        for key, text in self._conditions():
            self._check(problems, key, text, "boolean")
        if "consents" in self.tables() and self.freshness is None:
            problems.add(self.file, "freshness", "a feed of consents must say how late it may be, {hours: 48}")
        kinds = tables["identifiers"].columns["kind"].values if "identifiers" in tables else ()
        for position, item in enumerate(self.person):
            self._check(problems, f"person.{position}.value", item.value, "string")
            if kinds and item.kind not in kinds:
                wrong = f"unknown kind {item.kind!r}; {nearest(item.kind, kinds)}"
                problems.add(self.file, f"person.{position}.kind", wrong)
        for kind in sorted({*self.keeps} - {item.kind for item in self.person}):
            problems.add(self.file, "keeps", f"`person` has no {kind!r}; name kinds that it has")
        if self.reads.day:
            self._check(problems, "reads.day", self.reads.day, "date")
        self._check_names(problems)
        if self.extracts:
            for key, words in self.extracts.mistakes(self.reads.path, self.reads.format, self.delivers):
                problems.add(self.file, key, words)
            for key in ("mark", "settles"):
                if getattr(self.reads, key):
                    problems.add(self.file, f"reads.{key}", "is not allowed: an extract is always complete")
        for name, fill in self.fills.items():
            table = tables.get(fill.table)
            if table is None or table.layer != "silver" or table.name == "identifiers":
                silver = [t.name for t in tables.values() if t.layer == "silver" and t.name != "identifiers"]
                problems.add(self.file, f"fills.{name}", f"unknown table {fill.table!r}; {nearest(fill.table, silver)}")
            else:
                self._check_fill(problems, name, fill, table)
        return problems

    def _check_names(self, problems: Problems) -> None:
        """Refuse reserved column names. A file with such a column needs an alias."""
        with suppress(ExpressionError):
            for column in self.named_columns():
                if "`" in column or column.casefold() in _RESERVED:
                    words = f"no column may be called {column!r} here: give it a name, as {{{column!r}: a_name}}"
                    problems.add(self.file, "reads.aliases", words)

    def _conditions(self) -> list[tuple[str, str]]:
        drops = [(f"drops.{reason}", text) for reason, text in self.drops.items()]
        return drops + [(f"fills.{name}.where", fill.where) for name, fill in self.fills.items() if fill.where]

    def _check_fill(self, problems: Problems, name: str, fill: Fill, table: type[Table]) -> None:
        where = f"fills.{name}"
        if table.personal and not self.person and "person_key" in table.keys:
            problems.add(self.file, where, f"{table.name} is about persons: say in `person` who a row is about")
        for column in table.columns:
            if column not in fill.columns and (column in table.keys or table.columns[column].required):
                problems.add(self.file, where, f"column {column} is required and has no expression")
        for column, text in fill.columns.items():
            if column not in table.columns:
                problems.add(
                    self.file, f"{where}.{column}", f"unknown column of {table.name}; {nearest(column, table.columns)}"
                )
                continue
            parsed = self._check(problems, f"{where}.{column}", text, table.columns[column].type)
            if parsed and parsed.aggregates and not fill.one_row_per:
                problems.add(self.file, f"{where}.{column}", f"{text!r} aggregates rows: say one_row_per")
            elif parsed and parsed.aggregates:
                with problems.capture(self.file, f"{where}.{column}"):
                    plan(parsed, self.types(parsed), wanted=table.columns[column].type)
        if fill.when_incomplete == "mark" and "incomplete" not in table.columns:
            problems.add(
                self.file, f"{where}.when_incomplete", f"{table.name} has no column incomplete to mark a row in"
            )
        for text in fill.one_row_per:
            if text != PERSON and text not in fill.columns.values():
                problems.add(
                    self.file, f"{where}.one_row_per", f"{text!r} must be `person` or the expression of a column"
                )
        for text in (text for text in fill.one_row_per if text != PERSON):
            self._check(problems, f"{where}.one_row_per", text, None)

    def _check(self, problems: Problems, key: str, text: str, wanted: str | None) -> Expression | None:
        try:
            parsed = parse(text)
            if self.reads.columns:
                members = [name for name, root in parsed.roots.items() if root in self.reads.columns]
                check_columns(parsed, [*self.reads.columns, *members, *SYSTEM])
            if wanted:
                check_type(parsed, self.types(parsed), wanted, loose=wanted != "boolean")
            check_domain(parsed.tree, {})
        except ExpressionError as error:
            problems.add(self.file, key, str(error))
            return None
        return parsed

    def types(self, expression: Expression) -> dict[str, str]:
        """Types of the columns that an expression names. Received columns are strings."""
        return {column: SYSTEM.get(column, "string") for column in expression.columns}

    def tables(self) -> dict[str, list[str]]:
        """Names of the tables that the feed fills, each with the names of its fills."""
        tables: dict[str, list[str]] = {}
        for name, fill in self.fills.items():
            tables.setdefault(fill.table, []).append(name)
        return tables

    def contract(self, tables: Mapping[str, type[Table]]) -> str:
        """Hash of all that decides which rows are good: the declaration, and the retailer's own columns it fills."""
        filled = {name: tables[name].columns for name in self.tables() if name in tables}
        own = {
            f"{name}.{c}": column.contract() for name, cs in filled.items() for c, column in cs.items() if column.own
        }
        return digest([self.digest(), own]) if own else self.digest()

    def expressions(self) -> list[str]:
        """Every expression over the columns of the feed."""
        texts = [text for _, text in self._conditions()] + [item.value for item in self.person]
        texts += [self.reads.day] if self.reads.day else []
        return texts + [text for fill in self.fills.values() for text in fill.columns.values()]

    def named_columns(self) -> tuple[str, ...]:
        """Columns of the feed that expressions name, in order. They are the string columns of bronze."""
        # A member of a JSON value, such as buyer.nick, is in its root column.
        columns = dict.fromkeys(root for text in self.expressions() for root in parse(text).roots.values())
        return tuple(column for column in columns if column not in SYSTEM)

    def root(self, landing: Path, data: Path) -> tuple[Path, str]:
        """Root folder of the files, and the pattern below it. `data:` means the folder of shared data."""
        if self.reads.path.startswith("data:"):
            return data, self.reads.path.removeprefix("data:").lstrip("/")
        return landing, self.reads.path

    def day_of(self, relative: str) -> date | None:
        """Parse the feed day in a path below the root; None if the day is in a column."""
        pattern = self.root(Path(), Path())[1]
        try:
            return day_in(pattern, relative)
        except ValueError:
            raise ConfigError(f"{self.file}: reads.path: {relative} does not match {pattern}") from None

    def likely_day(self, relative: str) -> date | None:
        """Feed day of a file without added name parts such as .part; None if there is none."""
        pattern = self.root(Path(), Path())[1]
        for name in (relative, plain_name(relative)):
            with suppress(ValueError):
                return day_in(pattern, name)
        return None

    def owns(self, relative: str) -> bool:
        """Whether a path below the root is a file of this feed, a mark, or one of their folders."""
        parts, names = self.root(Path(), Path())[1].split("/"), relative.split("/")
        if len(names) == len(parts) and self.is_mark(relative):
            names[-1] = names[-1].removesuffix(self.reads.mark or "") or parts[-1]
        fitting = len(names) <= len(parts)
        return fitting and all(fits(part, name) or name == part for name, part in zip(names, parts, strict=False))

    def is_mark(self, relative: str) -> bool:
        """Whether a path is a mark file, which says that a file or folder is complete."""
        mark, name = self.reads.mark, relative.rpartition("/")[2]
        return bool(mark) and (name.endswith(mark or "") if (mark or "").startswith(".") else name == mark)

    def files(self, landing: Path, data: Path) -> list[tuple[str, Path]]:
        """List the landed files that are read: (name below the root, path), sorted."""
        return [(file.name, file.path) for file in self.candidates(landing, data) if not file.fault]

    def candidates(self, landing: Path, data: Path) -> list[Candidate]:
        """List all entries of the feed's folders, sorted by name, each with the reason if it is not read."""
        check_folders(*self.root(landing, data))
        return sorted(candidates(*self.root(landing, data)), key=lambda candidate: candidate.name)
