"""Whether the rows under one value are of many people: by the names and the other identifiers that they show.

`many` is what the kind's `most.names` allows, and a household in any case. Many names and many values of another kind
are a crowd. Where rows show only the one or only the other, they are one from twice as many on, and five times as many
where they came one a day: a nickname changes, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from jobs.unify.matching import name_match, names
from jobs.unify.matching.name_match import Name
from jobs.unify.matching.titles import is_placeholder

HOUSEHOLD = 5
ON_ONE_DAY, ONE_A_DAY = 2, 5
# A name as its columns tell it: given, family and full name.
Told = tuple[str | None, str | None, str | None]


@dataclass(frozen=True)
class Row:
    """What a row tells beside the value: its name, and by kind and scope another identifier of its person."""

    day: date
    name: Name | None
    others: dict[Hashable, str]


@dataclass
class Evidence:
    """What is known under one value: rows of these days, and the names and values that earlier days told."""

    rows: list[Row] = field(default_factory=list)
    names: list[Name] = field(default_factory=list)
    values: list[tuple[Hashable, str]] = field(default_factory=list)


def name_of(parts: Told) -> Name | None:
    """Read a name; one of several words of which some are numbers is one too, as in `Room 12`."""
    words = (names.words(" ".join(filter(None, parts))) or "").split()
    letters = [word for word in words if not any(c.isdigit() for c in word)]
    if 0 < len(letters) < len(words) and not any(is_placeholder(word) for word in letters):
        return Name((" ".join(words),))
    return name_match.parsed(*parts)


def different(candidates: Iterable[Name], most: int) -> int:
    """How many of the names cannot be one person's with any other; counts to one more than `most`."""
    apart: list[Name] = []
    # A whole name first: a part fits several.
    for name in sorted({name.key: name for name in candidates}.values(), key=lambda name: (name.form, name.key)):
        if len(apart) > most:
            break
        if not any(name_match.compatible(name, other) for other in apart):
            apart.append(name)
    return len(apart)


def is_crowd(evidence: Evidence, most_names: int) -> bool:
    """Whether this is known of many people, where a kind allows so many names on a value."""
    many = max(most_names, HOUSEHOLD)
    shown = [row.name for row in evidence.rows if row.name]
    values = [item for row in evidence.rows for item in row.others.items()]
    if most(values + evidence.values) > many and different(shown + evidence.names, many) > many:
        return True
    bare = [row for row in evidence.rows if row.name and not row.others]
    nameless = [row for row in evidence.rows if not row.name and row.others]
    limit = many * (ON_ONE_DAY if _several_a_day(bare) or _several_a_day(nameless) else ONE_A_DAY)
    only_names = [row.name for row in bare if row.name] + ([] if evidence.values else evidence.names)
    only_values = [item for row in nameless for item in row.others.items()] + (
        [] if evidence.names else evidence.values
    )
    return different(only_names, limit) > limit or most(only_values) > limit


def most(values: Sequence[tuple[Hashable, str]]) -> int:
    """How many values there are of the kind that has most."""
    by_kind: dict[Hashable, set[str]] = defaultdict(set)
    for kind, value in values:
        by_kind[kind].add(value)
    return max(map(len, by_kind.values()), default=0)


def _several_a_day(rows: Iterable[Row]) -> bool:
    by_day: dict[date, list[Row]] = defaultdict(list)
    for row in rows:
        by_day[row.day].append(row)
    return any(
        different((row.name for row in day if row.name), 1) > 1
        or most([item for row in day for item in row.others.items()]) > 1
        for day in by_day.values()
    )
