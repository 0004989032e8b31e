"""Groups of a delivery with rows on several days of the feed, in the delivery or before it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from jobs.ingest.landing import bronze
from jobs.ingest.receipts.parents import Parent
from jobs.ingest.work import IngestRun, with_held
from quanyu.feeds.source import Source
from quanyu.lake import place_of
from quanyu.lake.union import union_all
from quanyu.literals import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# A group with rows on several days, and one of these days.
GROUP_COLUMNS = {"fill": "string", "key": "string", "day": "date"}


def with_other_days(work: IngestRun, staged: DataFrame) -> tuple[DataFrame, frozenset[date]]:
    """Add the mapped rows that the groups of these rows have on other days. Returns these days too.

    The days of a group are looked up by its versions in silver, by its bad rows in quarantine, and in the table of
    groups of several days, since a version that was replaced on the day of its recording leaves nothing in silver.
    """
    frames, days = [staged], set[date]()
    for parent in work.parents:
        places = groups_by_day(work, parent)
        if not places:
            continue
        keys = _touched(work, staged, parent, places)
        others = _days_of(places, keys) - work.days
        if others:
            rows = with_held(work.mapped(work.of_days(others)), work.held_before())
            rows = rows.join(keys, rows[parent.column] == keys["_key"], "left_semi")
            frames.append(_without_rows_of(rows, frames))
            days |= others
    if not days:
        return staged, frozenset()
    return work.lake.staging.materialize(union_all(frames)), frozenset(days)


def _without_rows_of(rows: DataFrame, frames: list[DataFrame]) -> DataFrame:
    place = ["_file", "_row", "_day"]
    return rows.join(union_all([frame.select(*place) for frame in frames]), place, "left_anti").select(*rows.columns)


def _touched(work: IngestRun, staged: DataFrame, parent: Parent, places: list[DataFrame]) -> DataFrame:
    """Keys of groups with rows on these days, now or, by `groups_by_day`, in earlier deliveries."""
    keys = staged.where(f"_drop is null and `{parent.column}` is not null").selectExpr(f"`{parent.column}` as _key")
    before = [groups.where(bronze.of_days(work.days)).select("_key") for groups in places]
    return work.lake.staging.materialize(union_all([keys, *before]).distinct())


def _days_of(places: list[DataFrame], keys: DataFrame) -> set[date]:
    """Days of these groups, by `groups_by_day`."""
    days = [groups.join(keys, "_key", "left_semi").select("_day") for groups in places]
    return {row["_day"] for row in union_all(days).distinct().collect()}


def groups_by_day(work: IngestRun, parent: Parent) -> list[DataFrame]:
    """Keys of groups with their days, from each place that stores them: `_key` and `_day`."""
    frames = (_versions(work, parent), _in_quarantine(work, parent), _of_several_days(work, parent))
    return [frame for frame in frames if frame is not None]


def _of_several_days(work: IngestRun, parent: Parent) -> DataFrame | None:
    place = groups_place(work.source)
    if not work.lake.exists(place):
        return None
    return work.lake.read(place).where(f"fill = {quoted(parent.name)}").selectExpr("key as _key", "day as _day")


def groups_place(source: Source) -> str:
    """Place of the table of groups with rows on several days."""
    return f"bronze/{source.name}_groups"


def days_of_groups(work: IngestRun, staged: DataFrame) -> dict[str, DataFrame]:
    """Groups with rows on several days, and these days (`_key` and `_day`), by fill; a fill without any is left out."""
    from pyspark.sql import functions as F  # noqa: N812

    group_days = {}
    for parent in work.parents:
        rows = staged.where(f"`{parent.column}` is not null").selectExpr(f"`{parent.column}` as _key", "_day")
        spans = rows.groupBy("_key").agg(F.expr("min(_day)").alias("_first"), F.expr("max(_day)").alias("_last"))
        keys = work.lake.staging.stage(spans.where("_first < _last").select("_key"))
        if keys.count:
            group_days[parent.name] = work.lake.staging.materialize(
                rows.join(keys.rows, "_key", "left_semi").distinct()
            )
    return group_days


def record_group_days(work: IngestRun, group_days: Mapping[str, DataFrame]) -> None:
    """Store the days of groups that have rows on several days."""
    if not group_days:
        return
    place = groups_place(work.source)
    rows = [
        days.selectExpr(f"{quoted(fill)} as fill", "_key as key", "_day as day") for fill, days in group_days.items()
    ]
    fresh = union_all(rows)
    if work.lake.exists(place):
        fresh = fresh.join(work.lake.read(place), list(GROUP_COLUMNS), "left_anti")
    several = work.lake.staging.stage(fresh)
    if several.count:
        work.lake.ensure_table(place, GROUP_COLUMNS, ("day",))
        work.lake.append(place, several, work.receipt, {"out": several.count})


def _versions(work: IngestRun, parent: Parent) -> DataFrame | None:
    """Groups in silver with the day of each version."""
    if not work.lake.exists(place_of(parent.table)):
        return None
    rows = work.lake.table(parent.table).where(f"source = {quoted(work.source.name)}")
    return rows.selectExpr(f"{parent.stored_key_sql()} as _key", "feed_day as _day")


def _in_quarantine(work: IngestRun, parent: Parent) -> DataFrame | None:
    """Groups of rows in quarantine with the day of each row."""
    place = f"quarantine/{work.source.name}"
    if not work.lake.exists(place):
        return None
    rows = work.lake.read(place)
    if "belongs_to" not in rows.columns:
        return None
    texts = rows.selectExpr("_day", "explode(belongs_to) as _text").where(
        f"startswith(_text, {quoted(f'{parent.name}=')})"
    )
    return texts.selectExpr(f"substring(_text, {len(parent.name) + 2}) as _key", "_day")
