"""Ends identifiers that a record no longer has: its new row replaces the identifiers of its earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import TYPE_CHECKING

from jobs.ingest.silver.delivery import Delivery
from jobs.ingest.silver.versions import marked
from quanyu.feeds.source import Source
from quanyu.grammar.table import Table
from quanyu.identifiers.comparable import comparable_sql
from quanyu.identifiers.valid import person_fills
from quanyu.literals import dates, quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

KEY = ["person_key", "kind", "scope", "value"]
# Earlier than every day of a feed.
_BEFORE = "date'0001-01-01'"


def one_row_a_day(source: Source, tables: Mapping[str, type[Table]]) -> bool:
    """Whether a person's record is a single row of the feed, the last one of a day, and not a group of rows."""
    return not any(source.fills[name].one_row_per or source.fills[name].each for name in person_fills(source, tables))


def ended_by_records(observations: DataFrame, current: DataFrame, source: Source) -> DataFrame:
    """Identifiers that end on a later day of the batch: KEY and `day`, the first day on which their record lacks them.

    `observations` are the identifiers of the batch by day (KEY, feed_day), `current` the valid ones in silver. A value
    of a kind that the source `keeps` is ended only by another value of that kind.
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


def out_of_order_changes(
    observations: DataFrame, elsewhere: DataFrame, current: DataFrame, source: Source, days: Collection[date]
) -> tuple[DataFrame, DataFrame]:
    """Changes by a batch with out-of-order days: identifiers that become valid, and those that end (KEY, feed_day).

    The identifiers of all days decide: `observations` are those of the batch, `elsewhere` those of the other days, both
    with feed_day; `days` are the days of the batch. Identifiers in silver of a person that no day contains stay valid,
    unless one of `days` had delivered them: an earlier contract gave that person its key.
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


def delivered_again(observations: DataFrame, current: DataFrame, until: DataFrame) -> DataFrame:
    """Identifiers that a feed of events delivers again after a record had ended them: KEY and `feed_day`, the day of
    that end, so that they become valid again."""
    ends = until.groupBy("text").agg({"until": "max"}).withColumnRenamed("max(until)", "until")
    texts = current.selectExpr("*", f"{comparable_sql('kind', 'scope', 'value')} as text")
    before = texts.join(ends, "text").where("recorded_on <= until").select(*KEY, "until")
    after = observations.selectExpr(*KEY, "feed_day as day").join(before, KEY).where("day > until")
    return after.selectExpr(*KEY, "until as feed_day").distinct()


def _standing(observations: DataFrame, source: Source) -> DataFrame:
    """Identifiers that are valid after all days of a feed: KEY and the last `feed_day` that has each."""
    from pyspark.sql import functions as F  # noqa: N812

    newest = observations.groupBy(*KEY).agg(F.expr("max(feed_day)").alias("feed_day"))
    rows = newest.selectExpr("*", f"{_slot(source)} as slot")
    last_of_person = "max(feed_day) over (partition by person_key)"
    last_of_slot = "max(feed_day) over (partition by person_key, slot)"
    last = f"if(slot = '', {last_of_person}, {last_of_slot}) as last"
    return rows.selectExpr("*", last).where("feed_day = last").drop("slot", "last")


def _slot(source: Source) -> str:
    """SQL of what replaces a value: '' for any later row of its record, else another value of its kind and scope."""
    if not source.keeps:
        return "''"
    return f"if(kind in ({', '.join(map(quoted, source.keeps))}), concat(kind, '|', scope), '')"


def ends_by_all_days(
    table: type[Table], rows: DataFrame, current_rows: DataFrame, delivery: Delivery, elsewhere: Callable[[], DataFrame]
) -> tuple[DataFrame, DataFrame]:
    """Changes by a delivery with out-of-order days, in the table's columns: identifiers that become valid, and ends."""
    fresh, ended = out_of_order_changes(rows, elsewhere(), current_rows, delivery.source, delivery.recorded_on)
    recorded_on = " ".join(f"when feed_day = date'{day}' then date'{on}'" for day, on in delivery.recorded_on.items())
    columns = (f"{quoted(delivery.source.name)} as source", "*")
    now = f"date'{delivery.last_recorded_on}'"
    fresh = fresh.selectExpr(*columns, f"case {recorded_on} else {now} end as recorded_on").select(*rows.columns)
    return fresh, gone_identifiers(table, ended, now, delivery)


def ends_of_identifiers(table: type[Table], rows: DataFrame, current_rows: DataFrame, delivery: Delivery) -> DataFrame:
    """Ends of identifiers that a later row of their record lacks."""
    ends = ended_by_records(rows, current_rows, delivery.source).withColumnRenamed("day", "feed_day")
    return gone_identifiers(table, ends, delivery.recorded_on_sql(), delivery)


def gone_identifiers(table: type[Table], ends: DataFrame, known_on: str, delivery: Delivery) -> DataFrame:
    """Ends of identifiers (KEY and `feed_day`) as `marked` rows of the version chain."""
    named = (f"{quoted(delivery.source.name)} as source", "cast(null as date) as replaced_on")
    return marked(table, ends.selectExpr("*", f"{known_on} as recorded_on", *named), old=False, gone=True)
