"""Writes the plan of a silver table in one commit, or in none if nothing differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.ingest.silver import ended_identifiers
from jobs.ingest.silver.delivery import Delivery
from jobs.ingest.silver.plan import SilverPlan
from jobs.ingest.silver.versions import current_versions, flagged_versions, marked, stored, version_chain
from quanyu.grammar.table import Table
from quanyu.lake import Lake, WriteCounts, place_of
from quanyu.lake.receipt import Receipt
from quanyu.lake.staging import StagedRows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def commit(lake: Lake, plan: SilverPlan, receipt: Receipt) -> tuple[WriteCounts, int]:
    """Write a plan in one commit, or in none if nothing differs. Also returns the number of late rows.

    A row is late if it differs from silver and is older than silver's version of its key.
    """
    if plan.plain:
        return _appended(lake, plan, plan.plain, receipt), 0
    if plan.first:
        return _first(lake, plan, receipt), 0
    return _merge(lake, plan, receipt)


def _appended(lake: Lake, plan: SilverPlan, versions: StagedRows, receipt: Receipt) -> WriteCounts:
    if not plan.count:
        return WriteCounts()
    version = lake.append(place_of(plan.table), versions, receipt, {"in": plan.count})
    return WriteCounts(inserted=versions.count, unchanged=plan.count - versions.count, version=version)


def _first(lake: Lake, plan: SilverPlan, receipt: Receipt) -> WriteCounts:
    """Build the versions of a feed that has nothing in silver yet: all are inserts, so a plain append is enough."""
    table, delivery = plan.table, plan.delivery
    rows = marked(table, plan.rows, old=False, gone=False)
    if plan.ends is not None:
        rows = rows.unionByName(plan.ends)
    if delivery.replaces(table):
        rows = rows.unionByName(ended_identifiers.ends_of_identifiers(table, plan.rows, plan.rows.limit(0), delivery))
    versions = version_chain(
        table, delivery.source, rows.selectExpr("*", "false as _superseded"), plan.lists is not None
    )
    new_versions = versions.where("not _gone and (_next is null or _next > recorded_on)")
    staged = lake.staging.stage(new_versions.drop("replaced_on").selectExpr(*stored(table, "_next")))
    return _appended(lake, plan, staged, receipt)


def _merge(lake: Lake, plan: SilverPlan, receipt: Receipt) -> tuple[WriteCounts, int]:
    table, delivery, key = plan.table, plan.delivery, list(plan.table.keys)
    rows = marked(table, plan.rows, old=False, gone=False)
    rows = rows.unionByName(plan.ends) if plan.ends is not None else rows
    old = current_versions(lake, table, delivery.source).join(rows.select(*key).distinct(), key, "left_semi")
    flagged = rows.selectExpr("*", "false as _superseded")
    flagged = flagged.unionByName(flagged_versions(marked(table, old, old=True, gone=False), key, plan.superseded))
    operations = version_chain(table, delivery.source, flagged, plan.lists is not None).drop("replaced_on")
    operations = operations.selectExpr(*stored(table, "_next"), f"{_operation(delivery)} as _op").where(
        "_op is not null"
    )
    changes, counts = lake.staging.stage_and_count(operations, by="_op")
    return _merged(lake, plan, changes, counts, receipt)


def _operation(delivery: Delivery) -> str:
    """SQL of the operation on a version of the chain: insert, close, delete, late, or null for none."""
    empty = "(_next is not null and _next <= recorded_on)"
    of_these = " or ".join(f"feed_day = date'{day}'" for day in delivery.recorded_on if day not in delivery.other_days)
    return (
        f"case when _late then if({of_these or 'false'}, 'late', null)"
        " when _gone then null when _old and _next is null then null"
        f" when _old and {empty} and coalesce(_next_gone, false) then 'delete' when {empty} then null"
        " when _old then 'close' else 'insert' end"
    )


def _merged(
    lake: Lake, plan: SilverPlan, changes: StagedRows, counts: dict[Any, int], receipt: Receipt
) -> tuple[WriteCounts, int]:
    table, late = plan.table, counts.pop("late", 0)
    if late:
        changes, _ = lake.staging.stage_and_count(changes.rows.where("_op <> 'late'"), by="_op")
    inserted, closed, deleted = (counts.get(op, 0) for op in ("insert", "close", "delete"))
    written = WriteCounts(inserted, closed, deleted, max(plan.count - inserted, 0))
    if not written.changed:
        return written, late + plan.late
    receipt_counts = {"in": plan.count, "out": written.changed, "unchanged": written.unchanged}
    if set(counts) == {"insert"} and not _overwrites(lake, table, changes.rows):
        version = lake.append(place_of(table), changes.rows.drop("_op"), receipt, receipt_counts)
    else:
        version = lake.merge(table, changes, [*table.identity(), "recorded_on"], receipt, receipt_counts)
    return WriteCounts(inserted, closed, deleted, written.unchanged, version), late + plan.late


def _overwrites(lake: Lake, table: type[Table], changes: DataFrame) -> bool:
    """Whether a new version is recorded on the same day as the one that it replaces."""
    on = [*table.identity(), "recorded_on"]
    return lake.table(table).join(changes.select(*on), on, "left_semi").limit(1).count() > 0
