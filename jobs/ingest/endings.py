"""Which keys end: absent from the newest whole snapshot, or taken back by the day that told them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from jobs.ingest.delivery import Delivery
from jobs.ingest.versions import marked, place_sql
from quanyu.literals import dates
from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def may_end(table: type[Table]) -> str:
    """Condition of rows that end when a file no longer tells them."""
    return f"not coalesce({table.permanent}, false)" if table.permanent else "true"


def could_end(table: type[Table], rows: DataFrame, standing: DataFrame, delivery: Delivery) -> dict[date, int]:
    """How many keys each day could end: those of the snapshot before it, or those that the day itself told before."""
    told_before = _per_day(standing.where(may_end(table)))
    if not delivery.lists_all:
        return told_before
    judged, listed = delivery.judged, _per_day(rows.where(may_end(table)))
    before = [sum(told_before.values()), *(listed.get(day, 0) for day in judged)]
    return dict(zip(judged, before, strict=False))


def _per_day(rows: DataFrame) -> dict[date, int]:
    return {row["feed_day"]: row["count"] for row in rows.groupBy("feed_day").count().collect()}


def absent(table: type[Table], rows: DataFrame, alive: DataFrame, delivery: Delivery) -> DataFrame:
    """Ends of keys that silver has and the first of the judged snapshots lacks."""
    first, key = delivery.judged[0], list(table.keys)
    here = rows.where(f"feed_day <= date'{first}'").select(*key).distinct()
    gone = alive.where(may_end(table)).where(f"feed_day <= date'{first}'").join(here, key, "left_anti")
    return _ending(table, gone, f"date'{first}'", f"date'{delivery.known_on[first]}'")


def between(table: type[Table], rows: DataFrame, delivery: Delivery) -> DataFrame:
    """Ends of keys that a snapshot of this delivery has and the next judged one lacks."""
    key = ", ".join(f"`{name}`" for name in table.keys)
    following = _following(delivery)
    if not following:
        return marked(table, rows.limit(0), old=False, gone=True)
    after = "case " + " ".join(f"when feed_day = date'{a}' then date'{b}'" for a, b in following.items()) + " end"
    recorded_on = (
        "case " + " ".join(f"when _after = date'{d}' then date'{k}'" for d, k in delivery.known_on.items()) + " end"
    )
    with_next = rows.selectExpr(
        "*", f"lead(feed_day) over (partition by {key} order by feed_day) as _again", f"{after} as _after"
    )
    ends = with_next.where("_after is not null and (_again is null or _again > _after)").where(may_end(table))
    return _ending(table, ends, "_after", recorded_on)


def _following(delivery: Delivery) -> dict[date, date]:
    """The next judged day after each day of the delivery, where there is one."""
    judged = delivery.judged
    later = {day: next((other for other in judged if other > day), None) for day in delivery.known_on}
    return {day: other for day, other in later.items() if other is not None}


def not_overtaken(table: type[Table], rows: DataFrame, delivery: Delivery) -> DataFrame:
    """Leave out rows of snapshots behind the newest, which lists all that is, but for those that never end."""
    if not delivery.overtaken:
        return rows
    return rows.where(f"not feed_day in ({dates(delivery.overtaken)}) or not ({may_end(table)})")


def taken_back(
    table: type[Table], rows: DataFrame, alive: DataFrame, delivery: Delivery, standing: DataFrame | None
) -> DataFrame:
    """Versions in silver that their feed day, told again, no longer tells, or tells with an earlier time.

    Not so keys that are `standing`: what their day tells of them is held back.
    """
    key = list(table.keys)
    of_day = alive.where(f"feed_day in ({dates(delivery.corrected)})").where(may_end(table))
    of_day = of_day if standing is None else of_day.join(standing, key, "left_anti").select(*alive.columns)
    lost = of_day.join(rows.select(*key, "feed_day"), [*key, "feed_day"], "left_anti")
    place = place_sql(table, delivery.source)
    if place == "feed_day":
        return lost
    again = rows.selectExpr(*key, "feed_day", f"{place} as _told_at")
    earlier = of_day.join(again, [*key, "feed_day"]).where(f"_told_at < {place}").drop("_told_at")
    return lost.unionByName(earlier.select(*lost.columns))


def differing(table: type[Table], rows: DataFrame, alive: DataFrame, delivery: Delivery) -> DataFrame:
    """Keys of days out of their order that tell something else than silver, with their feed day.

    Silver may have learned on a day between what it has, without a version of that day: all days decide.
    """
    days = f"feed_day in ({dates(delivery.out_of_order)})"
    delivered = marked(table, rows.where(days), old=False, gone=False)
    current = marked(table, alive, old=True, gone=False).selectExpr(*table.keys, "_hash as _stood")
    return delivered.join(current, list(table.keys)).where("_hash <> _stood").select(*table.keys, "feed_day")


def restated(
    table: type[Table], rows: DataFrame, keys: DataFrame, delivery: Delivery, elsewhere: Callable[[], DataFrame]
) -> DataFrame:
    """The newest that any day of the feed tells of keys which a corrected day took back; none where no day does."""
    key = list(table.keys)
    others = elsewhere().join(keys, key, "left_semi").select(*rows.columns)
    rows_of_all_days = others.unionByName(rows.join(keys, key, "left_semi"))
    names = ", ".join(f"`{name}`" for name in key)
    order = f"(partition by {names} order by {place_sql(table, delivery.source)} desc, feed_day desc)"
    newest = (
        rows_of_all_days.selectExpr("*", f"row_number() over {order} as _n").where("_n = 1").drop("_n", "recorded_on")
    )
    return newest.selectExpr("*", f"date'{delivery.last_known}' as recorded_on").select(*rows.columns)


def ended(table: type[Table], versions: DataFrame, delivery: Delivery) -> DataFrame:
    """Ends of versions with their own feed day, known when all of the delivery is."""
    return _ending(table, versions, "feed_day", f"date'{delivery.last_known}'")


def _ending(table: type[Table], rows: DataFrame, day: str, recorded_on: str) -> DataFrame:
    ends = rows.selectExpr("*", f"{day} as _day", f"{recorded_on} as _known").drop(
        "feed_day", "recorded_on", "replaced_on"
    )
    return marked(table, ends.withColumnsRenamed({"_day": "feed_day", "_known": "recorded_on"}), old=False, gone=True)
