"""Incomplete groups of a delivery, which have a row in quarantine or miss one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from jobs.ingest.mapping.groups import AcrossDays, groups_of, is_good
from jobs.ingest.receipts.group_days import groups_by_day
from jobs.ingest.receipts.parents import Parent, line_keys, stored_key_sql, with_key
from jobs.ingest.silver.versions import current_versions
from jobs.ingest.work import IngestRun
from quanyu.lake.staging import StagedRows
from quanyu.lake.union import union_all
from quanyu.literals import dates, quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def belongs_to_sql(work: IngestRun) -> str:
    """SQL of the groups that a mapped row belongs to, as strings of fill and key."""
    texts = ", ".join(f"concat({quoted(f'{p.name}=')}, `{p.column}`)" for p in work.parents)
    return f"filter(array({texts}), t -> t is not null)" if texts else "cast(array() as array<string>)"


@dataclass(frozen=True)
class Incomplete:
    """Incomplete groups, which lack a row that is in quarantine: their keys, as `_short`, by the name of the fill.

    `as_before` is a SQL condition of held back rows whose day stays as it was ingested before. A group that lacks only
    such rows stays as it is: neither published again nor ended. `lacking` are the keys of the other groups.
    """

    keys: Mapping[str, DataFrame]
    lacking: Mapping[str, DataFrame] = field(default_factory=dict)
    as_before: str = "false"

    def of(self, parent: Parent) -> DataFrame | None:
        """Keys of the incomplete groups that are published and marked."""
        return self.lacking.get(parent.name) if parent.fill.when_incomplete == "mark" else None


NONE_SHORT = Incomplete({})


def without_bad_rows(
    work: IngestRun,
    groups: Mapping[str, DataFrame],
    rows: DataFrame,
    bad: StagedRows,
    across: Callable[[str], AcrossDays | None],
) -> dict[str, DataFrame]:
    """Groups by fill that were computed before all `bad` rows were marked: those with such a row are computed again.

    `rows` are all rows with all their reasons; `across` says how a fill aggregates rows of several days.
    """
    if not bad.count:
        return dict(groups)
    return {name: _without_bad_rows(work, fresh, rows, bad.rows, name, across(name)) for name, fresh in groups.items()}


def _without_bad_rows(
    work: IngestRun, groups: DataFrame, rows: DataFrame, bad: DataFrame, name: str, across: AcrossDays | None
) -> DataFrame:
    fill, staging = work.source.fills[name], work.lake.staging
    table = work.tables[fill.table]
    keys = with_key(bad, fill, table, "_key").where("_key is not null").select("_key").distinct()
    changed = staging.stage(keys)
    if not changed.count:
        return groups
    own = with_key(rows, fill, table, "_key").join(changed.rows, "_key", "left_semi").drop("_key")
    fresh = groups_of(staging.materialize(own), name, work.source, table, across)
    keyed = groups.selectExpr("*", f"{stored_key_sql(fill)} as _key")
    return keyed.join(changed.rows, "_key", "left_anti").select(*groups.columns).unionByName(fresh)


def without_incomplete(
    work: IngestRun,
    staged: DataFrame,
    as_before: str,
    incomplete_days: Collection[date],
    group_days: Mapping[str, DataFrame],
) -> tuple[DataFrame, Incomplete]:
    """Hold back groups with a row in quarantine, with all their rows, unless the source publishes and marks them.

    A group that misses a line on one of the incomplete days is held back too, and stays as it is in silver.
    `group_days` are the groups with rows on several days (`_key`), by fill.
    """
    keys: dict[str, DataFrame] = {}
    lacking: dict[str, DataFrame] = {}
    for parent in work.parents:
        short = _short_groups(work, staged, parent, as_before, incomplete_days, group_days)
        groups, counts = work.lake.staging.stage_and_count(short, by="_lacks")
        if not groups.count:
            continue
        keys[parent.name] = groups.rows.select("_short")
        lacking[parent.name] = groups.rows.where("_lacks").select("_short")
        if parent.fill.when_incomplete == "hold":
            staged = _with_group_reasons(staged, parent, groups.rows)
        elif counts.get(False):
            staged = _with_group_reasons(staged, parent, groups.rows.where("not _lacks"))
    return staged, Incomplete(keys, lacking, as_before)


def _short_groups(
    work: IngestRun,
    staged: DataFrame,
    parent: Parent,
    as_before: str,
    incomplete_days: Collection[date],
    group_days: Mapping[str, DataFrame],
) -> DataFrame:
    """Incomplete groups: their key `_short`, whether they lack a bad row (`_lacks`), and miss a line (`_missing`).

    A group does not lack a row that is held back with a part whose earlier content stays (`as_before`).
    """
    from pyspark.sql import functions as F  # noqa: N812

    # Of a row that occurs twice, the group has one, so that it lacks nothing.
    bad = staged.where(f"size(_reasons) > 0 and not _twice and `{parent.column}` is not null")
    if parent.lines and not parent.fill.each and parent.name in group_days:
        bad = _not_corrected(staged, bad, parent, group_days[parent.name])
    short = bad.selectExpr(f"`{parent.column}` as _short", f"not ({as_before}) as _lacks", "false as _missing")
    groups = groups_by_day(work, parent) if incomplete_days else []
    missing = groups_missing_lines(work, staged, parent, incomplete_days, groups)
    if missing is not None:
        short = union_all([short, missing.selectExpr("_short", "false as _lacks", "true as _missing")])
    return short.groupBy("_short").agg(*(F.bool_or(flag).alias(flag) for flag in ("_lacks", "_missing")))


def _not_corrected(staged: DataFrame, bad: DataFrame, parent: Parent, group_days: DataFrame) -> DataFrame:
    """Bad rows whose line has no good row on a later day."""
    lines = [f"{sql} as _line{n}" for n, sql in enumerate(parent.line)]
    own = staged.join(group_days, staged[parent.column] == group_days["_key"], "left_semi")
    good = own.where(is_good(parent.name)).selectExpr(f"`{parent.column}` as _key", "_day as _later", *lines)
    numbered = bad.selectExpr("*", *lines)
    on = [numbered[parent.column] == good["_key"], numbered["_day"] < good["_later"]]
    on += [numbered[f"_line{n}"].eqNullSafe(good[f"_line{n}"]) for n in range(len(lines))]
    return numbered.join(good, on, "left_anti").select(*bad.columns)


def _with_group_reasons(staged: DataFrame, parent: Parent, groups: DataFrame) -> DataFrame:
    keys = groups.selectExpr("_short", "true as _is_short", "_missing")
    named = ", ".join(parent.table.keys)
    bad = f"{parent.table.name}: another row of the same {named} is in quarantine"
    missing = f"{parent.table.name}: a row of the same {named} is missing on a day that is not complete"
    # The embedded engine loads the left side of a join into memory.
    joined = keys.join(staged, staged[parent.column] == keys["_short"], "right")
    reason = f"array(if(_missing, {quoted(missing)}, {quoted(bad)}))"
    reasons = f"if(_is_short and {is_good(parent.name)}, {reason}, _reasons) as _reasons"
    return joined.selectExpr(*(f"`{c}`" for c in staged.columns if c != "_reasons"), reasons)


def retracted(work: IngestRun, bad: DataFrame, short: Incomplete, table_name: str) -> DataFrame | None:
    """Keys in silver that are held back now: incomplete groups and their lines, which are among the bad rows."""
    table = work.tables[table_name]
    frames = []
    for parent in (p for p in work.parents if p.name in short.keys and p.fill.when_incomplete == "hold"):
        current_rows = current_versions(work.lake, table, work.source)
        if parent.table is table:
            frames.append(_of_groups(current_rows, parent, short.lacking[parent.name], table.keys))
        elif set(parent.table.keys) < set(table.keys):
            rows = [
                _lines(work, _lacking_rows(bad, parent, short), name, parent)
                for name in work.source.tables().get(table_name, ())
            ]
            on = [*table.keys, "feed_day"]
            frames += [
                current_rows.join(lines, on, "left_semi").select(*table.keys) for lines in rows if lines is not None
            ]
            if parent.lines and table_name == work.source.fills[parent.lines].table:
                # A line that its day no longer contains ends with its group.
                frames.append(_of_groups(current_rows, parent, short.lacking[parent.name], table.keys))
    return union_all(frames).distinct() if frames else None


def kept_keys(work: IngestRun, bad: DataFrame, short: Incomplete, table_name: str) -> DataFrame | None:
    """Keys of a table in held back groups that stay as they are: no corrected day ends these."""
    table, frames = work.tables[table_name], []
    for parent in (p for p in work.parents if p.name in short.keys):
        groups = short.keys[parent.name].join(short.lacking[parent.name], "_short", "left_anti")
        if parent.table is table:
            frames.append(_of_groups(current_versions(work.lake, table, work.source), parent, groups, table.keys))
        elif set(parent.table.keys) < set(table.keys):
            rows = bad.join(groups, bad[parent.column] == groups["_short"], "left_semi")
            lines = [_lines(work, rows, name, parent) for name in work.source.tables().get(table_name, ())]
            frames += [keys.select(*table.keys) for keys in lines if keys is not None]
    return union_all(frames).distinct() if frames else None


def _of_groups(current_rows: DataFrame, parent: Parent, groups: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Keys of the versions in silver that belong to some groups, whose keys are `_short`."""
    own = current_rows.selectExpr("*", f"{parent.stored_key_sql()} as _short")
    return own.join(groups, "_short", "left_semi").select(*keys)


def _lacking_rows(bad: DataFrame, parent: Parent, short: Incomplete) -> DataFrame:
    keys = short.lacking[parent.name]
    rows = bad.where(f"not ({short.as_before})")
    return rows.join(keys, rows[parent.column] == keys["_short"], "left_semi")


def _lines(work: IngestRun, bad: DataFrame, name: str, parent: Parent) -> DataFrame | None:
    """Keys of a fill's bad rows, which are held back with their group; None for a fill with groups."""
    fill = work.source.fills[name]
    if fill.one_row_per:
        return None
    rows = bad.where(f"`{parent.column}` is not null")
    return line_keys(rows, name, fill, work.tables[fill.table])


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
