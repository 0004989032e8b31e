"""Identifiers that a record tells no more: its row replaces what the feed said of the record before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import TYPE_CHECKING

from jobs.ingest.delivery import Delivery
from jobs.ingest.versions import marked
from quanyu.comparable import comparable_sql
from quanyu.literals import dates, quoted
from quanyu.source import Source
from quanyu.standing import records_in
from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

KEY = ["person_key", "kind", "scope", "value"]
# Stands before every day of a feed.
_BEFORE = "date'0001-01-01'"


def one_row_a_day(source: Source, tables: Mapping[str, type[Table]]) -> bool:
    """Whether a record of a person is one row of the feed, of which the last of a day counts, and not a group."""
    return not any(source.fills[name].one_row_per or source.fills[name].each for name in records_in(source, tables))


def untied(observations: DataFrame, current: DataFrame, source: Source) -> DataFrame:
    """Identifiers that end on a later day of the batch: KEY and `day`, the first on which their record lacks them.

    `tellings` are all of the batch (KEY, feed_day), `current` those that hold in silver. Of a kind that the source
    `keeps`, only another value of the kind ends one.
    """
    slot = _slot(source)
    fresh = observations.selectExpr(*KEY, "feed_day as day", f"{slot} as slot")
    persons = fresh.select("person_key").distinct()
    before = current.join(persons, "person_key", "left_semi").selectExpr(*KEY, f"{_BEFORE} as day", f"{slot} as slot")
    rows = fresh.unionByName(before)
    days = rows.selectExpr("person_key", "slot", "day").unionByName(rows.selectExpr("person_key", "'' as slot", "day"))
    following = "lead(day) over (partition by person_key, slot order by day) as next"
    nexts = days.distinct().selectExpr("*", following).where("next is not null")
    ending = rows.join(nexts, ["person_key", "slot", "day"]).selectExpr(*KEY, "next as day")
    return ending.join(fresh.select(*KEY, "day"), [*KEY, "day"], "left_anti")


def anew(
    observations: DataFrame, elsewhere: DataFrame, current: DataFrame, source: Source, days: Collection[date]
) -> tuple[DataFrame, DataFrame]:
    """What days out of their order change, by the tellings of all days of the feed: identifiers that hold from now on,
    and those that end (KEY, feed_day).

    `days` are those of the batch. A record that no day tells is left as it is unless one of these told it: rules of an
    earlier day named it.
    """
    all_observations = observations.select(*KEY, "feed_day").unionByName(elsewhere.select(*KEY, "feed_day"))
    holds = _standing(all_observations, source)
    persons = observations.select("person_key").unionByName(current.select("person_key")).distinct()
    fresh = holds.join(persons, "person_key", "left_semi").join(current.select(*KEY), KEY, "left_anti")
    newest = (
        all_observations.groupBy("person_key").agg({"feed_day": "max"}).withColumnRenamed("max(feed_day)", "newest")
    )
    ended = current.join(holds.select(*KEY), KEY, "left_anti").join(newest, "person_key", "left")
    ended = ended.where(f"newest is not null or feed_day in ({dates(sorted(days))})")
    return fresh, ended.selectExpr(*KEY, "greatest(feed_day, coalesce(newest, feed_day)) as feed_day")


def retold(observations: DataFrame, current: DataFrame, until: DataFrame) -> DataFrame:
    """Identifiers that a feed of events told before a record untied them and tells again after: KEY and `feed_day`, the
    day on which they had ended, so that they hold anew."""
    ends = until.groupBy("text").agg({"until": "max"}).withColumnRenamed("max(until)", "until")
    texts = current.selectExpr("*", f"{comparable_sql('kind', 'scope', 'value')} as text")
    before = texts.join(ends, "text").where("recorded_on <= until").select(*KEY, "until")
    after = observations.selectExpr(*KEY, "feed_day as told").join(before, KEY).where("told > until")
    return after.selectExpr(*KEY, "until as feed_day").distinct()


def _standing(observations: DataFrame, source: Source) -> DataFrame:
    """Identifiers that hold after all days of a feed: KEY and the last `feed_day` that tells each."""
    from pyspark.sql import functions as F  # noqa: N812

    newest = observations.groupBy(*KEY).agg(F.expr("max(feed_day)").alias("feed_day"))
    rows = newest.selectExpr("*", f"{_slot(source)} as slot")
    last_of_person = "max(feed_day) over (partition by person_key)"
    last_of_slot = "max(feed_day) over (partition by person_key, slot)"
    last = f"if(slot = '', {last_of_person}, {last_of_slot}) as last"
    return rows.selectExpr("*", last).where("feed_day = last").drop("slot", "last")


def _slot(source: Source) -> str:
    """SQL of what a value has to give way to: any row of its record, or a value of the kind in its scope."""
    if not source.keeps:
        return "''"
    return f"if(kind in ({', '.join(map(quoted, source.keeps))}), concat(kind, '|', scope), '')"


def ends_by_all_days(
    table: type[Table], rows: DataFrame, alive: DataFrame, delivery: Delivery, elsewhere: Callable[[], DataFrame]
) -> tuple[DataFrame, DataFrame]:
    """What days out of their order change, by all days of the feed: identifiers that hold from now on, and ends."""
    fresh, ended = anew(rows, elsewhere(), alive, delivery.source, delivery.known_on)
    recorded_on = " ".join(f"when feed_day = date'{day}' then date'{on}'" for day, on in delivery.known_on.items())
    columns = (f"{quoted(delivery.source.name)} as source", "*")
    now = f"date'{delivery.last_known}'"
    fresh = fresh.selectExpr(*columns, f"case {recorded_on} else {now} end as recorded_on").select(*rows.columns)
    return fresh, gone_identifiers(table, ended, now, delivery)


def untied_ends(table: type[Table], rows: DataFrame, alive: DataFrame, delivery: Delivery) -> DataFrame:
    """Ends of identifiers that a later row of their record lacks."""
    ends = untied(rows, alive, delivery.source).withColumnRenamed("day", "feed_day")
    return gone_identifiers(table, ends, delivery.known_on_sql(), delivery)


def gone_identifiers(table: type[Table], ends: DataFrame, known_on: str, delivery: Delivery) -> DataFrame:
    """Ends of identifiers (KEY and `feed_day`), as the chain of versions takes them."""
    named = (f"{quoted(delivery.source.name)} as source", "cast(null as date) as replaced_on")
    return marked(table, ends.selectExpr("*", f"{known_on} as recorded_on", *named), old=False, gone=True)
