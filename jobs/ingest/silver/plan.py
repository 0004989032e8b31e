"""Plans the versions in silver for rows of a feed's days: which are new, which end, and which supersede others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from jobs.ingest.mapping.whole_lists import WholeList, whole_list
from jobs.ingest.silver import ended_identifiers, endings
from jobs.ingest.silver.delivery import Delivery
from jobs.ingest.silver.list_changes import ListDelivery, list_changes
from jobs.ingest.silver.versions import PLACE, current_versions, one_per_day
from quanyu.grammar.table import LINEAGE, Table
from quanyu.lake import Lake, place_of
from quanyu.lake.difference import has_repeats
from quanyu.lake.staging import StagedRows
from quanyu.lake.union import union_all
from quanyu.literals import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class SilverPlan:
    """Planned changes of a delivery to one silver table.

    `rows` has one row per key and feed day, `count` is the number of delivered rows. `first` says that silver has
    nothing of the feed yet; if each key occurs only once too, `plain` are the staged versions as they are stored.
    `ends` are the ends of keys, `ending` their number by the feed day that ends them, `current_keys` how many
    keys that day could end. `superseded` are keys whose version in silver gives way, `late` counts rows that are older
    than silver.
    """

    table: type[Table]
    delivery: Delivery
    rows: DataFrame
    count: int
    first: bool
    plain: StagedRows | None = None
    ends: DataFrame | None = None
    superseded: DataFrame | None = None
    ending: dict[date, int] | None = None
    late: int = 0
    current_keys: dict[date, int] | None = None
    lists: WholeList | None = None


def plan(
    lake: Lake,
    table: type[Table],
    rows: DataFrame,
    delivery: Delivery,
    elsewhere: Callable[[], DataFrame],
    retracted: DataFrame | None = None,
    kept_keys: DataFrame | None = None,
) -> SilverPlan:
    """Plan the changes of delivered rows, which have `feed_day`, to a silver table.

    `elsewhere` gives the rows of all other days of the feed: a key that a corrected day no longer contains gets their
    newest row, and ends if there is none. `retracted` are keys that must not stay as they are; `kept_keys` are keys
    that no corrected day ends.
    """
    lake.prepare(table)
    lists = whole_list(delivery.source, table)
    incoming, order = _incoming(table, rows, delivery)
    first = not lake.holds(place_of(table), "source", delivery.source.name)
    if first and not delivery.lists_all and lists is None and not has_repeats(incoming, table.keys):
        # Each key occurs once and has one version, so that there is nothing to order.
        versions = incoming.drop(*order).selectExpr("*", "cast(null as date) as replaced_on").select(*table.schema())
        staged = lake.staging.stage(versions)
        return SilverPlan(table, delivery, staged.rows, staged.count, first, staged)
    staged = lake.staging.stage(incoming)
    count, latest = staged.count, staged.rows.drop(*order)
    if order and not staged.unique([*table.keys, "feed_day"]):
        latest = lake.staging.materialize(one_per_day(staged.rows, list(table.keys), table.sequence_by).drop(*order))
    if lists is not None:
        list_plan = SilverPlan(table, delivery, latest, count, first, lists=lists)
        return _with_lists(lake, list_plan, lists, elsewhere, retracted, kept_keys)
    if first:
        between = [endings.between(table, latest, delivery)] if len(delivery.ending_snapshots) > 1 else []
        return _with_ends(lake, SilverPlan(table, delivery, latest, count, first), between, [])
    return _against_silver(lake, SilverPlan(table, delivery, latest, count, first), elsewhere, retracted, kept_keys)


def _incoming(table: type[Table], rows: DataFrame, delivery: Delivery) -> tuple[DataFrame, list[str]]:
    """Rows with the columns of their table, and the names of more columns that order the rows of a file."""
    order: list[str] = [PLACE] if PLACE in rows.columns else []
    lists = whole_list(delivery.source, table)
    person = [] if not table.personal else ["person_key"]
    content = [*person, *(f"cast(`{name}` as {column.type}) as `{name}`" for name, column in table.columns.items())]
    recorded_on = f"{delivery.recorded_on_sql()} as recorded_on"
    source = f"{quoted(delivery.source.name)} as source"
    lineage = LINEAGE if table.lineage else ()
    incoming = rows.selectExpr(source, *content, *lineage, "feed_day", recorded_on, *order)
    return (lists.newest_of_day(incoming) if lists else incoming), order


def _with_lists(
    lake: Lake,
    plan: SilverPlan,
    lists: WholeList,
    elsewhere: Callable[[], DataFrame],
    retracted: DataFrame | None,
    kept_keys: DataFrame | None,
) -> SilverPlan:
    """Plan a table that the feed fills from complete lists."""
    table, delivery = plan.table, plan.delivery
    current_rows = current_versions(lake, table, delivery.source)
    delivered = ListDelivery(lake, table, lists, delivery, plan.rows, current_rows, retracted, kept_keys)
    changes = list_changes(delivered, _other_days(table, elsewhere, delivery))
    taken_back = [] if changes.retracted is None else [changes.retracted]
    superseded = [] if changes.superseded is None else [changes.superseded]
    limited = _with_ends(lake, replace(plan, rows=changes.rows, late=changes.late), taken_back, superseded)
    ends = lake.staging.materialize(changes.ends)
    return replace(limited, ends=ends if limited.ends is None else limited.ends.unionByName(ends))


def _against_silver(
    lake: Lake,
    plan: SilverPlan,
    elsewhere: Callable[[], DataFrame],
    retracted: DataFrame | None,
    kept_keys: DataFrame | None,
) -> SilverPlan:
    """Add to a plan which keys in silver end, and which versions in silver it supersedes."""
    table, delivery, rows, key = plan.table, plan.delivery, plan.rows, list(plan.table.keys)
    current_rows = current_versions(lake, table, delivery.source)
    ends: list[DataFrame] = []
    superseded: list[DataFrame] = []
    if delivery.redelivered or delivery.other_days:
        superseded.append(
            current_rows.join(rows.select(*key, "feed_day"), [*key, "feed_day"], "left_semi").select(*key)
        )
    if delivery.replaces(table) and not delivery.in_order:
        rows, ended = ended_identifiers.ends_by_all_days(table, rows, current_rows, delivery, elsewhere)
        superseded.append(ended.select(*key))
        ends.append(ended)
    elif delivery.lists_all:
        rows = endings.without_superseded(table, rows, delivery)
        absent = [endings.absent(table, rows, current_rows, delivery)] if delivery.ending_snapshots else []
        superseded += [ended.select(*key) for ended in absent]
        ends += [*absent, endings.between(table, rows, delivery)]
    elif delivery.replaces(table):
        ends.append(ended_identifiers.ends_of_identifiers(table, rows, current_rows, delivery))
    elif table.name == "identifiers" and delivery.ended_identifiers is not None and not delivery.redelivered:
        repeated = ended_identifiers.delivered_again(rows, current_rows, delivery.ended_identifiers)
        ends.append(ended_identifiers.gone_identifiers(table, repeated, "feed_day", delivery))
    elif delivery.out_of_order or retracted is not None:
        return _restated(lake, plan, current_rows, elsewhere, retracted, kept_keys, superseded)
    return _with_ends(lake, replace(plan, rows=rows), ends, superseded)


def _restated(
    lake: Lake,
    plan: SilverPlan,
    current_rows: DataFrame,
    elsewhere: Callable[[], DataFrame],
    retracted: DataFrame | None,
    kept_keys: DataFrame | None,
    superseded: list[DataFrame],
) -> SilverPlan:
    """Plan with the newest row of all days for keys that an out-of-order day no longer contains or changes.

    `retracted` are keys that must not stay as these days have them.
    """
    table, delivery, rows, key = plan.table, plan.delivery, plan.rows, list(plan.table.keys)
    contested = _contested(lake, plan, current_rows, retracted, kept_keys)
    if not contested:
        return _with_ends(lake, plan, [], superseded)
    keys = union_all([versions.select(*key) for versions in contested.values()]).distinct()
    newest = lake.staging.materialize(
        endings.restated(table, rows, keys, delivery, _other_days(table, elsewhere, delivery))
    )
    plan = replace(plan, rows=rows.join(keys, key, "left_anti").unionByName(newest))
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
    # Incomplete groups count for the limit of bad rows and not for that of ends.
    return replace(plan, ends=union_all([*([plan.ends] if plan.ends is not None else []), lost["retracted"]]))


def _contested(
    lake: Lake, plan: SilverPlan, current_rows: DataFrame, retracted: DataFrame | None, kept_keys: DataFrame | None
) -> dict[str, DataFrame]:
    """Versions whose keys are decided by all days of the feed, by the reason; reasons without versions are left out."""
    table, delivery = plan.table, plan.delivery
    candidates: dict[str, DataFrame] = {}
    if delivery.corrected:
        candidates["taken back"] = endings.retracted_versions(table, plan.rows, current_rows, delivery, kept_keys)
    if delivery.out_of_order:
        candidates["differing"] = endings.differing(table, plan.rows, current_rows, delivery)
    if retracted is not None:
        candidates["retracted"] = current_rows.join(retracted, list(table.keys), "left_semi")
    staged = {why: lake.staging.stage(versions) for why, versions in candidates.items()}
    return {why: versions.rows for why, versions in staged.items() if versions.count}


def _other_days(table: type[Table], elsewhere: Callable[[], DataFrame], delivery: Delivery) -> Callable[[], DataFrame]:
    """Function that gives the rows of the other days, one per key and day."""

    def rows() -> DataFrame:
        incoming, order = _incoming(table, elsewhere(), delivery)
        return one_per_day(incoming, list(table.keys), table.sequence_by).drop(*order) if order else incoming

    return rows


def _with_ends(lake: Lake, plan: SilverPlan, ends: list[DataFrame], superseded: list[DataFrame]) -> SilverPlan:
    """Stage the ends of a plan, and count them and the keys that could end."""
    keys = union_all(superseded).distinct() if superseded else None
    if not ends:
        return replace(plan, superseded=keys)
    ending, counts = lake.staging.stage_and_count(union_all(ends), by="feed_day")
    current_rows = current_versions(lake, plan.table, plan.delivery.source)
    keys_by_day = endings.could_end(plan.table, plan.rows, current_rows, plan.delivery) if counts else {}
    return replace(plan, superseded=keys, ends=ending.rows, ending=counts, current_keys=keys_by_day)
