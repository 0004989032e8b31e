"""Counts refused identifiers by day of the feed, kind and reason; their values are never stored."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import TYPE_CHECKING

from quanyu.feeds.source import Source
from quanyu.lake import Lake, place_of
from quanyu.lake.receipt import Receipt
from quanyu.literals import dates, quoted
from quanyu.model.identity import IdentifierRefusals

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PLACE = place_of(IdentifierRefusals)


def record(lake: Lake, source: Source, staged: DataFrame, days: Collection[date], receipt: Receipt) -> tuple[str, ...]:
    """Count the identifiers of these days that `with_person` refused, replacing earlier counts; returns notes."""
    if not source.person:
        return ()
    each = ", ".join(
        f"struct({quoted(item.kind)} as kind, _person.no{n} as reason)" for n, item in enumerate(source.person)
    )
    identifiers = staged.where("_drop is null").selectExpr("_day as day", f"inline(array({each}))")
    counts = identifiers.where("reason is not null").groupBy("day", "kind", "reason").count().collect()
    if counts or _has_some(lake, source, days):
        rows = [(source.name, row["day"], row["kind"], row["reason"], row["count"]) for row in counts]
        schema = ", ".join(f"{name} {column.type}" for name, column in IdentifierRefusals.columns.items())
        these = f"source = {quoted(source.name)} and day in ({dates(sorted(days))})"
        lake.sync(IdentifierRefusals, lake.spark.createDataFrame(rows, schema), receipt, these)
    totals: dict[str, int] = {}
    for row in counts:
        words = f"{row['kind']}: {row['reason']}"
        totals[words] = totals.get(words, 0) + row["count"]
    listed = "; ".join(
        f"{words} ({count:,})" for words, count in sorted(totals.items(), key=lambda it: (-it[1], it[0]))
    )
    return (f"{sum(totals.values()):,} identifiers refused, {listed}",) if totals else ()


def _has_some(lake: Lake, source: Source, days: Collection[date]) -> bool:
    """Whether there are counts of these days from earlier runs."""
    if not lake.exists(PLACE):
        return False
    stored = lake.rows(PLACE, ["source", "day"]).to_pylist()
    return any(row["source"] == source.name and row["day"] in days for row in stored)
