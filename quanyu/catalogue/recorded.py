"""Recorded statistics of tags: the newest day, the week before it, and what has changed between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from quanyu.catalogue.definitions import is_same
from quanyu.lake import Lake, place_of
from quanyu.model.statistics import TagStatistics

PLACE = place_of(TagStatistics)
WEEK = timedelta(days=7)
Row = Mapping[str, Any]
Key = tuple[str, str]


class RecordedStatistics:
    """Statistics by entity and name: of the newest day of each entity, and of the day a week before or earlier."""

    def __init__(self, lake: Lake, day: date | None = None) -> None:
        """Read those up to a day, by default all."""
        from pyarrow import compute as pc

        self.newest: dict[Key, Row] = {}
        self.week_before: dict[Key, Row] = {}
        if not lake.exists(PLACE):
            return
        until = pc.field("day") <= (day or date.max)
        rows = sorted(lake.rows(PLACE, where=until).to_pylist(), key=lambda row: row["day"])
        self.newest = {(row["entity"], row["tag"]): row for row in rows}
        earlier = (row for row in rows if row["day"] <= self.newest[row["entity"], row["tag"]]["day"] - WEEK)
        self.week_before = {(row["entity"], row["tag"]): row for row in earlier}

    def values(self) -> dict[Key, Sequence[str]]:
        """Values that occur, by entity and name."""
        return {key: row["values"] for key, row in self.newest.items() if row["values"]}


def share(row: Row) -> float | None:
    """Share of the entities that have it: of which a truth value holds, or that have a value. None without entities."""
    if not row["entities"]:
        return None
    coverage = row["with_value"] / row["entities"]
    return float(coverage * (row["mean"] or 0) if _is_boolean(row) else coverage)


def _is_boolean(row: Row) -> bool:
    return row["values"] is not None and row["mean"] is not None


def change_words(row: Row, before: Row | None) -> str:
    """What has changed since a week ago or earlier, in words; empty where nothing is recorded of then."""
    if before is None:
        return ""
    words = []
    now, then = share(row), share(before)
    if now is not None and then is not None:
        words.append(f"{100 * (now - then):+.1f} points of those who have it")
    if row["mean"] is not None and before["mean"] is not None and not _is_boolean(row):
        words.append(f"mean {before['mean']:,.4g} to {row['mean']:,.4g}")
    words += [] if is_same(row["definition_digest"], before["definition_digest"]) else ["and its definition changed"]
    return f"{', '.join(words)} (since {before['day']})"
