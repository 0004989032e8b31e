"""Which identifiers of persons stand on a day: what records and events tell, without what ceased.

An event is a fact of its day, and its feed never takes anything back. So an identifier that it tells ceases on the day
on which a record that told the same one does so no more: for the events of that record's own person, and for all events
where nobody else told it before that day and still does. An event of a later day tells it anew. Only what tells an
identifier ceases: the fact stays with the customer whom it had.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from quanyu.comparable import comparable_sql, with_hashes
from quanyu.discover import Catalogue
from quanyu.lake import Lake
from quanyu.literals import dates, quoted
from quanyu.source import Source
from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PERSON = ["source", "person_key"]
ROW = [*PERSON, "kind", "scope", "value"]
# What stands now, whatever days feeds tell.
NOW = date.max
AS_KNOWN = "recorded_on <= as_of and (replaced_on is null or replaced_on > as_of)"


def of_days(rows: DataFrame, days: Sequence[date]) -> DataFrame:
    """Repeat rows for each of the days they are asked for, as `as_of`, in one pass over them."""
    if len(days) == 1:
        return rows.selectExpr("*", f"date'{days[0]}' as as_of")
    return rows.where(f"recorded_on <= date'{max(days)}'").selectExpr("*", f"explode(array({dates(days)})) as as_of")


def told(lake: Lake, catalogue: Catalogue, *days: date) -> DataFrame:
    """Rows of `identifiers` as known on each day, with `as_of`: those too that ceased."""
    return of_days(lake.table(catalogue.tables["identifiers"]), days).where(AS_KNOWN)


def standing(lake: Lake, catalogue: Catalogue, *days: date) -> DataFrame:
    """Rows of `identifiers` that stand on each day, with `as_of`: whatever joins or reaches somebody goes by them."""
    rows, gone = told(lake, catalogue, *days), ceased(lake, catalogue, *days)
    return rows if gone is None else rows.join(gone, [*ROW, "as_of"], "left_anti")


def ceased(lake: Lake, catalogue: Catalogue, *days: date) -> DataFrame | None:
    """What events tell as known on a day and stands no more: ROW and `as_of`; None where nothing was untied."""
    records, events = _feeds(catalogue)
    gone = _untied(lake, catalogue, days)
    if gone is None:
        return None
    forms = lake.staging.keep(_forms(gone))
    rows = told(lake, catalogue, *days).selectExpr(*ROW, "recorded_on", "as_of", _TEXT)
    before = rows.where(_of(events)).join(forms, ["text", "as_of"]).where("recorded_on <= until")
    before = lake.staging.keep(before)
    both = lake.staging.keep(_nobodys(before, rows.where(_of(records)), forms).unionByName(_theirs(before, rows)))
    return both.distinct()


def replaces(source: Source, tables: Mapping[str, type[Table]]) -> bool:
    """Whether a row of the feed says all that it knows of a person: it delivers records of persons, and not events."""
    return source.delivers != "events" and bool(records_in(source, tables))


def records_in(source: Source, tables: Mapping[str, type[Table]]) -> list[str]:
    """Fills of a feed that tell one record of each person."""
    return [name for name, fill in source.fills.items() if tables[fill.table].keys == ("person_key",)]


def untied_for(lake: Lake, catalogue: Catalogue, source: Source) -> DataFrame | None:
    """What records untied so far, for a feed of events of persons: `text` (comparable_sql) and `until`. What such a
    feed tells of it from then on holds anew."""
    gone = _untied(lake, catalogue, [NOW]) if source.person and source.delivers == "events" else None
    return None if gone is None else _forms(gone).select("text", "until")


_TEXT = f"{comparable_sql('kind', 'scope', 'value')} as text"


def _feeds(catalogue: Catalogue) -> tuple[list[str], list[str]]:
    """Names of the feeds whose records untie, and of those that tell events of persons.

    What another party's file leaves out says nothing of the retailer's own facts.
    """
    named = [source for source in catalogue.sources.values() if source.person]
    own = [source.name for source in named if source.party == "first" and replaces(source, catalogue.tables)]
    return own, [source.name for source in named if source.delivers == "events"]


def _of(names: Collection[str]) -> str:
    return f"source in ({', '.join(map(quoted, names))})"


def _untied(lake: Lake, catalogue: Catalogue, days: Sequence[date]) -> DataFrame | None:
    """What records untied up to each day: ROW, `text`, `until`, `as_of`; None where nothing ever was, or no feed has
    events."""
    records, events = _feeds(catalogue)
    if not records or not events:
        return None
    rows = lake.table(catalogue.tables["identifiers"]).where(_of(records)).selectExpr("*", _TEXT)
    ended = rows.where("replaced_on is not null")
    if not ended.limit(1).count():
        return None
    gone = of_days(ended, days).where("replaced_on <= as_of")
    last = gone.groupBy(*ROW, "text", "as_of").agg({"replaced_on": "max"})
    last = last.withColumnRenamed("max(replaced_on)", "until")
    persons = ended.select(*PERSON).distinct()
    holds = of_days(rows.join(persons, PERSON, "left_semi"), days).where(AS_KNOWN)
    gone = last.join(holds.select(*PERSON, "text", "as_of"), [*PERSON, "text", "as_of"], "left_anti")
    gone = lake.staging.keep(gone)
    return gone if gone.limit(1).count() else None


def _forms(gone: DataFrame) -> DataFrame:
    """Each text under which events may tell what was untied, hashed ones too: `text`, the `root` that it is a form of,
    `of_source`, `of_key`, `until`, `as_of`."""
    named = gone.withColumnsRenamed({"source": "of_source", "person_key": "of_key"})
    names = ["root", "of_source", "of_key", "until", "as_of"]
    return with_hashes(named.withColumn("root", named["text"]), names).distinct()


def _nobodys(before: DataFrame, records: DataFrame, forms: DataFrame) -> DataFrame:
    """Of what events told before it was untied, that which no record told before and still tells."""
    roots = forms.select("root", "text", "as_of").distinct()
    still = records.join(roots, ["text", "as_of"]).groupBy("root", "as_of").agg({"recorded_on": "min"})
    still = still.withColumnRenamed("min(recorded_on)", "since")
    alone = before.join(still, ["root", "as_of"], "left").where("since is null or since >= until")
    return alone.select(*ROW, "as_of")


def _theirs(before: DataFrame, rows: DataFrame) -> DataFrame:
    """Of what events told before it was untied, that of the person who untied it: both show something else too."""
    pairs = before.select(*ROW, "as_of", "of_source", "of_key").distinct()
    of_events = rows.select(*PERSON, "as_of", "text")
    of_records = of_events.withColumnsRenamed({"source": "of_source", "person_key": "of_key"})
    shared = pairs.join(of_events, [*PERSON, "as_of"]).join(of_records, ["of_source", "of_key", "as_of", "text"])
    return shared.select(*ROW, "as_of")
