"""What a run brings in of a feed: its days, since when each is known, and which of them can tell that a key is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from quanyu.source import Source
from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Delivery:
    """The days of a feed that are brought in, with the day on which each became known, and which were taken before.

    `whole` are those of which nothing is refused, held back or in quarantine: only they can tell that a key is gone.
    `newest` is the newest day of the feed that is not of this delivery, and `newest_whole` whether it is whole.
    `other_days` are days whose rows come along, since their groups have rows on these days too. `records` says that a
    row tells all identifiers of its person, `untied` what records of other feeds do not tell any more.
    """

    source: Source
    known_on: Mapping[date, date]
    again: frozenset[date]
    whole: frozenset[date]
    newest: date | None = None
    newest_whole: bool = False
    other_days: frozenset[date] = frozenset()
    records: bool = False
    untied: DataFrame | None = None

    @property
    def in_order(self) -> bool:
        """Whether no day was taken before, or came after a later one."""
        return not self.again and all(day == recorded_on for day, recorded_on in self.known_on.items())

    def replaces(self, table: type[Table]) -> bool:
        """Whether what a person's row tells of a table takes the place of all that it told there before."""
        return self.records and table.name == "identifiers"

    @property
    def lists_all(self) -> bool:
        """Whether what a file does not list is gone."""
        return self.source.deleted_when is not None

    @property
    def judged(self) -> list[date]:
        """Snapshots by which absence is judged: whole ones, and none behind the newest that the feed ever gave."""
        newest = self.newest or date.min
        return sorted(day for day in self.whole if day >= newest) if self.lists_all else []

    @property
    def overtaken(self) -> list[date]:
        """Days of snapshots behind a newer whole one: a key that only they list is gone since."""
        if not self.lists_all or self.newest is None or not self.newest_whole:
            return []
        return sorted(day for day in self.known_on if day < self.newest and day not in self.other_days)

    @property
    def corrected(self) -> list[date]:
        """Days that are told again and whole: what such a day no longer tells, it takes back."""
        return sorted(self.again & self.whole) if not self.lists_all else []

    @property
    def out_of_order(self) -> list[date]:
        """Days that are told again, or after a later one."""
        newest = self.newest or date.min
        own = [day for day in self.known_on if day not in self.other_days]
        return sorted(day for day in own if day in self.again or day < newest)

    @property
    def last_known(self) -> date:
        """Day on which all of it is known."""
        return max(self.known_on.values())

    def known_on_sql(self) -> str:
        """SQL of the day on which a row, with its `feed_day`, became known."""
        later = {day: recorded_on for day, recorded_on in self.known_on.items() if day != recorded_on}
        if not later:
            return "feed_day"
        cases = " ".join(f"when feed_day = date'{day}' then date'{recorded_on}'" for day, recorded_on in later.items())
        return f"case {cases} else feed_day end"
