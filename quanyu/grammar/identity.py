"""Declaration of identity resolution: kinds of identifiers, rules for shared ones, match thresholds, and limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from quanyu.errors import nearest
from quanyu.grammar.bounds import MOST, StrictModel
from quanyu.grammar.declaration import DaysText, Problems, Share, YamlDeclaration, days_in
from quanyu.grammar.table import Table
from quanyu.model.people import KINDS

FOREVER = 100_000


def _pattern_error(pattern: str) -> str | None:
    """Say what is wrong with a pattern in RE2 syntax; None if it is valid."""
    from pyarrow import ArrowInvalid, array, compute

    try:
        compute.match_substring_regex(array([""]), pattern)
    except ArrowInvalid as error:
        return str(error)
    return None


def _days(value: Any) -> Any:
    days = days_in(value) if isinstance(value, str) else value
    if days is None:
        raise ValueError("a window is written as `30 days`")
    return days


Days = Annotated[int, Field(ge=1, le=FOREVER), BeforeValidator(_days, json_schema_input_type=int | DaysText)]


class Most(StrictModel):
    """Number of records, names and members that may share a value within the window before it is a hub."""

    records: int = Field(20, ge=1, le=MOST, description="records with the value")
    names: int = Field(4, ge=1, le=MOST, description="different names of these records")
    members: int = Field(4, ge=1, le=MOST, description="different member numbers of these records")
    within: Days = Field(FOREVER, description="window in which they are counted")


class Kind(StrictModel):
    """Limits of a kind of identifier: how many a customer may have (by scope, in a window), and hubs."""

    holds: int | None = Field(None, ge=1, le=MOST, description="values of this kind that one customer may have")
    within: Days = Field(FOREVER, description="window in which the values of a customer are counted")
    most: Most = Field(Most(), description="limits beyond which a value joins nobody")


class Rule(StrictModel):
    """Records that share a value of the kind are one customer, under a condition.

    The condition is: always, only with the same name, while the value has one name, or while the value has one person
    (one name, and at most one value of each kind that joins without a condition).
    """

    share: str = Field(description="kind of the identifier")
    needs: Literal["nothing", "same_name", "one_name", "one_person"] = Field("nothing", description="the condition")

    @property
    def label(self) -> str:
        """Name of the rule in the log and in explanations."""
        return self.share if self.needs == "nothing" else f"{self.share}, {self.needs}"


class Blocked(StrictModel):
    """Values that identify nobody: exact values, patterns, and columns (table.column) such as stores' phones."""

    values: tuple[str, ...] = Field((), description="values, as normalised")
    patterns: tuple[str, ...] = Field((), description="patterns of values, in RE2 syntax")
    masters: tuple[str, ...] = Field((), description="columns (`table.column`) with values, such as stores' phones")


class Block(StrictModel):
    """Records that agree on all of these fields are compared, unless a block has more than `most` records."""

    same: tuple[str, ...] = Field(min_length=1, description="fields of a record, such as `birthday`")
    most: int = Field(50, ge=2, le=MOST, description="records beyond which a block is left out")


class Match(StrictModel):
    """Probabilistic matching (Fellegi-Sunter): probability thresholds for a link and for review."""

    link: float = Field(0.95, gt=0, lt=1, description="probability from which two records are linked")
    review: float = Field(0.5, gt=0, lt=1, description="probability from which a person looks at them")
    model: int | None = Field(None, ge=1, le=MOST, description="version to use; without one the newest")
    blocks: tuple[Block, ...] = Field((), max_length=32, description="which records are compared")
    pairs: float = Field(
        24, gt=0, le=MOST, description="pairs a record, block by block, beyond which all blocks' `most` shrink"
    )


class Cluster(StrictModel):
    """Limits of a cluster of records: size, bridges between its parts, and density."""

    most_records: int = Field(500, ge=2, le=MOST, description="records beyond which a cluster is split")
    bridge_sides: int = Field(
        4, ge=1, le=MOST, description="records on both sides from which a single weak link is cut"
    )
    density: Share = Field(0.2, description="share of the pairs that are linked, below which a cluster is split")
    dense_from: int = Field(8, ge=3, le=MOST, description="records from which the density is looked at")


class ChangeLimits(StrictModel):
    """How far a new identity state may differ from the published one. Up to `free` changes are always allowed."""

    merged: Share = Field(0.03, description="customers that end by a merge")
    split: Share = Field(0.02, description="customers that are split")
    moved: Share = Field(0.03, description="records that change their customer")
    hubs: Share = Field(0.01, description="identifiers that become hubs")
    largest: int = Field(200, ge=2, le=MOST, description="records of the largest customer")
    named: Share = Field(0.9, description="share of the records with an id, at least")
    free: int = Field(50, ge=0, le=MOST, description="changes of each sort that are always allowed")


class Identity(YamlDeclaration):
    """Rules of identity resolution: how records of persons become customers."""

    kind: ClassVar[str] = "identity"

    kinds: dict[str, Kind] = Field({}, description="limits by kind of identifier")
    rules: tuple[Rule, ...] = Field((), description="which shared identifiers make two records one customer")
    blocked: dict[str, Blocked] = Field({}, description="values that identify nobody, by kind of identifier")
    match: Match = Field(Match(), description="matching of records that share no identifier")
    cluster: Cluster = Field(Cluster(), description="limits of the records of one customer")
    gate: ChangeLimits = Field(ChangeLimits(), description="how far a day may change the customers")

    def problems(self, tables: dict[str, type[Table]], block_fields: Sequence[str]) -> Problems:
        """Check that the kinds, fields and columns in the rules exist; blocks consist of `block_fields`."""
        problems = Problems()
        named = [("kinds", kind) for kind in self.kinds] + [("blocked", kind) for kind in self.blocked]
        for place, kind in [*named, *(("rules.share", rule.share) for rule in self.rules)]:
            if kind not in KINDS:
                problems.add(self.file, place, f"unknown kind {kind!r}; {nearest(kind, KINDS)}")
        for block in self.match.blocks:
            for field in block.same:
                if field not in block_fields:
                    problems.add(self.file, "match.blocks", f"unknown field {field!r}; {nearest(field, block_fields)}")
        if self.match.review > self.match.link:
            problems.add(self.file, "match.review", "is above match.link: review is what does not suffice for a link")
        for kind, blocked in self.blocked.items():
            for pattern in blocked.patterns:
                if error := _pattern_error(pattern):
                    problems.add(self.file, f"blocked.{kind}.patterns", f"{pattern!r} is no pattern: {error}")
            for master in blocked.masters:
                table, _, column = master.partition(".")
                if table not in tables or column not in tables[table].columns:
                    problems.add(self.file, f"blocked.{kind}.masters", f"unknown column {master!r}; write table.column")
        return problems
