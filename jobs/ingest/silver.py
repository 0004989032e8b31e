"""Rows of a feed's days to versions in silver: what is new, what replaces what, and since when it was known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from jobs.ingest import endings, untied
from jobs.ingest.delivery import Delivery
from jobs.ingest.versions import chained, flagged_versions, marked, one_per_day, standing_versions, stored
from quanyu.lake import Lake, Written, place_of
from quanyu.lake.difference import has_repeats
from quanyu.lake.receipt import Receipt
from quanyu.lake.staging import Staged
from quanyu.lake.union import union_all
from quanyu.literals import quoted
from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Plan:
    """What a delivery makes of one silver table, before anything is committed.

    `rows` has one row per key and feed day, out of `count` rows that were told; they are `plain`, and staged as they
    are stored, where each key is told once and silver has nothing of the feed. `ends` are the keys that end, `ending`
    how many by the feed day that ends them, and `alive` how many that day could end.
    """

    table: type[Table]
    delivery: Delivery
    rows: DataFrame
    count: int
    first: bool
    plain: Staged | None = None
    ends: DataFrame | None = None
    superseded: DataFrame | None = None
    ending: dict[date, int] | None = None
    late: int = 0
    alive: dict[date, int] | None = None


def plan(
    lake: Lake,
    table: type[Table],
    rows: DataFrame,
    delivery: Delivery,
    elsewhere: Callable[[], DataFrame],
    retracted: DataFrame | None = None,
    standing: DataFrame | None = None,
) -> Plan:
    """Find what rows (with `feed_day`) bring to a silver table.

    `elsewhere` gives the rows of all other days of the feed: what a corrected day no longer tells is what they tell
    last, and ends only where none does. `retracted` are keys that must not stand as they are, `standing` those that no
    day takes back.
    """
    lake.prepare(table)
    incoming, order = _incoming(table, rows, delivery)
    first = not lake.holds(place_of(table), "source", delivery.source.name)
    if first and not delivery.lists_all and not has_repeats(incoming, table.keys):
        # A key that is told once has one version: there is nothing to order.
        made = incoming.drop(*order).selectExpr("*", "cast(null as date) as replaced_on").select(*table.schema())
        staged = lake.staging.take(made)
        return Plan(table, delivery, staged.rows, staged.count, first, staged)
    staged = lake.staging.take(incoming)
    count, latest = staged.count, staged.rows.drop(*order)
    if order and not staged.unique([*table.keys, "feed_day"]):
        latest = lake.staging.keep(one_per_day(staged.rows, list(table.keys), table.newest_by).drop(*order))
    if first:
        between = [endings.between(table, latest, delivery)] if len(delivery.judged) > 1 else []
        return _with_ends(lake, Plan(table, delivery, latest, count, first), between, [])
    return _against_silver(lake, Plan(table, delivery, latest, count, first), elsewhere, retracted, standing)


def _incoming(table: type[Table], rows: DataFrame, delivery: Delivery) -> tuple[DataFrame, list[str]]:
    """Rows in the columns of their table, and, beside these, the columns by which rows of one key are ordered."""
    order: list[str] = [name for name in ("_file", "_row") if name in rows.columns]
    person = [] if not table.personal else ["person_key"]
    content = [*person, *(f"cast(`{name}` as {column.type}) as `{name}`" for name, column in table.columns.items())]
    known = f"{delivery.known_on_sql()} as recorded_on"
    source = f"{quoted(delivery.source.name)} as source"
    return rows.selectExpr(source, *content, "feed_day", known, *order), order


def _against_silver(
    lake: Lake,
    told: Plan,
    elsewhere: Callable[[], DataFrame],
    retracted: DataFrame | None,
    standing: DataFrame | None,
) -> Plan:
    """Add to a plan what it ends of silver, and which versions there it supersedes."""
    table, delivery, rows, key = told.table, told.delivery, told.rows, list(told.table.keys)
    alive = standing_versions(lake, table, delivery.source)
    ends: list[DataFrame] = []
    superseded: list[DataFrame] = []
    if delivery.again or delivery.other_days:
        superseded.append(alive.join(rows.select(*key, "feed_day"), [*key, "feed_day"], "left_semi").select(*key))
    if delivery.replaces(table) and not delivery.in_order:
        rows, gone = _by_all_days(table, rows, alive, delivery, elsewhere)
        superseded.append(gone.select(*key))
        ends.append(gone)
    elif delivery.lists_all:
        rows = endings.not_overtaken(table, rows, delivery)
        absent = [endings.absent(table, rows, alive, delivery)] if delivery.judged else []
        superseded += [gone.select(*key) for gone in absent]
        ends += [*absent, endings.between(table, rows, delivery)]
    elif delivery.replaces(table):
        ends.append(_untied(table, rows, alive, delivery))
    elif table.name == "identifiers" and delivery.untied is not None and not delivery.again:
        again = untied.retold(rows, alive, delivery.untied)
        ends.append(_gone(table, again, "feed_day", delivery))
    elif delivery.out_of_order or retracted is not None:
        return _restated(lake, told, alive, elsewhere, retracted, standing, superseded)
    return _with_ends(lake, replace(told, rows=rows), ends, superseded)


def _restated(
    lake: Lake,
    told: Plan,
    alive: DataFrame,
    elsewhere: Callable[[], DataFrame],
    retracted: DataFrame | None,
    standing: DataFrame | None,
    superseded: list[DataFrame],
) -> Plan:
    """Let all days of the feed decide on keys that a day out of its order takes back or tells otherwise.

    `retracted` are keys that must not stand as these days tell them.
    """
    table, delivery, rows, key = told.table, told.delivery, told.rows, list(told.table.keys)
    contested = _contested(lake, told, alive, retracted, standing)
    if not contested:
        return _with_ends(lake, told, [], superseded)
    keys = union_all([versions.select(*key) for versions in contested.values()]).distinct()
    newest = lake.staging.keep(endings.restated(table, rows, keys, delivery, _other_days(table, elsewhere, delivery)))
    plan = replace(told, rows=rows.join(keys, key, "left_anti").unionByName(newest))
    if "differing" in contested:
        late = contested["differing"].join(newest.select(*key, "feed_day"), [*key, "feed_day"], "left_anti")
        plan = replace(plan, late=late.count())
    lost = {
        why: endings.ended(table, contested[why].join(newest.select(*key), key, "left_anti"), delivery)
        for why in ("taken back", "retracted")
        if why in contested
    }
    plan = _with_ends(lake, plan, [lost["taken back"]] if "taken back" in lost else [], [*superseded, keys])
    if "retracted" not in lost:
        return plan
    # Groups that lack a row are limited by what may be bad, not by what may end.
    return replace(plan, ends=union_all([*([plan.ends] if plan.ends is not None else []), lost["retracted"]]))


def _contested(
    lake: Lake, told: Plan, alive: DataFrame, retracted: DataFrame | None, standing: DataFrame | None
) -> dict[str, DataFrame]:
    """Versions on whose keys all days decide, by why, where there are any."""
    table, delivery = told.table, told.delivery
    candidates: dict[str, DataFrame] = {}
    if delivery.corrected:
        candidates["taken back"] = endings.taken_back(table, told.rows, alive, delivery, standing)
    if delivery.out_of_order:
        candidates["differing"] = endings.differing(table, told.rows, alive, delivery)
    if retracted is not None:
        candidates["retracted"] = alive.join(retracted, list(table.keys), "left_semi")
    staged = {why: lake.staging.take(versions) for why, versions in candidates.items()}
    return {why: versions.rows for why, versions in staged.items() if versions.count}


def _by_all_days(
    table: type[Table], rows: DataFrame, alive: DataFrame, delivery: Delivery, elsewhere: Callable[[], DataFrame]
) -> tuple[DataFrame, DataFrame]:
    """What days out of their order change, by all days of the feed: identifiers that hold from now on, and ends."""
    fresh, gone = untied.anew(rows, elsewhere(), alive, delivery.source, delivery.known_on)
    known = " ".join(f"when feed_day = date'{day}' then date'{on}'" for day, on in delivery.known_on.items())
    columns = (f"{quoted(delivery.source.name)} as source", "*")
    now = f"date'{delivery.last_known}'"
    fresh = fresh.selectExpr(*columns, f"case {known} else {now} end as recorded_on").select(*rows.columns)
    return fresh, _gone(table, gone, now, delivery)


def _untied(table: type[Table], rows: DataFrame, alive: DataFrame, delivery: Delivery) -> DataFrame:
    """Ends of identifiers that a later row of their record lacks."""
    ends = untied.untied(rows, alive, delivery.source).withColumnRenamed("day", "feed_day")
    return _gone(table, ends, delivery.known_on_sql(), delivery)


def _gone(table: type[Table], ends: DataFrame, known_on: str, delivery: Delivery) -> DataFrame:
    named = (f"{quoted(delivery.source.name)} as source", "cast(null as date) as replaced_on")
    return marked(table, ends.selectExpr("*", f"{known_on} as recorded_on", *named), old=False, gone=True)


def _other_days(table: type[Table], elsewhere: Callable[[], DataFrame], delivery: Delivery) -> Callable[[], DataFrame]:
    """Rows of the other days, one per key and day."""

    def rows() -> DataFrame:
        incoming, order = _incoming(table, elsewhere(), delivery)
        return one_per_day(incoming, list(table.keys), table.newest_by).drop(*order) if order else incoming

    return rows


def _with_ends(lake: Lake, told: Plan, ends: list[DataFrame], superseded: list[DataFrame]) -> Plan:
    """Stage what a plan ends, and count it beside what could end."""
    keys = union_all(superseded).distinct() if superseded else None
    if not ends:
        return replace(told, superseded=keys)
    ending, counts = lake.staging.counted(union_all(ends), by="feed_day")
    standing = standing_versions(lake, told.table, told.delivery.source)
    alive = endings.could_end(told.table, told.rows, standing, told.delivery) if counts else {}
    return replace(told, superseded=keys, ends=ending.rows, ending=counts, alive=alive)


def commit(lake: Lake, plan: Plan, receipt: Receipt) -> tuple[Written, int]:
    """Write what was planned, in one commit, or none where nothing differs. Returns also how many rows came too late.

    A row is late that says something else than silver, and is older than what silver has of its key.
    """
    if plan.plain:
        return _appended(lake, plan, plan.plain, receipt), 0
    if plan.first:
        return _first(lake, plan, receipt), 0
    return _merge(lake, plan, receipt)


def _appended(lake: Lake, plan: Plan, versions: Staged, receipt: Receipt) -> Written:
    if not plan.count:
        return Written()
    version = lake.append(place_of(plan.table), versions, receipt, {"in": plan.count})
    return Written(inserted=versions.count, unchanged=plan.count - versions.count, version=version)


def _first(lake: Lake, plan: Plan, receipt: Receipt) -> Written:
    """Build the versions of a feed of which silver has nothing: only rows to insert, so a plain append does."""
    table, delivery = plan.table, plan.delivery
    rows = marked(table, plan.rows, old=False, gone=False)
    if plan.ends is not None:
        rows = rows.unionByName(plan.ends)
    if delivery.replaces(table):
        rows = rows.unionByName(_untied(table, plan.rows, plan.rows.limit(0), delivery))
    versions = chained(table, delivery.source, rows.selectExpr("*", "false as _superseded"))
    wanted = versions.where("not _gone and (_next is null or _next > recorded_on)")
    staged = lake.staging.take(wanted.drop("replaced_on").selectExpr(*stored(table, "_next")))
    return _appended(lake, plan, staged, receipt)


def _merge(lake: Lake, plan: Plan, receipt: Receipt) -> tuple[Written, int]:
    table, delivery, key = plan.table, plan.delivery, list(plan.table.keys)
    rows = marked(table, plan.rows, old=False, gone=False)
    rows = rows.unionByName(plan.ends) if plan.ends is not None else rows
    old = standing_versions(lake, table, delivery.source).join(rows.select(*key).distinct(), key, "left_semi")
    flagged = rows.selectExpr("*", "false as _superseded")
    flagged = flagged.unionByName(flagged_versions(marked(table, old, old=True, gone=False), key, plan.superseded))
    wanted = chained(table, delivery.source, flagged).drop("replaced_on")
    wanted = wanted.selectExpr(*stored(table, "_next"), f"{_operation(delivery)} as _op").where("_op is not null")
    changes, counts = lake.staging.counted(wanted, by="_op")
    return _merged(lake, plan, changes, counts, receipt)


def _operation(delivery: Delivery) -> str:
    """SQL of what is done with a version of the chain: insert, close, delete, or count as late."""
    empty = "(_next is not null and _next <= recorded_on)"
    of_these = " or ".join(f"feed_day = date'{day}'" for day in delivery.known_on if day not in delivery.other_days)
    return (
        f"case when _late then if({of_these or 'false'}, 'late', null)"
        " when _gone then null when _old and _next is null then null"
        f" when _old and {empty} and coalesce(_next_gone, false) then 'delete' when {empty} then null"
        " when _old then 'close' else 'insert' end"
    )


def _merged(lake: Lake, plan: Plan, changes: Staged, counts: dict[Any, int], receipt: Receipt) -> tuple[Written, int]:
    table, late = plan.table, counts.pop("late", 0)
    if late:
        changes, _ = lake.staging.counted(changes.rows.where("_op <> 'late'"), by="_op")
    inserted, closed, deleted = (counts.get(op, 0) for op in ("insert", "close", "delete"))
    written = Written(inserted, closed, deleted, max(plan.count - inserted, 0))
    if not written.changed:
        return written, late + plan.late
    receipt_counts = {"in": plan.count, "out": written.changed, "unchanged": written.unchanged}
    if set(counts) == {"insert"} and not _overwrites(lake, table, changes.rows):
        version = lake.append(place_of(table), changes.rows.drop("_op"), receipt, receipt_counts)
    else:
        version = lake.merge(table, changes, [*table.identity(), "recorded_on"], receipt, receipt_counts)
    return Written(inserted, closed, deleted, written.unchanged, version), late + plan.late


def _overwrites(lake: Lake, table: type[Table], changes: DataFrame) -> bool:
    """Whether a new version became known on the same day as the one that it replaces."""
    on = [*table.identity(), "recorded_on"]
    return lake.table(table).join(changes.select(*on), on, "left_semi").limit(1).count() > 0
