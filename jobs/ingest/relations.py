"""Groups of a delivery that have rows on other days, and groups of which a row is in quarantine."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from jobs.ingest.groups import is_good
from jobs.ingest.missing_lines import groups_missing_lines
from jobs.ingest.parents import Parent, line_keys
from jobs.ingest.versions import standing_versions
from jobs.ingest.work import Work, with_held
from quanyu.lake import place_of
from quanyu.lake.union import union_all
from quanyu.literals import dates, quoted
from quanyu.source import Source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def with_other_days(work: Work, staged: DataFrame) -> tuple[DataFrame, frozenset[date]]:
    """Add the rows that the groups of these rows have on other days, mapped alike, and tell which days those are.

    Days are looked up in silver, by the versions of a group, in quarantine, by the groups of bad rows, and in the
    table of groups of several days, since a version that was known for no day has left nothing in silver.
    """
    frames, days = [staged], set[date]()
    for parent in work.parents:
        places = _groups_of_days(work, parent)
        keys = _touched(work, staged, parent, places)
        others = _days_of(places, keys) - work.days
        if others:
            rows = with_held(work.mapped(work.of_days(others)), work.held_before())
            here = [frame.select("_file", "_row", "_day") for frame in frames]
            frames.append(_beside(rows.join(keys, rows[parent.column] == keys["_key"], "left_semi"), here))
            days |= others
    if not days:
        return staged, frozenset()
    return work.lake.staging.keep(union_all(frames)), frozenset(days)


def _beside(rows: DataFrame, here: list[DataFrame]) -> DataFrame:
    return rows.join(union_all(here), ["_file", "_row", "_day"], "left_anti").select(*rows.columns)


def _touched(work: Work, staged: DataFrame, parent: Parent, places: list[DataFrame]) -> DataFrame:
    """Keys of groups that these days tell of, or, by `_groups_of_days`, told of before."""
    keys = staged.where(f"_drop is null and `{parent.column}` is not null").selectExpr(f"`{parent.column}` as _key")
    here = f"_day in ({dates(sorted(work.days))})"
    before = [groups.where(here).select("_key") for groups in places]
    return work.lake.staging.keep(union_all([keys, *before]).distinct())


def _days_of(places: list[DataFrame], keys: DataFrame) -> set[date]:
    """Days on which the feed told of these groups, by `_groups_of_days`."""
    if not places:
        return set()
    days = [groups.join(keys, "_key", "left_semi").select("_day") for groups in places]
    return {row["_day"] for row in union_all(days).distinct().collect()}


def _groups_of_days(work: Work, parent: Parent) -> list[DataFrame]:
    """Keys of groups with days that told of them, wherever that is written down: `_key` and `_day`."""
    frames = (_versions(work, parent), _in_quarantine(work, parent), _of_several_days(work, parent))
    return [frame for frame in frames if frame is not None]


def _of_several_days(work: Work, parent: Parent) -> DataFrame | None:
    place = groups_place(work.source)
    if not work.lake.exists(place):
        return None
    return work.lake.read(place).where(f"fill = {quoted(parent.name)}").selectExpr("key as _key", "day as _day")


def groups_place(source: Source) -> str:
    """Place of the groups of a feed that several days tell of."""
    return f"bronze/{source.name}_groups"


def note_several_days(work: Work, staged: DataFrame, other_days: frozenset[date]) -> None:
    """Write down which days tell of a group, for those of several days."""
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
    several = work.lake.staging.take(fresh)
    if several.count:
        work.lake.begin(place, GROUP_COLUMNS, ("day",))
        work.lake.append(place, several, work.receipt, {"out": several.count})


def _versions(work: Work, parent: Parent) -> DataFrame | None:
    """Groups in silver, each version with its day."""
    if not work.lake.exists(place_of(parent.table)):
        return None
    rows = work.lake.table(parent.table).where(f"source = {quoted(work.source.name)}")
    return rows.selectExpr(f"{parent.stored_key_sql()} as _key", "feed_day as _day")


def _in_quarantine(work: Work, parent: Parent) -> DataFrame | None:
    """Groups of rows in quarantine, with their day."""
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


def belongs_to_sql(work: Work) -> str:
    """SQL of the groups that a mapped row belongs to, as texts of fill and key."""
    texts = ", ".join(f"concat({quoted(f'{p.name}=')}, `{p.column}`)" for p in work.parents)
    return f"filter(array({texts}), t -> t is not null)" if texts else "cast(array() as array<string>)"


@dataclass(frozen=True)
class Short:
    """Groups that lack a row since it is in quarantine: their keys by the name of the fill, as `_short`.

    `standing` is a condition of rows that are held back while what their day told before still stands. A group that
    lacks none but such is not published anew, and not taken back either: `lacking` has the keys of the others.
    """

    keys: Mapping[str, DataFrame]
    lacking: Mapping[str, DataFrame] = field(default_factory=dict)
    standing: str = "false"

    def of(self, parent: Parent) -> DataFrame | None:
        """Keys of the groups that are published all the same, marked."""
        return self.lacking.get(parent.name) if parent.fill.when_incomplete == "mark" else None


# A group that several days tell of, and one of these days.
GROUP_COLUMNS = {"fill": "string", "key": "string", "day": "date"}

NONE_SHORT = Short({})


def without_short(
    work: Work, staged: DataFrame, standing: str, incomplete_days: Collection[date]
) -> tuple[DataFrame, Short]:
    """Hold back groups of which a row is in quarantine, with all their rows, where the source does not mark them.

    A group of which a line is missing on one of the incomplete days is held back too, and stands as it was.
    """
    keys: dict[str, DataFrame] = {}
    lacking: dict[str, DataFrame] = {}
    for parent in work.parents:
        short = _short_groups(work, staged, parent, standing, incomplete_days)
        groups, counts = work.lake.staging.counted(short, by="_lacks")
        if not groups.count:
            continue
        keys[parent.name] = groups.rows.select("_short")
        lacking[parent.name] = groups.rows.where("_lacks").select("_short")
        if parent.fill.when_incomplete == "hold":
            staged = work.lake.staging.keep(_held(staged, parent, groups.rows))
        elif counts.get(False):
            staged = work.lake.staging.keep(_held(staged, parent, groups.rows.where("not _lacks")))
    return staged, Short(keys, lacking, standing)


def _short_groups(
    work: Work, staged: DataFrame, parent: Parent, standing: str, incomplete_days: Collection[date]
) -> DataFrame:
    """Groups that are not published as they are: `_short`, its key, whether it `_lacks` a row, or a line is `_missing`.

    A group lacks none where its bad rows are of a part that is held back while what was before stands.
    """
    from pyspark.sql import functions as F  # noqa: N812

    # Of a row that is told twice the group has one: it lacks nothing.
    bad = staged.where(f"size(_reasons) > 0 and not _twice and `{parent.column}` is not null")
    # Most deliveries have no bad row: only then all good ones are looked through.
    if parent.lines and not parent.fill.each and bad.limit(1).count():
        bad = _not_mended(staged, bad, parent)
    short = bad.selectExpr(f"`{parent.column}` as _short", f"not ({standing}) as _lacks", "false as _missing")
    groups = _groups_of_days(work, parent) if incomplete_days else []
    missing = groups_missing_lines(work, staged, parent, incomplete_days, groups)
    if missing is not None:
        short = union_all([short, missing.selectExpr("_short", "false as _lacks", "true as _missing")])
    return short.groupBy("_short").agg(*(F.bool_or(flag).alias(flag) for flag in ("_lacks", "_missing")))


def _not_mended(staged: DataFrame, bad: DataFrame, parent: Parent) -> DataFrame:
    """Bad rows whose line no later day tells well."""
    lines = [f"{sql} as _line{n}" for n, sql in enumerate(parent.line)]
    good = staged.where(is_good(parent.name)).selectExpr(f"`{parent.column}` as _key", "_day as _later", *lines)
    numbered = bad.selectExpr("*", *lines)
    on = [numbered[parent.column] == good["_key"], numbered["_day"] < good["_later"]]
    on += [numbered[f"_line{n}"].eqNullSafe(good[f"_line{n}"]) for n in range(len(lines))]
    return numbered.join(good, on, "left_anti").select(*bad.columns)


def _held(staged: DataFrame, parent: Parent, groups: DataFrame) -> DataFrame:
    keys = groups.selectExpr("_short", "true as _is_short", "_missing")
    named = ", ".join(parent.table.keys)
    bad = f"{parent.table.name}: another row of the same {named} is in quarantine"
    missing = f"{parent.table.name}: a row of the same {named} is missing on a day that is not whole"
    joined = staged.join(keys, staged[parent.column] == keys["_short"], "left")
    reason = f"array(if(_missing, {quoted(missing)}, {quoted(bad)}))"
    reasons = f"if(_is_short and {is_good(parent.name)}, {reason}, _reasons) as _reasons"
    return joined.selectExpr(*(f"`{c}`" for c in staged.columns if c != "_reasons"), reasons)


def retracted(work: Work, staged: DataFrame, short: Short, table_name: str) -> DataFrame | None:
    """Keys of a table that silver has and that are held back now: short groups, and the lines of such."""
    table = work.tables[table_name]
    frames = []
    for parent in (p for p in work.parents if p.name in short.keys and p.fill.when_incomplete == "hold"):
        alive = standing_versions(work.lake, table, work.source)
        if parent.table is table:
            frames.append(_of_groups(alive, parent, short.lacking[parent.name], table.keys))
        elif set(parent.table.keys) < set(table.keys):
            rows = [
                _lines(work, _lacking_rows(staged, parent, short), name, parent)
                for name in work.source.tables().get(table_name, ())
            ]
            on = [*table.keys, "feed_day"]
            frames += [alive.join(lines, on, "left_semi").select(*table.keys) for lines in rows if lines is not None]
            if parent.lines and table_name == work.source.fills[parent.lines].table:
                # A line that its day does not tell any more goes with its group.
                frames.append(_of_groups(alive, parent, short.lacking[parent.name], table.keys))
    return union_all(frames).distinct() if frames else None


def standing_keys(work: Work, staged: DataFrame, short: Short, table_name: str) -> DataFrame | None:
    """Keys of a table in held-back groups that stand as they were: no day takes these back."""
    table, frames = work.tables[table_name], []
    for parent in (p for p in work.parents if p.name in short.keys):
        groups = short.keys[parent.name].join(short.lacking[parent.name], "_short", "left_anti")
        if parent.table is table:
            frames.append(_of_groups(standing_versions(work.lake, table, work.source), parent, groups, table.keys))
        elif set(parent.table.keys) < set(table.keys):
            rows = staged.join(groups, staged[parent.column] == groups["_short"], "left_semi")
            lines = [_lines(work, rows, name, parent) for name in work.source.tables().get(table_name, ())]
            frames += [keys.select(*table.keys) for keys in lines if keys is not None]
    return union_all(frames).distinct() if frames else None


def _of_groups(alive: DataFrame, parent: Parent, groups: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Keys of the versions in silver that are of some groups, whose keys are `_short`."""
    own = alive.selectExpr("*", f"{parent.stored_key_sql()} as _short")
    return own.join(groups, "_short", "left_semi").select(*keys)


def _lacking_rows(staged: DataFrame, parent: Parent, short: Short) -> DataFrame:
    keys = short.lacking[parent.name]
    rows = staged.where(f"not ({short.standing})")
    return rows.join(keys, rows[parent.column] == keys["_short"], "left_semi")


def _lines(work: Work, staged: DataFrame, name: str, parent: Parent) -> DataFrame | None:
    """Keys of a fill's rows that are held back with their group."""
    fill = work.source.fills[name]
    if fill.one_row_per:
        return None
    bad = staged.where(f"size(_reasons) > 0 and `{parent.column}` is not null")
    return line_keys(bad, name, fill, work.tables[fill.table])
