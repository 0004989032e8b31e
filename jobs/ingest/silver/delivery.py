"""A delivery: the days of a feed that a run ingests, when each was recorded, and which of them can end keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from quanyu.feeds.source import Source
from quanyu.grammar.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Delivery:
    """The days of a feed that a run ingests.

    `recorded_on` is the day on which each of them is recorded; `redelivered` are days that were ingested before.
    `complete_days` are days without anything refused, held back or quarantined: only they can end keys. `newest`
    is the newest day of the feed outside this delivery, `newest_is_complete` whether it is complete. `other_days` are
    days whose rows are included since their groups have rows on the days of the delivery too. `records` says that a row
    has all identifiers of its person; `ended_identifiers` are those that records of other feeds have ended.
    """

    source: Source
    recorded_on: Mapping[date, date]
    redelivered: frozenset[date]
    complete_days: frozenset[date]
    newest: date | None = None
    newest_is_complete: bool = False
    other_days: frozenset[date] = frozenset()
    records: bool = False
    ended_identifiers: DataFrame | None = None

    @property
    def in_order(self) -> bool:
        """Whether no day was ingested before, and none came after a later day."""
        return not self.redelivered and all(day == recorded_on for day, recorded_on in self.recorded_on.items())

    @property
    def redelivered_in_part(self) -> frozenset[date]:
        """Redelivered days that are not complete."""
        return self.redelivered - self.complete_days

    def replaces(self, table: type[Table]) -> bool:
        """Whether the rows of a person in a table replace all earlier ones of the person there."""
        return self.records and table.name == "identifiers"

    @property
    def lists_all(self) -> bool:
        """Whether each day lists all keys, so that an absent key has ended."""
        return self.source.deleted_when is not None

    @property
    def ending_snapshots(self) -> list[date]:
        """Snapshots whose absent keys end: complete ones that are not older than the feed's newest day."""
        newest = self.newest or date.min
        return sorted(day for day in self.complete_days if day >= newest) if self.lists_all else []

    @property
    def superseded_days(self) -> list[date]:
        """Days of snapshots older than a complete one: keys that only they contain have ended since."""
        if not self.lists_all or self.newest is None or not self.newest_is_complete:
            return []
        return sorted(day for day in self.recorded_on if day < self.newest and day not in self.other_days)

    @property
    def corrected(self) -> list[date]:
        """Days that are redelivered and complete: rows that such a day no longer contains end."""
        return sorted(self.redelivered & self.complete_days) if not self.lists_all else []

    @property
    def out_of_order(self) -> list[date]:
        """Days that are redelivered, or arrive after a later day."""
        newest = self.newest or date.min
        own = [day for day in self.recorded_on if day not in self.other_days]
        return sorted(day for day in own if day in self.redelivered or day < newest)

    @property
    def last_recorded_on(self) -> date:
        """Day on which all days of the delivery are recorded."""
        return max(self.recorded_on.values())

    def recorded_on_sql(self) -> str:
        """SQL of the day on which a row is recorded, by its `feed_day`."""
        later = {day: recorded_on for day, recorded_on in self.recorded_on.items() if day != recorded_on}
        if not later:
            return "feed_day"
        cases = " ".join(f"when feed_day = date'{day}' then date'{recorded_on}'" for day, recorded_on in later.items())
        return f"case {cases} else feed_day end"
