"""Decides whether the rows with one identifier value belong to many people, by their names and other identifiers.

The limit is the kind's `most.names`, and at least the size of a household. A value is a crowd if both its names and its
values of another kind exceed the limit. If rows have only names, or only other values, a crowd needs more than twice
the limit, and more than five times the limit if there is only one per day: one person may change a nickname.
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
# A name by its columns: given name, family name and full name.
Told = tuple[str | None, str | None, str | None]


@dataclass(frozen=True)
class Row:
    """What a row contains beside the value: a name, and other identifiers of its person by kind and scope."""

    day: date
    name: Name | None
    others: dict[Hashable, str]


@dataclass
class Evidence:
    """All evidence about one value: the rows of this delivery, and the names and values of earlier days."""

    rows: list[Row] = field(default_factory=list)
    names: list[Name] = field(default_factory=list)
    values: list[tuple[Hashable, str]] = field(default_factory=list)


def name_of(parts: Told) -> Name | None:
    """Parse a name. Several words are a name even if some of them have digits, as in `Room 12`."""
    words = (names.words(" ".join(filter(None, parts))) or "").split()
    letters = [word for word in words if not any(c.isdigit() for c in word)]
    if 0 < len(letters) < len(words) and not any(is_placeholder(word) for word in letters):
        return Name((" ".join(words),))
    return name_match.parsed(*parts)


def count_different_names(candidates: Iterable[Name], most: int) -> int:
    """Count the names that are pairwise incompatible, so of different people; stops at `most` + 1."""
    apart: list[Name] = []
    # Full names come first: a part of a name is compatible with several of them.
    for name in sorted({name.key: name for name in candidates}.values(), key=lambda name: (name.form, name.key)):
        if len(apart) > most:
            break
        if not any(name_match.compatible(name, other) for other in apart):
            apart.append(name)
    return len(apart)


def is_crowd(evidence: Evidence, most_names: int) -> bool:
    """Whether the evidence is of many people; `most_names` is the limit that the kind declares for a value."""
    many = max(most_names, HOUSEHOLD)
    row_names = [row.name for row in evidence.rows if row.name]
    values = [item for row in evidence.rows for item in row.others.items()]
    if most(values + evidence.values) > many and count_different_names(row_names + evidence.names, many) > many:
        return True
    named_only = [row for row in evidence.rows if row.name and not row.others]
    nameless = [row for row in evidence.rows if not row.name and row.others]
    limit = many * (ON_ONE_DAY if _several_a_day(named_only) or _several_a_day(nameless) else ONE_A_DAY)
    only_names = [row.name for row in named_only if row.name] + ([] if evidence.values else evidence.names)
    only_values = [item for row in nameless for item in row.others.items()] + (
        [] if evidence.names else evidence.values
    )
    return count_different_names(only_names, limit) > limit or most(only_values) > limit


def most(values: Sequence[tuple[Hashable, str]]) -> int:
    """Number of distinct values of the kind that has the most."""
    by_kind: dict[Hashable, set[str]] = defaultdict(set)
    for kind, value in values:
        by_kind[kind].add(value)
    return max(map(len, by_kind.values()), default=0)


def _several_a_day(rows: Iterable[Row]) -> bool:
    by_day: dict[date, list[Row]] = defaultdict(list)
    for row in rows:
        by_day[row.day].append(row)
    return any(
        count_different_names((row.name for row in day if row.name), 1) > 1
        or most([item for row in day for item in row.others.items()]) > 1
        for day in by_day.values()
    )
