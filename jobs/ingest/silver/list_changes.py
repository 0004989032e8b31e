"""Changes of a delivery to complete lists: elements that are new, and elements that have ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.ingest.mapping.whole_lists import WholeList
from jobs.ingest.silver import endings
from jobs.ingest.silver.delivery import Delivery
from jobs.ingest.silver.versions import marked
from quanyu.grammar.table import Table
from quanyu.lake import Lake
from quanyu.lake.union import union_all
from quanyu.literals import dates

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class ListChanges:
    """Elements to publish, and versions in silver that end.

    `ends` are ends of elements that are absent from the newest list of their owner; their number is not limited.
    `taken_back` are ends of lists that no day contains any more; `ends_share` limits them. `superseded` are keys that
    were decided by all days of the feed. `late` counts elements of lists that are older than those in silver.
    """

    rows: DataFrame
    ends: DataFrame
    retracted: DataFrame | None
    superseded: DataFrame | None
    late: int


@dataclass(frozen=True)
class ListDelivery:
    """Rows of a delivery to a table of complete lists, with the current versions in silver (`current_rows`)."""

    lake: Lake
    table: type[Table]
    lists: WholeList
    delivery: Delivery
    rows: DataFrame
    current_rows: DataFrame
    # Keys in silver that must not stay as they are, and keys that no corrected day ends.
    retracted: DataFrame | None = None
    kept_keys: DataFrame | None = None

    @property
    def owner(self) -> list[str]:
        """Columns of the key that identify the list."""
        return list(self.lists.owner)

    @property
    def key(self) -> list[str]:
        """All columns of the key of an element."""
        return list(self.table.keys)


def list_changes(batch: ListDelivery, elsewhere: Callable[[], DataFrame]) -> ListChanges:
    """Replace the elements of each owner by those of its newest list.

    The newest list is looked up in all days of the feed only where a redelivered or out-of-order day differs from
    silver. `elsewhere` gives the rows of the days outside the delivery.
    """
    delivery, rows = batch.delivery, batch.rows
    own = rows.where(f"not feed_day in ({dates(sorted(delivery.other_days))})") if delivery.other_days else rows
    contested = _contested(batch, own)
    if contested is None:
        fresh, ends, late = _in_order(batch, own)
        return ListChanges(fresh, ends, None, None, late)
    fresh, ends, late = _in_order(batch, own.join(contested, batch.owner, "left_anti"))
    newest = batch.lake.staging.materialize(_newest(batch, contested, elsewhere))
    elements = newest.where(batch.lists.is_element()).select(*rows.columns)
    current_rows = batch.current_rows.join(contested, batch.owner, "left_semi")
    ended = current_rows.where(endings.may_end(batch.table)).join(elements.select(*batch.key), batch.key, "left_anti")
    lists = newest.select(*batch.owner).distinct()
    lacking = endings.ended(batch.table, ended.join(lists, batch.owner, "left_semi"), delivery)
    taken_back = endings.ended(batch.table, ended.join(lists, batch.owner, "left_anti"), delivery)
    superseded = union_all([current_rows.select(*batch.key), elements.select(*batch.key)]).distinct()
    return ListChanges(fresh.unionByName(elements), ends.unionByName(lacking), taken_back, superseded, late)


def _contested(batch: ListDelivery, own: DataFrame) -> DataFrame | None:
    """Owners whose newest list has to be looked up in all days; None if there are none."""
    delivery, current_rows = batch.delivery, batch.current_rows
    days = delivery.redelivered if batch.lists.timed else delivery.out_of_order
    days = sorted(frozenset(days) - delivery.other_days)
    frames = []
    if days:
        lists = own.where(f"feed_day in ({dates(days)})")
        elements = lists.where(batch.lists.is_element())
        owners_in_silver = current_rows.select(*batch.owner).distinct()
        if batch.lists.may_be_empty:
            # An owner whose newest list is empty has no rows in silver.
            late = elements.where(f"feed_day in ({dates(delivery.out_of_order)})") if delivery.out_of_order else None
            frames += [] if late is None else [late.join(owners_in_silver, batch.owner, "left_anti")]
        current = marked(batch.table, current_rows, old=True, gone=False).select(*batch.key, "_hash")
        differing = marked(batch.table, elements, old=False, gone=False).join(
            current, [*batch.key, "_hash"], "left_anti"
        )
        frames.append(differing.join(owners_in_silver, batch.owner, "left_semi"))
        listed = current_rows.join(lists.select(*batch.owner).distinct(), batch.owner, "left_semi")
        frames.append(listed.join(elements.select(*batch.key), batch.key, "left_anti"))
    if delivery.corrected:
        frames.append(endings.retracted_versions(batch.table, own, current_rows, delivery, batch.kept_keys))
    if batch.retracted is not None:
        frames.append(current_rows.join(batch.retracted, batch.key, "left_semi"))
    if not frames:
        return None
    owners = batch.lake.staging.stage(union_all([frame.select(*batch.owner) for frame in frames]).distinct())
    return owners.rows if owners.count else None


def _newest(batch: ListDelivery, owners: DataFrame, elsewhere: Callable[[], DataFrame]) -> DataFrame:
    """The newest list that any day of the feed has for each owner; an empty one is its single row."""
    rows = batch.rows
    lists = elsewhere().select(*rows.columns).unionByName(rows).join(owners, batch.owner, "left_semi")
    names = ", ".join(f"`{name}`" for name in batch.owner)
    place = f"rank() over (partition by {names} order by _at desc, feed_day desc) as _n"
    newest = lists.selectExpr("*", f"{batch.lists.at} as _at").selectExpr("*", place).where("_n = 1")
    recorded_on = f"date'{batch.delivery.last_recorded_on}' as recorded_on"
    return newest.drop("_n", "_at", "recorded_on").selectExpr("*", recorded_on)


def _in_order(batch: ListDelivery, rows: DataFrame) -> tuple[DataFrame, DataFrame, int]:
    """Elements to publish, ends of those absent from the following list of their owner, and the number of late ones."""
    owner = batch.owner
    names = ", ".join(f"`{name}`" for name in owner)
    fresh = rows.selectExpr("*", f"{batch.lists.at} as _at", "feed_day as _day")
    before = batch.current_rows.join(rows.select(*owner).distinct(), owner, "left_semi")
    before = before.selectExpr("*", f"{batch.lists.at} as _own_at")
    last = f"over (partition by {names} order by _own_at desc, feed_day desc)"
    before = before.selectExpr("*", f"first_value(_own_at) {last} as _at", f"first_value(feed_day) {last} as _day")
    before = batch.lake.staging.materialize(before.drop("_own_at"))
    newest = before.selectExpr(*owner, "_at as _newest_at", "_day as _newest_day").distinct()
    placed = fresh.join(newest, owner, "left").selectExpr(
        "*", "coalesce(_at < _newest_at or (_at = _newest_at and _day < _newest_day), false) as _behind"
    )
    placed = batch.lake.staging.materialize(placed.drop("_newest_at", "_newest_day"))
    late = placed.where(f"_behind and {batch.lists.is_element()}").count()
    lists = placed.where("not _behind").drop("_behind")
    elements = lists.where(batch.lists.is_element())
    ends = _lacking(batch, [lists, before], [elements, before])
    return elements.select(*rows.columns), ends, late


def _lacking(batch: ListDelivery, lists: list[DataFrame], elements: list[DataFrame]) -> DataFrame:
    """Ends of elements absent from the list after theirs, at the time and day of that list."""
    owner, key, table = batch.owner, batch.key, batch.table
    names = ", ".join(f"`{name}`" for name in owner)
    places = union_all([frame.select(*owner, "_at", "_day") for frame in lists]).distinct()
    order = f"over (partition by {names} order by _at, _day)"
    following = places.selectExpr("*", f"lead(_at) {order} as _next_at", f"lead(_day) {order} as _next_day")
    following = following.where("_next_at is not null")
    columns = [*(["person_key"] if table.personal else []), *table.columns]
    rows = union_all([frame.select("source", *columns, "_at", "_day") for frame in elements])
    followed = rows.join(following, [*owner, "_at", "_day"])
    at_next = rows.selectExpr(*key, "_at as _next_at", "_day as _next_day")
    missing = followed.join(at_next, [*key, "_next_at", "_next_day"], "left_anti").where(endings.may_end(table))
    at = {table.sequence_by: "_next_at"} if batch.lists.timed else {}
    values = (f"{at.get(name, f'`{name}`')} as `{name}`" for name in ["source", *columns])
    ends = missing.selectExpr(*values, "_next_day as feed_day")
    return marked(
        table, ends.selectExpr("*", f"{batch.delivery.recorded_on_sql()} as recorded_on"), old=False, gone=True
    )
