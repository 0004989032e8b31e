"""Who is who, as declared: what each kind of identifier may do, which shared ones make one person, and the bands."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from quanyu.bounds import MOST
from quanyu.declare import Problems, YamlDeclaration, days_in
from quanyu.errors import nearest
from quanyu.model.people import KINDS
from quanyu.reads import Part
from quanyu.table import Table

# What a record says of a person beside its identifiers, and what is derived of it; blocks are made of these.
SAID = ("given", "family", "birthday", "gender", "city", "region", "postcode", "district", "street", "house", "email",
        "phone", "national_id", "phone_mask")  # fmt: skip
DERIVED = ("names", "initials", "given_start", "family_start", "birth_year", "birth_month", "email_name", "address")
FOREVER = 100_000


def _share(value: Any) -> Any:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value) if isinstance(value, str) else None
    if isinstance(value, str) and not match:
        raise ValueError("a share is written as `2 %`")
    return float(match.group(1)) / 100 if match else value


def _pattern_error(pattern: str) -> str | None:
    """Say what is wrong with a pattern of RE2, by which the step looks for it."""
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


Share = Annotated[float, Field(ge=0, le=1), BeforeValidator(_share)]
Days = Annotated[int, Field(ge=1, le=FOREVER), BeforeValidator(_days)]


class Most(Part):
    """With how many records, names and members a value may be seen within the window before it is a hub."""

    records: int = Field(20, ge=1, le=MOST)
    names: int = Field(4, ge=1, le=MOST)
    members: int = Field(4, ge=1, le=MOST)
    within: Days = FOREVER


class Kind(Part):
    """What identifiers of a kind may do: how many of them a customer holds (by scope, in a window), and hubs."""

    holds: int | None = Field(None, ge=1, le=MOST)
    within: Days = FOREVER
    most: Most = Most()


class Rule(Part):
    """Records that share a value of the kind are one customer: always, with the same name, while it shows one name, or
    while it shows one person: one name, and one value at most of each kind that joins by itself."""

    share: str
    needs: Literal["nothing", "same_name", "one_name", "one_person"] = "nothing"

    @property
    def called(self) -> str:
        """Name of the rule, as the log and explanations tell it."""
        return self.share if self.needs == "nothing" else f"{self.share}, {self.needs}"


class Blocked(Part):
    """Values that name nobody: as such, by pattern, and the phones of the house itself, as table.column."""

    values: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    masters: tuple[str, ...] = ()


class Block(Part):
    """Records that agree on all of these are compared, unless more than `most` of them do, or fewer on much data."""

    same: tuple[str, ...] = Field(min_length=1)
    most: int = Field(50, ge=2, le=MOST)


class Match(Part):
    """Links by likeness (Fellegi and Sunter): from which probability on they hold, and from which a person looks."""

    link: float = Field(0.95, gt=0, lt=1)
    review: float = Field(0.5, gt=0, lt=1)
    model: int | None = Field(None, ge=1, le=MOST, description="version to use; without one the newest")
    blocks: tuple[Block, ...] = Field((), max_length=32)
    pairs: float = Field(
        24, gt=0, le=MOST, description="pairs a record, block by block, beyond which all blocks' `most` shrink"
    )


class Cluster(Part):
    """What a cluster of records must be like: its size, how thin it may hang together, and how dense it must be."""

    most_records: int = Field(500, ge=2, le=MOST)
    bridge_sides: int = Field(
        4, ge=1, le=MOST, description="records on both sides from which a single weak link is cut"
    )
    density: Share = 0.2
    dense_from: int = Field(8, ge=3, le=MOST, description="records from which the density is looked at")


class Gate(Part):
    """How far a new identity state may differ from the published one; up to `free` changes always may."""

    merged: Share = 0.03
    split: Share = 0.02
    moved: Share = 0.03
    hubs: Share = 0.01
    largest: int = Field(200, ge=2, le=MOST, description="records")
    named: Share = Field(0.9, description="share of the records with an id, at least")
    free: int = Field(50, ge=0, le=MOST)


class Identity(YamlDeclaration):
    """The rules by which records of persons become customers."""

    kind: ClassVar[str] = "identity"

    kinds: dict[str, Kind] = {}
    rules: tuple[Rule, ...] = ()
    blocked: dict[str, Blocked] = {}
    match: Match = Match()
    cluster: Cluster = Cluster()
    gate: Gate = Gate()

    def problems(self, tables: dict[str, type[Table]]) -> Problems:
        """Check every name that the rules use against what there is."""
        problems = Problems()
        named = [("kinds", kind) for kind in self.kinds] + [("blocked", kind) for kind in self.blocked]
        for place, kind in [*named, *(("rules.share", rule.share) for rule in self.rules)]:
            if kind not in KINDS:
                problems.add(self.file, place, f"unknown kind {kind!r}; {nearest(kind, KINDS)}")
        for block in self.match.blocks:
            for field in block.same:
                if field not in (*SAID, *DERIVED):
                    problems.add(
                        self.file, "match.blocks", f"unknown field {field!r}; {nearest(field, SAID + DERIVED)}"
                    )
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
