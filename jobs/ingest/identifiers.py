"""Identifiers that accepted rows tell of their persons: rows of the table `identifiers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.ingest.file_order import file_order
from quanyu.lake.difference import has_repeats
from quanyu.literals import quoted
from quanyu.source import Source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def identifiers_of(staged: DataFrame, source: Source, first_only: bool, last_row: bool = False) -> DataFrame:
    """Rows for `identifiers`: each normalised identifier of each accepted row's person, once per day of the feed.

    With `first_only`, on the first of the days alone: that a later one tells it again says nothing new. With
    `last_row`, of several rows of a person on a day the last one counts.
    """
    accepted = staged.where("_drop is null and size(_reasons) = 0 and _person.person_key is not null")
    if last_row:
        accepted = _last_rows(accepted)
    listed = ", ".join(
        f"struct({quoted(item.kind)} as kind, {quoted(item.scope)} as scope, _person.id{n} as value)"
        for n, item in enumerate(source.person)
    )
    found = accepted.selectExpr("_person.person_key as person_key", "_day as feed_day", f"inline(array({listed}))")
    known, keys = found.where("value is not null"), ["person_key", "kind", "scope", "value"]
    if first_only:
        return known.groupBy(*keys).agg({"feed_day": "min"}).withColumnRenamed("min(feed_day)", "feed_day")
    return known.dropDuplicates([*keys, "feed_day"])


def _last_rows(accepted: DataFrame) -> DataFrame:
    """The last row of each person on each day; looks only, where there is one row of each."""
    if not has_repeats(accepted.selectExpr("_day", "_person.person_key as person_key"), ["_day", "person_key"]):
        return accepted
    place = file_order("_file")
    last = f"row_number() over (partition by _day, _person.person_key order by {place} desc, _row desc) = 1 as _last"
    return accepted.selectExpr("*", last).where("_last").drop("_last")
