"""Which identifiers of persons are current on a day: those of records and events, without the ended ones.

An event is a fact of its day, and its feed never withdraws anything. So an identifier of an event ends on the day on
which a record that contained the same identifier no longer does. It ends for the events of that record's person, and
for all events if no other record has contained it since before that day. An event of a later day starts it again. Only
the identifier ends: the fact stays with its customer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from quanyu.discover import Catalogue
from quanyu.feeds.source import Source
from quanyu.grammar.table import Table
from quanyu.identifiers.comparable import comparable_sql, with_hashes
from quanyu.lake import Lake
from quanyu.literals import dates, quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PERSON = ["source", "person_key"]
ROW = [*PERSON, "kind", "scope", "value"]
# Stands for the current state, whatever days the feeds deliver.
NOW = date.max
AS_KNOWN = "recorded_on <= as_of and (replaced_on is null or replaced_on > as_of)"


def repeat_for_days(rows: DataFrame, days: Sequence[date]) -> DataFrame:
    """Repeat rows for each day, with the day as `as_of`, in one pass."""
    if len(days) == 1:
        return rows.selectExpr("*", f"date'{days[0]}' as as_of")
    return rows.where(f"recorded_on <= date'{max(days)}'").selectExpr("*", f"explode(array({dates(days)})) as as_of")


def recorded_identifiers(lake: Lake, catalogue: Catalogue, *days: date) -> DataFrame:
    """Rows of `identifiers` as recorded by each day, with `as_of`, including ended ones."""
    return repeat_for_days(lake.table(catalogue.tables["identifiers"]), days).where(AS_KNOWN)


def current_identifiers(lake: Lake, catalogue: Catalogue, *days: date) -> DataFrame:
    """Rows of `identifiers` that are current on each day, with `as_of`. Matching and sending use only these."""
    rows, ended = recorded_identifiers(lake, catalogue, *days), ended_identifiers(lake, catalogue, *days)
    return rows if ended is None else rows.join(ended, [*ROW, "as_of"], "left_anti")


def ended_identifiers(lake: Lake, catalogue: Catalogue, *days: date) -> DataFrame | None:
    """Identifiers of events that have ended by each day: ROW and `as_of`. None if none has ended."""
    records, events = _feeds(catalogue)
    ended = _ended_by_records(lake, catalogue, days)
    if ended is None:
        return None
    forms = lake.staging.materialize(_forms(ended))
    rows = recorded_identifiers(lake, catalogue, *days).selectExpr(*ROW, "recorded_on", "as_of", _TEXT)
    before = rows.where(_of(events)).join(forms, ["text", "as_of"]).where("recorded_on <= until")
    before = lake.staging.materialize(before)
    both = lake.staging.materialize(
        _without_other_records(before, rows.where(_of(records)), forms).unionByName(_of_same_person(before, rows))
    )
    return both.distinct()


def replaces(source: Source, tables: Mapping[str, type[Table]]) -> bool:
    """Whether a row of the feed replaces all earlier data of its person: it delivers records, not events."""
    return source.delivers != "events" and bool(person_fills(source, tables))


def person_fills(source: Source, tables: Mapping[str, type[Table]]) -> list[str]:
    """Fills of a feed with one row per person."""
    return [name for name, fill in source.fills.items() if tables[fill.table].keys == ("person_key",)]


def ended_by_records(lake: Lake, catalogue: Catalogue, source: Source) -> DataFrame | None:
    """Identifiers that records have ended so far, for a feed of events: `text` (comparable_sql) and `until`.

    If the feed delivers one of them after that day, it is current again.
    """
    ended = _ended_by_records(lake, catalogue, [NOW]) if source.person and source.delivers == "events" else None
    return None if ended is None else _forms(ended).select("text", "until")


_TEXT = f"{comparable_sql('kind', 'scope', 'value')} as text"


def _feeds(catalogue: Catalogue) -> tuple[list[str], list[str]]:
    """Names of the feeds whose records can end identifiers, and of the feeds with events of persons.

    Feeds of other parties are left out: a missing identifier there says nothing about the retailer's own facts.
    """
    named = [source for source in catalogue.sources.values() if source.person]
    own = [source.name for source in named if source.party == "first" and replaces(source, catalogue.tables)]
    return own, [source.name for source in named if source.delivers == "events"]


def _of(names: Collection[str]) -> str:
    return f"source in ({', '.join(map(quoted, names))})"


def _ended_by_records(lake: Lake, catalogue: Catalogue, days: Sequence[date]) -> DataFrame | None:
    """Identifiers that records have ended by each day: ROW, `text`, `until`, `as_of`.

    None if there are none, or if no feed has events.
    """
    records, events = _feeds(catalogue)
    if not records or not events:
        return None
    rows = lake.table(catalogue.tables["identifiers"]).where(_of(records)).selectExpr("*", _TEXT)
    ended = rows.where("replaced_on is not null")
    if not ended.limit(1).count():
        return None
    removed = repeat_for_days(ended, days).where("replaced_on <= as_of")
    last = removed.groupBy(*ROW, "text", "as_of").agg({"replaced_on": "max"})
    last = last.withColumnRenamed("max(replaced_on)", "until")
    persons = ended.select(*PERSON).distinct()
    holds = repeat_for_days(rows.join(persons, PERSON, "left_semi"), days).where(AS_KNOWN)
    removed = last.join(holds.select(*PERSON, "text", "as_of"), [*PERSON, "text", "as_of"], "left_anti")
    removed = lake.staging.materialize(removed)
    return removed if removed.limit(1).count() else None


def _forms(ended: DataFrame) -> DataFrame:
    """Every spelling, hashed ones too, of ended identifiers in events.

    Columns: `text`, its `root` (the identifier), `of_source`, `of_key`, `until`, `as_of`.
    """
    named = ended.withColumnsRenamed({"source": "of_source", "person_key": "of_key"})
    names = ["root", "of_source", "of_key", "until", "as_of"]
    return with_hashes(named.withColumn("root", named["text"]), names).distinct()


def _without_other_records(before: DataFrame, records: DataFrame, forms: DataFrame) -> DataFrame:
    """Identifiers of events before their end that no other record contained before and still contains."""
    roots = forms.select("root", "text", "as_of").distinct()
    still = records.join(roots, ["text", "as_of"]).groupBy("root", "as_of").agg({"recorded_on": "min"})
    still = still.withColumnRenamed("min(recorded_on)", "since")
    alone = before.join(still, ["root", "as_of"], "left").where("since is null or since >= until")
    return alone.select(*ROW, "as_of")


def _of_same_person(before: DataFrame, rows: DataFrame) -> DataFrame:
    """Identifiers of events before their end whose person also shares another identifier with the ending record."""
    pairs = before.select(*ROW, "as_of", "of_source", "of_key").distinct()
    of_events = rows.select(*PERSON, "as_of", "text")
    of_records = of_events.withColumnsRenamed({"source": "of_source", "person_key": "of_key"})
    shared = pairs.join(of_events, [*PERSON, "as_of"]).join(of_records, ["of_source", "of_key", "as_of", "text"])
    return shared.select(*ROW, "as_of")
