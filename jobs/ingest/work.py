"""One running ingestion: the files that were read, the days of the feed that are mapped, and their mapped rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from jobs.ingest.landing import bronze, landing
from jobs.ingest.mapping import mapping
from jobs.ingest.receipts.parents import Parent, parents, with_keys
from quanyu.config.settings import person_key_secret
from quanyu.feeds.source import Source
from quanyu.grammar.table import Table
from quanyu.lake import Lake, place_of
from quanyu.lake.receipt import Receipt
from quanyu.literals import quoted
from quanyu.run.runner import Context
from quanyu.store import HeldBack

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass
class IngestRun:
    """One ingestion. It maps `days` of the feed; `redelivered` were ingested before, `newest` is the latest day so far.

    `arrival` are the rows of new files until they are in bronze.

    If tables were lost, `lost` are their places, nothing else is published, and `recorded` is the day on which each day
    was recorded. `crowded` are keys of values that name many people.
    """

    context: Context
    source: Source
    receipt: Receipt
    newest: date | None = None
    files: list[landing.IncomingFile] = field(default_factory=list)
    arrival: bronze.Arrival | None = None
    days: frozenset[date] = frozenset()
    redelivered: frozenset[date] = frozenset()
    lost: frozenset[str] = frozenset()
    crowded: frozenset[str] = frozenset()
    recorded: Mapping[date, date] = field(default_factory=dict)

    @property
    def tables(self) -> Mapping[str, type[Table]]:
        """Every declared table."""
        return self.context.catalogue.tables

    @property
    def lake(self) -> Lake:
        """The lake of the run."""
        return self.context.lake

    @cached_property
    def parents(self) -> Sequence[Parent]:
        """Fills that aggregate rows of several days."""
        return parents(self.source, self.tables)

    @cached_property
    def waiting_days(self) -> frozenset[date]:
        """Mapped days to which a file may belong that is set aside."""
        return landing.waiting_days(self.context, self.source, self.days)

    @cached_property
    def volumes(self) -> dict[date, int]:
        """Number of rows of each day that was ingested by earlier runs."""
        return self.context.store.ledger.volumes(self.source.name)

    def names(self) -> list[str]:
        """Names of the tables to publish: all that the source fills, or only those that were lost."""
        filled = [*self.source.tables(), *(["identifiers"] if self.source.person else [])]
        return [name for name in filled if not self.lost or place_of(self.tables[name]) in self.lost]

    def recorded_on(self, day: date) -> date:
        """Day on which the content of a feed's day is recorded: itself, or the day of the run if it comes late."""
        if day in self.recorded:
            return self.recorded[day]
        if day in self.redelivered:
            return max(day, self.context.day, self.newest or day)
        return landing.recorded_on(day, self.context.day, self.newest)

    def of_days(self, days: Collection[date]) -> DataFrame:
        """Rows of these days as received."""
        return bronze.received(self.lake, self.source, self.arrival).where(bronze.of_days(days))

    def of_other_days(self, days: Collection[date]) -> DataFrame:
        """Rows of all other days as received."""
        return bronze.received(self.lake, self.source, self.arrival).where(f"not {bronze.of_days(days)}")

    def mapped(self, rows: DataFrame) -> DataFrame:
        """Map rows as received, adding `_reasons`, `_drop`, a struct per fill, and the keys of groups."""
        settings, source = self.context.settings, self.source
        trimmed = mapping.trimmed(rows, source, self.arrival is not None)
        addresses = any(self.tables[name].channel_column for name in source.tables())
        with_person = mapping.with_person(
            trimmed, source, settings.region, person_key_secret(settings), addresses, self.crowded
        )
        staged = mapping.mapped(mapping.without_repeats(with_person, source), source, dict(self.tables))
        return with_keys(staged, self.parents)

    def held_before(self) -> list[HeldBack]:
        """Parts of the feed that earlier runs hold back, without the days that are mapped now."""
        parts = self.context.store.held_back.of(self.source.name)
        return [item for item in parts if item.day not in self.days]


def with_held(staged: DataFrame, parts: Iterable[HeldBack]) -> DataFrame:
    """Add the reason why a part is held back to the reasons of its rows."""
    cases = " ".join(
        f"when {part_sql(item.day, item.path)} then {quoted(f'held back: {item.reason}')}" for item in parts
    )
    if not cases:
        return staged
    reason = f"case {cases} end"
    reasons = f"if({reason} is null or _drop is not null, _reasons, array_union(_reasons, array({reason}))) as _reasons"
    return staged.selectExpr(*(f"`{c}`" for c in staged.columns if c != "_reasons"), reasons)


def part_sql(day: date, path: str) -> str:
    """SQL condition of the rows of a day, or of one file of it."""
    return f"_day = date'{day}'" + (f" and _file = {quoted(path)}" if path else "")
