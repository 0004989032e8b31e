"""Groups of a delivery that have rows on other days, and incomplete groups, which have a row in quarantine."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from jobs.ingest.landing import bronze
from jobs.ingest.mapping.groups import is_good
from jobs.ingest.receipts.missing_lines import groups_missing_lines
from jobs.ingest.receipts.parents import Parent, line_keys
from jobs.ingest.silver.versions import current_versions
from jobs.ingest.work import IngestRun, with_held
from quanyu.feeds.source import Source
from quanyu.lake import place_of
from quanyu.lake.union import union_all
from quanyu.literals import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def with_other_days(work: IngestRun, staged: DataFrame) -> tuple[DataFrame, frozenset[date]]:
    """Add the mapped rows that the groups of these rows have on other days. Returns these days too.

    The days of a group are looked up by its versions in silver, by its bad rows in quarantine, and in the table of
    groups of several days, since a version that was replaced on the day of its recording leaves nothing in silver.
    """
    frames, days = [staged], set[date]()
    for parent in work.parents:
        places = _groups_of_days(work, parent)
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
    """Keys of groups with rows on these days, now or, by `_groups_of_days`, in earlier deliveries."""
    keys = staged.where(f"_drop is null and `{parent.column}` is not null").selectExpr(f"`{parent.column}` as _key")
    before = [groups.where(bronze.of_days(work.days)).select("_key") for groups in places]
    return work.lake.staging.materialize(union_all([keys, *before]).distinct())


def _days_of(places: list[DataFrame], keys: DataFrame) -> set[date]:
    """Days of these groups, by `_groups_of_days`."""
    if not places:
        return set()
    days = [groups.join(keys, "_key", "left_semi").select("_day") for groups in places]
    return {row["_day"] for row in union_all(days).distinct().collect()}


def _groups_of_days(work: IngestRun, parent: Parent) -> list[DataFrame]:
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


def record_group_days(work: IngestRun, staged: DataFrame, other_days: frozenset[date]) -> None:
    """Store the days of groups that have rows on several days."""
    if not other_days and len(work.days) == 1:
        return
    place, rows = groups_place(work.source), []
    for parent in work.parents:
        days = staged.where(f"`{parent.column}` is not null").selectExpr(f"`{parent.column}` as key", "_day as day")
        counted = days.distinct().selectExpr("*", "count(*) over (partition by key) as _days").where("_days > 1")
        rows.append(counted.selectExpr(f"{quoted(parent.name)} as fill", "key", "day"))
    if not rows:
        return
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


# A group with rows on several days, and one of these days.
GROUP_COLUMNS = {"fill": "string", "key": "string", "day": "date"}

NONE_SHORT = Incomplete({})


def without_incomplete(
    work: IngestRun, staged: DataFrame, as_before: str, incomplete_days: Collection[date]
) -> tuple[DataFrame, Incomplete]:
    """Hold back groups with a row in quarantine, with all their rows, unless the source publishes and marks them.

    A group that misses a line on one of the incomplete days is held back too, and stays as it is in silver.
    """
    keys: dict[str, DataFrame] = {}
    lacking: dict[str, DataFrame] = {}
    for parent in work.parents:
        short = _short_groups(work, staged, parent, as_before, incomplete_days)
        groups, counts = work.lake.staging.stage_and_count(short, by="_lacks")
        if not groups.count:
            continue
        keys[parent.name] = groups.rows.select("_short")
        lacking[parent.name] = groups.rows.where("_lacks").select("_short")
        if parent.fill.when_incomplete == "hold":
            staged = work.lake.staging.materialize(_with_group_reasons(staged, parent, groups.rows))
        elif counts.get(False):
            staged = work.lake.staging.materialize(_with_group_reasons(staged, parent, groups.rows.where("not _lacks")))
    return staged, Incomplete(keys, lacking, as_before)


def _short_groups(
    work: IngestRun, staged: DataFrame, parent: Parent, as_before: str, incomplete_days: Collection[date]
) -> DataFrame:
    """Incomplete groups: their key `_short`, whether they lack a bad row (`_lacks`), and miss a line (`_missing`).

    A group does not lack a row that is held back with a part whose earlier content stays (`as_before`).
    """
    from pyspark.sql import functions as F  # noqa: N812

    # Of a row that occurs twice, the group has one, so that it lacks nothing.
    bad = staged.where(f"size(_reasons) > 0 and not _twice and `{parent.column}` is not null")
    # Comparing with all good rows is expensive, and most deliveries have no bad row.
    if parent.lines and not parent.fill.each and bad.limit(1).count():
        bad = _not_corrected(staged, bad, parent)
    short = bad.selectExpr(f"`{parent.column}` as _short", f"not ({as_before}) as _lacks", "false as _missing")
    groups = _groups_of_days(work, parent) if incomplete_days else []
    missing = groups_missing_lines(work, staged, parent, incomplete_days, groups)
    if missing is not None:
        short = union_all([short, missing.selectExpr("_short", "false as _lacks", "true as _missing")])
    return short.groupBy("_short").agg(*(F.bool_or(flag).alias(flag) for flag in ("_lacks", "_missing")))


def _not_corrected(staged: DataFrame, bad: DataFrame, parent: Parent) -> DataFrame:
    """Bad rows whose line has no good row on a later day."""
    lines = [f"{sql} as _line{n}" for n, sql in enumerate(parent.line)]
    good = staged.where(is_good(parent.name)).selectExpr(f"`{parent.column}` as _key", "_day as _later", *lines)
    numbered = bad.selectExpr("*", *lines)
    on = [numbered[parent.column] == good["_key"], numbered["_day"] < good["_later"]]
    on += [numbered[f"_line{n}"].eqNullSafe(good[f"_line{n}"]) for n in range(len(lines))]
    return numbered.join(good, on, "left_anti").select(*bad.columns)


def _with_group_reasons(staged: DataFrame, parent: Parent, groups: DataFrame) -> DataFrame:
    keys = groups.selectExpr("_short", "true as _is_short", "_missing")
    named = ", ".join(parent.table.keys)
    bad = f"{parent.table.name}: another row of the same {named} is in quarantine"
    missing = f"{parent.table.name}: a row of the same {named} is missing on a day that is not complete"
    joined = staged.join(keys, staged[parent.column] == keys["_short"], "left")
    reason = f"array(if(_missing, {quoted(missing)}, {quoted(bad)}))"
    reasons = f"if(_is_short and {is_good(parent.name)}, {reason}, _reasons) as _reasons"
    return joined.selectExpr(*(f"`{c}`" for c in staged.columns if c != "_reasons"), reasons)


def retracted(work: IngestRun, staged: DataFrame, short: Incomplete, table_name: str) -> DataFrame | None:
    """Keys in silver that are held back now: incomplete groups and their lines."""
    table = work.tables[table_name]
    frames = []
    for parent in (p for p in work.parents if p.name in short.keys and p.fill.when_incomplete == "hold"):
        current_rows = current_versions(work.lake, table, work.source)
        if parent.table is table:
            frames.append(_of_groups(current_rows, parent, short.lacking[parent.name], table.keys))
        elif set(parent.table.keys) < set(table.keys):
            rows = [
                _lines(work, _lacking_rows(staged, parent, short), name, parent)
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


def kept_keys(work: IngestRun, staged: DataFrame, short: Incomplete, table_name: str) -> DataFrame | None:
    """Keys of a table in held back groups that stay as they are: no corrected day ends these."""
    table, frames = work.tables[table_name], []
    for parent in (p for p in work.parents if p.name in short.keys):
        groups = short.keys[parent.name].join(short.lacking[parent.name], "_short", "left_anti")
        if parent.table is table:
            frames.append(_of_groups(current_versions(work.lake, table, work.source), parent, groups, table.keys))
        elif set(parent.table.keys) < set(table.keys):
            rows = staged.join(groups, staged[parent.column] == groups["_short"], "left_semi")
            lines = [_lines(work, rows, name, parent) for name in work.source.tables().get(table_name, ())]
            frames += [keys.select(*table.keys) for keys in lines if keys is not None]
    return union_all(frames).distinct() if frames else None


def _of_groups(current_rows: DataFrame, parent: Parent, groups: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Keys of the versions in silver that belong to some groups, whose keys are `_short`."""
    own = current_rows.selectExpr("*", f"{parent.stored_key_sql()} as _short")
    return own.join(groups, "_short", "left_semi").select(*keys)


def _lacking_rows(staged: DataFrame, parent: Parent, short: Incomplete) -> DataFrame:
    keys = short.lacking[parent.name]
    rows = staged.where(f"not ({short.as_before})")
    return rows.join(keys, rows[parent.column] == keys["_short"], "left_semi")


def _lines(work: IngestRun, staged: DataFrame, name: str, parent: Parent) -> DataFrame | None:
    """Keys of a fill's rows that are held back with their group; None for a fill with groups."""
    fill = work.source.fills[name]
    if fill.one_row_per:
        return None
    bad = staged.where(f"size(_reasons) > 0 and `{parent.column}` is not null")
    return line_keys(bad, name, fill, work.tables[fill.table])
