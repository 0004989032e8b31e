"""Counts the rows of a delivery by day, file and outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# A day of a feed, or one file of a day; an empty path is the whole day.
Part = tuple[date, str]


@dataclass(frozen=True)
class Tally:
    """Numbers of rows by day and file: `rows` that were read, and `bad` ones; `dropped` by the reason of the drop.

    `refused` are the files that could not be read at all: the reason by day and name.
    """

    rows: dict[Part, int] = field(default_factory=dict)
    bad: dict[Part, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    refused: dict[Part, str] = field(default_factory=dict)

    def per_day(self) -> dict[date, int]:
        """Number of rows of each day."""
        return _per_day(self.rows)

    def bad_days(self) -> frozenset[date]:
        """Days with a bad row or a refused file."""
        return frozenset(day for day, _ in [*self.bad, *self.refused])

    def without(self, parts: Collection[Part]) -> Tally:
        """The tally without some parts, such as the files and days that are held back."""

        def rest(counts: Mapping[Part, int]) -> dict[Part, int]:
            return {(day, p): n for (day, p), n in counts.items() if (day, p) not in parts and (day, "") not in parts}

        return Tally(rest(self.rows), rest(self.bad), self.dropped, self.refused)


def _per_day(counts: Mapping[Part, int]) -> dict[date, int]:
    totals: dict[date, int] = {}
    for (day, _), rows in counts.items():
        totals[day] = totals.get(day, 0) + rows
    return totals


def tally(staged: DataFrame) -> Tally:
    """Count mapped rows, each once."""
    fate = "case when size(_reasons) > 0 then 'bad' when _drop is not null then _drop else '' end as fate"
    counts = staged.selectExpr("_day", "_file", fate, "_refused").groupBy("_day", "_file", "fate", "_refused").count()
    counted = Tally()
    for day, path, fate, refused, rows in (tuple(row) for row in counts.collect()):
        if refused:
            counted.refused[day, path] = f"{path}: {refused}"
            continue
        counted.rows[day, path] = counted.rows.get((day, path), 0) + rows
        if fate == "bad":
            counted.bad[day, path] = rows
        elif fate:
            counted.dropped[fate] = counted.dropped.get(fate, 0) + rows
    return counted


def frequent_reasons(staged: DataFrame) -> str:
    """The most frequent reasons of the bad rows, three at most, with their numbers."""
    rows = staged.where("_refused is null").selectExpr("explode(_reasons) as reason").groupBy("reason").count()
    return _most({row["reason"]: row["count"] for row in rows.collect()})


def frequent_in(staged: DataFrame, parts: Collection[Part]) -> dict[Part, str]:
    """The most frequent reasons of each part."""
    rows = staged.where("_refused is null").selectExpr("_day", "_file", "explode(_reasons) as reason")
    numbers: dict[Part, Counter[str]] = {part: Counter() for part in parts}
    for day, path, reason, count in (tuple(row) for row in rows.groupBy("_day", "_file", "reason").count().collect()):
        for part in {(day, path), (day, "")} & numbers.keys():
            numbers[part][reason] += count
    return {part: _most(reasons) for part, reasons in numbers.items()}


def _most(reasons: Mapping[str, int]) -> str:
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return "; ".join(f"{reason} ({count})" for reason, count in ordered[:3])
