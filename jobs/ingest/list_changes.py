"""What a delivery changes in lists that its rows tell whole: elements that are new, and those that have ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.ingest import endings
from jobs.ingest.delivery import Delivery
from jobs.ingest.versions import marked
from jobs.ingest.whole_lists import WholeList
from quanyu.lake import Lake
from quanyu.lake.union import union_all
from quanyu.literals import dates
from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class ListChanges:
    """Elements to publish, and versions in silver that end.

    `taken_back` are ends of lists that no day tells any more, which a source limits; `ends` those of elements that
    their own list lacks, which are as many as it says. `superseded` are keys on which all days decided, and `late`
    elements of lists that are older than what silver has.
    """

    rows: DataFrame
    ends: DataFrame
    taken_back: DataFrame | None
    superseded: DataFrame | None
    late: int


@dataclass(frozen=True)
class ListDelivery:
    """Rows of a table of whole lists, as a delivery tells them, beside what stands in silver."""

    lake: Lake
    table: type[Table]
    lists: WholeList
    delivery: Delivery
    rows: DataFrame
    alive: DataFrame
    # Keys in silver that must not stand as they are, and those that no day takes back.
    retracted: DataFrame | None = None
    standing: DataFrame | None = None

    @property
    def owner(self) -> list[str]:
        """Columns of the key that say whose list it is."""
        return list(self.lists.owner)

    @property
    def key(self) -> list[str]:
        """Columns of the key of an element."""
        return list(self.table.keys)


def list_changes(told: ListDelivery, elsewhere: Callable[[], DataFrame]) -> ListChanges:
    """Let the newest list of each owner decide which elements there are.

    A list is looked up in all days of the feed, which `elsewhere` gives beside those of the delivery, only where a day
    that was taken before, or has no time of its own, tells it otherwise.
    """
    delivery, rows = told.delivery, told.rows
    own = rows.where(f"not feed_day in ({dates(sorted(delivery.other_days))})") if delivery.other_days else rows
    contested = _contested(told, own)
    if contested is None:
        fresh, ends, late = _in_order(told, own)
        return ListChanges(fresh, ends, None, None, late)
    fresh, ends, late = _in_order(told, own.join(contested, told.owner, "left_anti"))
    newest = told.lake.staging.keep(_newest(told, contested, elsewhere))
    elements = newest.where(told.lists.is_element()).select(*rows.columns)
    alive = told.alive.join(contested, told.owner, "left_semi")
    gone = alive.where(endings.may_end(told.table)).join(elements.select(*told.key), told.key, "left_anti")
    lists = newest.select(*told.owner).distinct()
    lacking = endings.ended(told.table, gone.join(lists, told.owner, "left_semi"), delivery)
    taken_back = endings.ended(told.table, gone.join(lists, told.owner, "left_anti"), delivery)
    superseded = union_all([alive.select(*told.key), elements.select(*told.key)]).distinct()
    return ListChanges(fresh.unionByName(elements), ends.unionByName(lacking), taken_back, superseded, late)


def _contested(told: ListDelivery, own: DataFrame) -> DataFrame | None:
    """Owners of lists on which all days decide; None where there are none."""
    delivery, alive = told.delivery, told.alive
    days = delivery.again if told.lists.timed else delivery.out_of_order
    days = sorted(frozenset(days) - delivery.other_days)
    frames = []
    if days:
        lists = own.where(f"feed_day in ({dates(days)})")
        elements = lists.where(told.lists.is_element())
        there = alive.select(*told.owner).distinct()
        if told.lists.may_be_empty:
            # Of an owner whose newest list is empty nothing stands.
            late = elements.where(f"feed_day in ({dates(delivery.out_of_order)})") if delivery.out_of_order else None
            frames += [] if late is None else [late.join(there, told.owner, "left_anti")]
        stood = marked(told.table, alive, old=True, gone=False).select(*told.key, "_hash")
        differing = marked(told.table, elements, old=False, gone=False).join(stood, [*told.key, "_hash"], "left_anti")
        frames.append(differing.join(there, told.owner, "left_semi"))
        listed = alive.join(lists.select(*told.owner).distinct(), told.owner, "left_semi")
        frames.append(listed.join(elements.select(*told.key), told.key, "left_anti"))
    if delivery.corrected:
        frames.append(endings.taken_back(told.table, own, alive, delivery, told.standing))
    if told.retracted is not None:
        frames.append(alive.join(told.retracted, told.key, "left_semi"))
    if not frames:
        return None
    owners = told.lake.staging.take(union_all([frame.select(*told.owner) for frame in frames]).distinct())
    return owners.rows if owners.count else None


def _newest(told: ListDelivery, owners: DataFrame, elsewhere: Callable[[], DataFrame]) -> DataFrame:
    """The newest list that any day of the feed tells of each owner, with the row of an empty one."""
    rows = told.rows
    lists = elsewhere().select(*rows.columns).unionByName(rows).join(owners, told.owner, "left_semi")
    names = ", ".join(f"`{name}`" for name in told.owner)
    place = f"rank() over (partition by {names} order by _at desc, feed_day desc) as _n"
    newest = lists.selectExpr("*", f"{told.lists.at} as _at").selectExpr("*", place).where("_n = 1")
    known = f"date'{told.delivery.last_known}' as recorded_on"
    return newest.drop("_n", "_at", "recorded_on").selectExpr("*", known)


def _in_order(told: ListDelivery, rows: DataFrame) -> tuple[DataFrame, DataFrame, int]:
    """Elements to publish, ends of those that a following list of their owner lacks, and how many came too late."""
    owner = told.owner
    names = ", ".join(f"`{name}`" for name in owner)
    fresh = rows.selectExpr("*", f"{told.lists.at} as _at", "feed_day as _day")
    before = told.alive.join(rows.select(*owner).distinct(), owner, "left_semi")
    before = before.selectExpr("*", f"{told.lists.at} as _own_at")
    last = f"over (partition by {names} order by _own_at desc, feed_day desc)"
    before = before.selectExpr("*", f"first_value(_own_at) {last} as _at", f"first_value(feed_day) {last} as _day")
    before = told.lake.staging.keep(before.drop("_own_at"))
    newest = before.selectExpr(*owner, "_at as _newest_at", "_day as _newest_day").distinct()
    placed = fresh.join(newest, owner, "left").selectExpr(
        "*", "coalesce(_at < _newest_at or (_at = _newest_at and _day < _newest_day), false) as _behind"
    )
    placed = told.lake.staging.keep(placed.drop("_newest_at", "_newest_day"))
    late = placed.where(f"_behind and {told.lists.is_element()}").count()
    lists = placed.where("not _behind").drop("_behind")
    elements = lists.where(told.lists.is_element())
    ends = _lacking(told, [lists, before], [elements, before])
    return elements.select(*rows.columns), ends, late


def _lacking(told: ListDelivery, lists: list[DataFrame], elements: list[DataFrame]) -> DataFrame:
    """Ends of elements that the list which follows theirs lacks, at the place of that list."""
    owner, key, table = told.owner, told.key, told.table
    names = ", ".join(f"`{name}`" for name in owner)
    places = union_all([frame.select(*owner, "_at", "_day") for frame in lists]).distinct()
    order = f"over (partition by {names} order by _at, _day)"
    following = places.selectExpr("*", f"lead(_at) {order} as _next_at", f"lead(_day) {order} as _next_day")
    following = following.where("_next_at is not null")
    columns = [*(["person_key"] if table.personal else []), *table.columns]
    rows = union_all([frame.select("source", *columns, "_at", "_day") for frame in elements])
    followed = rows.join(following, [*owner, "_at", "_day"])
    again = rows.selectExpr(*key, "_at as _next_at", "_day as _next_day")
    gone = followed.join(again, [*key, "_next_at", "_next_day"], "left_anti").where(endings.may_end(table))
    at = {table.newest_by: "_next_at"} if told.lists.timed else {}
    values = (f"{at.get(name, f'`{name}`')} as `{name}`" for name in ["source", *columns])
    ends = gone.selectExpr(*values, "_next_day as feed_day")
    return marked(table, ends.selectExpr("*", f"{told.delivery.known_on_sql()} as recorded_on"), old=False, gone=True)
