"""Which keys end: those absent from the newest complete snapshot, or removed by a correction of their own day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from jobs.ingest.silver.delivery import Delivery
from jobs.ingest.silver.versions import marked, place_sql
from quanyu.grammar.table import Table
from quanyu.literals import dates

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def may_end(table: type[Table]) -> str:
    """SQL condition of rows that end when a file no longer contains them."""
    return f"not coalesce({table.permanent_where}, false)" if table.permanent_where else "true"


def could_end(table: type[Table], rows: DataFrame, current_rows: DataFrame, delivery: Delivery) -> dict[date, int]:
    """How many keys each day could end: those of the snapshot before it, or those that the day itself had before."""
    in_silver = _per_day(current_rows.where(may_end(table)))
    if not delivery.lists_all:
        return in_silver
    judged, listed = delivery.ending_snapshots, _per_day(rows.where(may_end(table)))
    before = [sum(in_silver.values()), *(listed.get(day, 0) for day in judged)]
    return dict(zip(judged, before, strict=False))


def _per_day(rows: DataFrame) -> dict[date, int]:
    return {row["feed_day"]: row["count"] for row in rows.groupBy("feed_day").count().collect()}


def absent(table: type[Table], rows: DataFrame, current_rows: DataFrame, delivery: Delivery) -> DataFrame:
    """Ends of keys that are in silver and absent from the first snapshot that may end keys."""
    first, key = delivery.ending_snapshots[0], list(table.keys)
    listed = rows.where(f"feed_day <= date'{first}'").select(*key).distinct()
    missing = current_rows.where(may_end(table)).where(f"feed_day <= date'{first}'").join(listed, key, "left_anti")
    return _ending(table, missing, f"date'{first}'", f"date'{delivery.recorded_on[first]}'")


def between(table: type[Table], rows: DataFrame, delivery: Delivery) -> DataFrame:
    """Ends of keys that are in one snapshot of this delivery and absent from the next one that may end keys."""
    key = ", ".join(f"`{name}`" for name in table.keys)
    following = _following(delivery)
    if not following:
        return marked(table, rows.limit(0), old=False, gone=True)
    after = "case " + " ".join(f"when feed_day = date'{a}' then date'{b}'" for a, b in following.items()) + " end"
    recorded_on = (
        "case " + " ".join(f"when _after = date'{d}' then date'{k}'" for d, k in delivery.recorded_on.items()) + " end"
    )
    with_next = rows.selectExpr(
        "*", f"lead(feed_day) over (partition by {key} order by feed_day) as _again", f"{after} as _after"
    )
    ends = with_next.where("_after is not null and (_again is null or _again > _after)").where(may_end(table))
    return _ending(table, ends, "_after", recorded_on)


def _following(delivery: Delivery) -> dict[date, date]:
    """The next day that may end keys after each day of the delivery; days without one are left out."""
    judged = delivery.ending_snapshots
    later = {day: next((other for other in judged if other > day), None) for day in delivery.recorded_on}
    return {day: other for day, other in later.items() if other is not None}


def without_superseded(table: type[Table], rows: DataFrame, delivery: Delivery) -> DataFrame:
    """Leave out rows of snapshots older than the newest complete one, except rows that never end."""
    if not delivery.superseded_days:
        return rows
    return rows.where(f"not feed_day in ({dates(delivery.superseded_days)}) or not ({may_end(table)})")


def retracted_versions(
    table: type[Table], rows: DataFrame, current_rows: DataFrame, delivery: Delivery, kept_keys: DataFrame | None
) -> DataFrame:
    """Versions in silver that a corrected feed day no longer contains, or contains with an earlier time.

    Keys in `kept_keys` are left out: the rows that their day has for them are held back.
    """
    key = list(table.keys)
    of_day = current_rows.where(f"feed_day in ({dates(delivery.corrected)})").where(may_end(table))
    of_day = of_day if kept_keys is None else of_day.join(kept_keys, key, "left_anti").select(*current_rows.columns)
    lost = of_day.join(rows.select(*key, "feed_day"), [*key, "feed_day"], "left_anti")
    place = place_sql(table, delivery.source)
    if place == "feed_day":
        return lost
    corrected = rows.selectExpr(*key, "feed_day", f"{place} as _new_at")
    earlier = of_day.join(corrected, [*key, "feed_day"]).where(f"_new_at < {place}").drop("_new_at")
    return lost.unionByName(earlier.select(*lost.columns))


def differing(table: type[Table], rows: DataFrame, current_rows: DataFrame, delivery: Delivery) -> DataFrame:
    """Keys whose row on an out-of-order day differs from silver, with their feed day.

    Such a row alone cannot decide: a day between may have repeated what silver has, which leaves no version of its own.
    """
    days = f"feed_day in ({dates(delivery.out_of_order)})"
    delivered = marked(table, rows.where(days), old=False, gone=False)
    current = marked(table, current_rows, old=True, gone=False).selectExpr(*table.keys, "_hash as _current")
    return delivered.join(current, list(table.keys)).where("_hash <> _current").select(*table.keys, "feed_day")


def restated(
    table: type[Table], rows: DataFrame, keys: DataFrame, delivery: Delivery, elsewhere: Callable[[], DataFrame]
) -> DataFrame:
    """The newest row that any day of the feed has for each of some keys; no row for keys that no day contains."""
    key = list(table.keys)
    others = elsewhere().join(keys, key, "left_semi").select(*rows.columns)
    rows_of_all_days = others.unionByName(rows.join(keys, key, "left_semi"))
    names = ", ".join(f"`{name}`" for name in key)
    order = f"(partition by {names} order by {place_sql(table, delivery.source)} desc, feed_day desc)"
    newest = (
        rows_of_all_days.selectExpr("*", f"row_number() over {order} as _n").where("_n = 1").drop("_n", "recorded_on")
    )
    return newest.selectExpr("*", f"date'{delivery.last_recorded_on}' as recorded_on").select(*rows.columns)


def ended(table: type[Table], versions: DataFrame, delivery: Delivery) -> DataFrame:
    """Ends of versions on their own feed day, recorded on the day on which all of the delivery is."""
    return _ending(table, versions, "feed_day", f"date'{delivery.last_recorded_on}'")


def _ending(table: type[Table], rows: DataFrame, day: str, recorded_on: str) -> DataFrame:
    ends = rows.selectExpr("*", f"{day} as _day", f"{recorded_on} as _known").drop(
        "feed_day", "recorded_on", "replaced_on"
    )
    return marked(table, ends.withColumnsRenamed({"_day": "feed_day", "_known": "recorded_on"}), old=False, gone=True)
