"""What events told of an identifier before a record untied it: it joins nobody any more and reaches nobody.

An event is a fact of its day, and its feed never takes anything back. So what it shows ceases on the day on which a
record that showed the same value does so no more: for the events of that record's own person, and for all events where
nobody else told the value before that day and still does. An event of a later day tells it anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import TYPE_CHECKING

from quanyu.discover import Catalogue
from quanyu.lake import Lake
from quanyu.literals import quoted
from quanyu.source import Source
from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

VALUE = ["kind", "scope", "value"]
ROW = ["source", "person_key", *VALUE]
_PLACE = "silver/identifiers"


def records_in(source: Source, tables: Mapping[str, type[Table]]) -> list[str]:
    """Fills of a feed that tell one record of each person."""
    return [name for name, fill in source.fills.items() if tables[fill.table].keys == ("person_key",)]


def replaces(source: Source, tables: Mapping[str, type[Table]]) -> bool:
    """Whether a row of the feed says all that it knows of a person: it delivers records of persons, and not events."""
    return source.delivers != "events" and bool(records_in(source, tables))


def _feeds(catalogue: Catalogue) -> tuple[list[str], list[str]]:
    """Names of the feeds whose records untie, and of those that tell events of persons."""
    named = [source for source in catalogue.sources.values() if source.person]
    records = [source.name for source in named if replaces(source, catalogue.tables)]
    return records, [source.name for source in named if source.delivers == "events"]


def holds_on(day: date | None) -> str:
    """Condition on the rows that hold on a day, or now."""
    if day is None:
        return "replaced_on is null"
    return f"recorded_on <= date'{day}' and (replaced_on is null or replaced_on > date'{day}')"


def _of(names: Collection[str]) -> str:
    return f"source in ({', '.join(map(quoted, names))})"


def untied(lake: Lake, catalogue: Catalogue, day: date | None) -> DataFrame | None:
    """What records untied up to a day, or to now: ROW and `until`; None where nothing was, or no feed has events."""
    records, events = _feeds(catalogue)
    if not records or not events or not lake.exists(_PLACE):
        return None
    rows = lake.read(_PLACE).where(_of(records))
    ended = f"replaced_on <= date'{day}'" if day else "replaced_on is not null"
    gone = rows.where(ended).groupBy(*ROW).agg({"replaced_on": "max"}).withColumnRenamed("max(replaced_on)", "until")
    gone = lake.staging.keep(gone.join(rows.where(holds_on(day)).select(*ROW), ROW, "left_anti"))
    return gone if gone.limit(1).count() else None


def untied_for(lake: Lake, catalogue: Catalogue, source: Source) -> DataFrame | None:
    """What records untied so far, for a feed of events of persons: what it tells of it from now on holds anew."""
    return untied(lake, catalogue, None) if source.person and source.delivers == "events" else None


def without_ceased(lake: Lake, catalogue: Catalogue, rows: DataFrame, day: date | None) -> DataFrame:
    """Rows of silver/identifiers that hold on a day, or now, without those of events that ceased."""
    gone = untied(lake, catalogue, day)
    if gone is None:
        return rows
    records, events = _feeds(catalogue)
    current = lake.read(_PLACE).where(holds_on(day)).select(*ROW, "recorded_on")
    until = gone.selectExpr(*VALUE, "until", "source as of_source", "person_key as of_key")
    told = current.where(_of(events)).join(until, VALUE).where("recorded_on <= until")
    still = current.where(_of(records)).join(until.select(*VALUE).distinct(), VALUE, "left_semi")
    still = still.groupBy(*VALUE).agg({"recorded_on": "min"}).withColumnRenamed("min(recorded_on)", "since")
    nobodys = told.join(still, VALUE, "left").where("since is null or since >= until").select(*ROW)
    # A record and an event are one person's by whatever else both show.
    theirs = told.select(*ROW, "of_source", "of_key").distinct()
    of_events = current.selectExpr("source", "person_key", "kind as k", "scope as s", "value as v")
    of_records = of_events.withColumnsRenamed({"source": "of_source", "person_key": "of_key"})
    shared = theirs.join(of_events, ["source", "person_key"]).join(of_records, ["of_source", "of_key", "k", "s", "v"])
    ceased = lake.staging.keep(nobodys.unionByName(shared.select(*ROW)).distinct())
    return rows.join(ceased, ROW, "left_anti")
