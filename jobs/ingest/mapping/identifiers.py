"""Identifiers of persons in accepted rows, as rows of the table `identifiers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.ingest.landing.file_order import file_order
from quanyu.feeds.source import Source
from quanyu.lake.difference import has_repeats
from quanyu.literals import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PERSON_KEY = "_person.person_key as person_key"
_FROM_THE_LAST = f"(partition by _day, _person.person_key order by {file_order('_file')} desc, _row desc)"


def identifiers_of(staged: DataFrame, source: Source, first_only: bool, last_row: bool = False) -> DataFrame:
    """Rows for `identifiers`: each normalised identifier of each accepted row's person, once per day of the feed.

    With `first_only`, each is returned for its first day only, since repetitions on later days add nothing. With
    `last_row`, only the last row of a person on a day counts; of a kind that the source `keeps`, the last row with a
    value.
    """
    accepted = staged.where("_drop is null and size(_reasons) = 0 and _person.person_key is not null")
    numbered = last_row and has_repeats(accepted.selectExpr("_day", PERSON_KEY), ["_day", "person_key"])
    listed = ", ".join(
        f"struct({quoted(item.kind)} as kind, {quoted(item.scope)} as scope, _person.id{n} as value)"
        for n, item in enumerate(source.person)
    )
    rows = accepted.selectExpr("*", f"row_number() over {_FROM_THE_LAST} as _n" if numbered else "1 as _n")
    identifiers = rows.selectExpr(PERSON_KEY, "_day as feed_day", "_n", f"inline(array({listed}))")
    identifiers, keys = identifiers.where("value is not null"), ["person_key", "kind", "scope", "value"]
    if numbered:
        identifiers = _last_values(identifiers, source)
    if first_only:
        return identifiers.groupBy(*keys).agg({"feed_day": "min"}).withColumnRenamed("min(feed_day)", "feed_day")
    return identifiers.select(*keys, "feed_day").dropDuplicates([*keys, "feed_day"])


def _last_values(identifiers: DataFrame, source: Source) -> DataFrame:
    """Identifiers of each person's last row on each day; of kinds that the source keeps, the last value of the day."""
    last = "min(_n) over (partition by person_key, feed_day, kind, scope) as _last"
    kinds = ", ".join(map(quoted, source.keeps))
    counts = f"_n = if(kind in ({kinds}), _last, 1)" if kinds else "_n = 1"
    return identifiers.selectExpr("*", last).where(counts)
