"""Rows that break their contract, stored with their reasons and their persons until a corrected row replaces them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import TYPE_CHECKING

from jobs.ingest.landing import bronze
from jobs.ingest.mapping import mapping
from quanyu.feeds.source import Source
from quanyu.lake import Lake
from quanyu.lake.receipt import Receipt

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

COLUMNS = {
    "_day": "date", "_file": "string", "_row": "bigint", "reasons": "array<string>", "raw": "string",
    "person_key": "string", "shows": "array<string>", "belongs_to": "array<string>",
}  # fmt: skip


def replace(
    lake: Lake,
    source: Source,
    staged: DataFrame,
    bad_rows: DataFrame,
    days: Collection[date],
    other_days: Collection[date],
    belongs_to: str,
    receipt: Receipt,
) -> None:
    """Replace the quarantined rows of `days`, and the staged ones of `other_days`, by the bad ones of the staged rows.

    `belongs_to` is SQL of the groups that a row belongs to.
    """
    place = f"quarantine/{source.name}"
    bad = lake.staging.stage(_bad(bad_rows, source, belongs_to))
    fresh = lake.version(place) is None
    if fresh and not bad.count:
        return
    lake.ensure_table(place, COLUMNS, bronze.STATISTICS)
    if fresh:
        lake.append(place, bad, receipt, {"out": bad.count})
        return
    these = bronze.of_days({*days, *other_days})
    before = lake.read(place).where(these).select(*COLUMNS)
    rows = bad.rows
    if other_days:
        checked = staged.select("_day", "_file", "_row")
        rest = before.where(f"not {bronze.of_days(days)}").join(checked, ["_day", "_file", "_row"], "left_anti")
        rows = rows.unionByName(rest.select(*COLUMNS))
    if not bad.count and not before.limit(1).count():
        return
    if not rows.exceptAll(before).limit(1).count() and not before.exceptAll(rows).limit(1).count():
        return
    lake.replace(place, rows, these, receipt, {"out": bad.count})


def _bad(rows: DataFrame, source: Source, belongs_to: str) -> DataFrame:
    named = ", ".join(f"`{column}`" for column in source.named_columns())
    raw = f"coalesce(_raw, if(_refused is null, to_json(struct({named})), null)) as raw"
    who = (
        "_person.person_key as person_key",
        f"{mapping.identifiers_sql(source)} as shows",
        f"{belongs_to} as belongs_to",
    )
    return rows.selectExpr("_day", "_file", "_row", "array_sort(_reasons) as reasons", raw, *who)
