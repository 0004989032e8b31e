"""Lines of a group that are missing from an incomplete day, which does not prove that they have ended."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import TYPE_CHECKING

from jobs.ingest.receipts.parents import Parent, line_keys
from jobs.ingest.silver.versions import current_versions
from jobs.ingest.work import IngestRun
from quanyu.lake.union import union_all
from quanyu.literals import dates

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def groups_missing_lines(
    work: IngestRun, staged: DataFrame, parent: Parent, days: Collection[date], groups_by_day: Sequence[DataFrame]
) -> DataFrame | None:
    """Keys, as `_short`, of groups in `staged` that miss a line of one of these days; None if that is impossible.

    `days` are incomplete: a file or row of them was refused or quarantined. A line is missing if silver has it from
    such a day and the day now lacks it. If lines have no key, a group misses lines if such a day no longer contains it
    at all; `groups_by_day` are the groups of earlier deliveries of each day, as `_key` and `_day`.
    """
    if not days or not groups_by_day:
        return None
    these = f"in ({dates(sorted(days))})"
    groups = staged.where(f"`{parent.column}` is not null").selectExpr(f"`{parent.column}` as _key", "_day")
    if parent.lines is None:
        before = union_all([earlier.where(f"_day {these}").select("_key", "_day") for earlier in groups_by_day])
        missing = before.join(groups, ["_key", "_day"], "left_anti")
    else:
        missing = _missing(work, staged, parent, parent.lines, these)
    return missing.join(groups, "_key", "left_semi").selectExpr("_key as _short").distinct()


def _missing(work: IngestRun, staged: DataFrame, parent: Parent, lines: str, these: str) -> DataFrame:
    """Lines in silver from these days that the days no longer contain."""
    table = work.tables[work.source.fills[lines].table]
    work.lake.prepare(table)
    before = current_versions(work.lake, table, work.source).where(f"feed_day {these}")
    before = before.selectExpr(*(f"`{key}`" for key in table.keys), "feed_day", f"{parent.stored_key_sql()} as _key")
    fills = [name for name in work.source.tables()[table.name] if not work.source.fills[name].one_row_per]
    lines_of_days = [line_keys(staged.where(f"_day {these}"), name, work.source.fills[name], table) for name in fills]
    return before.join(union_all(lines_of_days), [*table.keys, "feed_day"], "left_anti")
