"""Lines that a group had of a day that is not whole, and that this day does not tell any more: they prove nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import TYPE_CHECKING

from jobs.ingest.parents import Parent, line_keys
from jobs.ingest.versions import standing_versions
from jobs.ingest.work import Work
from quanyu.lake.union import union_all
from quanyu.literals import dates

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def groups_missing_lines(
    work: Work, staged: DataFrame, parent: Parent, days: Collection[date], groups_by_day: Sequence[DataFrame]
) -> DataFrame | None:
    """Keys, as `_short`, of groups in `staged` of which a line of one of these days is missing; None where none can be.

    A line is missing where silver has it of that day, and the day, which has a file or row that could not be taken,
    lacks it. Where lines have no key, a group lacks them if the day tells nothing of it; `told` are the groups that
    each day told of, as `_key` and `_day`.
    """
    if not days or not groups_by_day:
        return None
    these = f"in ({dates(sorted(days))})"
    here = staged.where(f"`{parent.column}` is not null").selectExpr(f"`{parent.column}` as _key", "_day")
    if parent.lines is None:
        before = union_all([groups.where(f"_day {these}").select("_key", "_day") for groups in groups_by_day])
        missing = before.join(here, ["_key", "_day"], "left_anti")
    else:
        missing = _missing(work, staged, parent, parent.lines, these)
    return missing.join(here, "_key", "left_semi").selectExpr("_key as _short").distinct()


def _missing(work: Work, staged: DataFrame, parent: Parent, lines: str, these: str) -> DataFrame:
    """Lines in silver of these days that the days do not tell any more."""
    table = work.tables[work.source.fills[lines].table]
    work.lake.prepare(table)
    before = standing_versions(work.lake, table, work.source).where(f"feed_day {these}")
    before = before.selectExpr(*(f"`{key}`" for key in table.keys), "feed_day", f"{parent.stored_key_sql()} as _key")
    fills = [name for name in work.source.tables()[table.name] if not work.source.fills[name].one_row_per]
    here = union_all([line_keys(staged.where(f"_day {these}"), name, work.source.fills[name], table) for name in fills])
    return before.join(here, [*table.keys, "feed_day"], "left_anti")
