"""Rows of a feed's days to versions in silver: what is new, what replaces what, and since when it was known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from jobs.ingest import untied
from quanyu.expressions.datatypes import midnight
from quanyu.lake import Lake, Written, place_of
from quanyu.lake.difference import has_repeats, row_hash
from quanyu.lake.receipt import Receipt
from quanyu.literals import dates, quoted
from quanyu.source import Source
from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Delivery:
    """The days of a feed that are brought in, with the day on which each became known, and which were taken before.

    `complete` are those of which nothing was refused or quarantined: only they can tell that a key is gone. `replaces`
    says that a row tells all identifiers of its person, `untied` what records of other feeds do not tell any more.
    """

    source: Source
    known_on: Mapping[date, date]
    again: frozenset[date]
    complete: frozenset[date]
    replaces: bool = False
    untied: DataFrame | None = None

    @property
    def in_order(self) -> bool:
        """Whether no day was taken before, or came after a later one."""
        return not self.again and all(day == known for day, known in self.known_on.items())


def publish(
    lake: Lake,
    table: type[Table],
    rows: DataFrame,
    delivery: Delivery,
    receipt: Receipt,
    elsewhere: Callable[[], DataFrame],
) -> Written:
    """Bring rows (with `feed_day`) into a silver table as versions, in one commit, or none where nothing differs.

    `elsewhere` gives the keys that other days of the feed hold: what a corrected day no longer tells ends only
    where no other day tells it.
    """
    lake.prepare(table)
    place, source = place_of(table), delivery.source
    order = [name for name in ("_file", "_row") if name in rows.columns]
    incoming = rows.selectExpr(f"{quoted(source.name)} as source", *_content(table), "feed_day",
                               f"{_known_on(delivery)} as recorded_on", *order)  # fmt: skip
    first = not lake.holds(place, "source", source.name)
    if first and not source.deleted_when and not has_repeats(incoming, table.keys):
        # A key that is told once has one version: there is nothing to order.
        made = incoming.drop(*order).selectExpr("*", "cast(null as date) as replaced_on").select(*table.schema())
        return _appended(lake, table, made, receipt)
    staged = lake.staging.take(incoming)
    latest = staged.rows.drop(*order)
    if order and not staged.unique([*table.keys, "feed_day"]):
        latest = lake.staging.keep(_one_per_day(staged.rows, list(table.keys), table.newest_by).drop(*order))
    if first:
        return _first(lake, table, latest, staged.count, delivery, receipt)
    current = lake.table(table).where(f"source = {quoted(source.name)}")
    if _is_replaced(table, delivery) and not delivery.in_order:
        latest, ended = _replaced(table, latest, current.where("replaced_on is null"), delivery, elsewhere)
        return _merge(lake, table, latest, staged.count, current, ended, receipt)
    ended = _ended(table, latest, current.where("replaced_on is null"), delivery, elsewhere)
    return _merge(lake, table, latest, staged.count, current, ended, receipt)


def _appended(
    lake: Lake, table: type[Table], versions: DataFrame, receipt: Receipt, total: int | None = None
) -> Written:
    staged = lake.staging.take(versions)
    total = staged.count if total is None else total
    if not total:
        return Written()
    version = lake.append(place_of(table), staged, receipt, {"in": total})
    return Written(inserted=staged.count, unchanged=total - staged.count, version=version)


def _content(table: type[Table]) -> list[str]:
    person = [] if not table.personal else ["person_key"]
    return [*person, *(f"cast(`{name}` as {column.type}) as `{name}`" for name, column in table.columns.items())]


def _one_per_day(rows: DataFrame, keys: Sequence[str], newest_by: str | None) -> DataFrame:
    """Keep the last row of a key on each day of the feed: the newest where rows tell, else the last in the files."""
    names = ", ".join(f"`{name}`" for name in keys)
    order = ", ".join([*([f"`{newest_by}` desc nulls last"] if newest_by else []), "_file desc", "_row desc"])
    numbered = rows.selectExpr("*", f"row_number() over (partition by feed_day, {names} order by {order}) as _n")
    return numbered.where("_n = 1").drop("_n")


def _known_on(delivery: Delivery) -> str:
    later = {day: known for day, known in delivery.known_on.items() if day != known}
    if not later:
        return "feed_day"
    cases = " ".join(f"when feed_day = date'{day}' then date'{known}'" for day, known in later.items())
    return f"case {cases} else feed_day end"


def _hashed(table: type[Table], rows: DataFrame) -> DataFrame:
    columns = [*(["person_key"] if table.personal else []), *table.columns]
    return rows.selectExpr("*", f"{row_hash(columns)} as _hash")


def _chain(table: type[Table], rows: DataFrame) -> DataFrame:
    """Order the versions of each key, and drop those that say what the one before said, or that came too late.

    The order is that of the feed's days, or of `newest_by` where the table has it.

    `rows` carry _old (already in silver), _gone (the key ends here) and _hash. Adds `_next`, the day on which the
    following version became known.
    """
    key = ", ".join(f"`{name}`" for name in table.keys)
    # A key that a feed no longer tells ends with its day, which has no time of its own.
    place = f"coalesce(if(_gone, null, `{table.newest_by}`), {midnight('feed_day')})" if table.newest_by else "feed_day"
    order = f"(partition by {key} order by {place}, feed_day, _old desc, recorded_on)"
    newest_old = f"max(if(_old, {place}, null)) over (partition by {key})"
    kept = rows.selectExpr("*", f"{newest_old} as _since").where(f"_old or _since is null or {place} >= _since")
    kept = kept.selectExpr("*", f"lag(_hash) over {order} as _before", f"lag(_gone) over {order} as _before_gone")
    ends = "_gone and _before is not null and not _before_gone"
    differs = f"_old or ({ends}) or (not _gone and (not (_before <=> _hash) or coalesce(_before_gone, true)))"
    kept = kept.where(differs)
    return kept.selectExpr("*", f"lead(recorded_on) over {order} as _next", f"lead(_gone) over {order} as _next_gone")


def _first(
    lake: Lake, table: type[Table], staged: DataFrame, total: int, delivery: Delivery, receipt: Receipt
) -> Written:
    """Build the versions of a feed of which silver has nothing: only rows to insert, so a plain append does."""
    rows = _marked(table, staged, old=False, gone=False)
    if delivery.source.deleted_when:
        rows = rows.unionByName(_gone_between(table, staged, delivery))
    if _is_replaced(table, delivery):
        rows = rows.unionByName(_untied(table, staged, staged.limit(0), delivery))
    chained = _chain(table, rows).where("not _gone and (_next is null or _next > recorded_on)")
    made = chained.drop("replaced_on").selectExpr(*_stored(table, "_next"))
    return _appended(lake, table, made, receipt, total)


def _stored(table: type[Table], replaced_on: str) -> list[str]:
    return [f"`{name}`" if name != "replaced_on" else f"{replaced_on} as replaced_on" for name in table.schema()]


def _marked(table: type[Table], rows: DataFrame, old: bool, gone: bool) -> DataFrame:
    with_end = rows if "replaced_on" in rows.columns else rows.selectExpr("*", "cast(null as date) as replaced_on")
    hashed = _hashed(table, with_end.select(*table.schema()))
    return hashed.selectExpr("*", f"{str(old).lower()} as _old", f"{str(gone).lower()} as _gone")


def _gone_between(table: type[Table], staged: DataFrame, delivery: Delivery) -> DataFrame:
    """Ends of keys that a snapshot of this batch has and the next complete one lacks."""
    key = ", ".join(f"`{name}`" for name in table.keys)
    following = _following(delivery)
    if not following:
        return _marked(table, staged.limit(0), old=False, gone=True)
    after = "case " + " ".join(f"when feed_day = date'{a}' then date'{b}'" for a, b in following.items()) + " end"
    known = "case " + " ".join(f"when _after = date'{d}' then date'{k}'" for d, k in delivery.known_on.items()) + " end"
    seen = staged.selectExpr(
        "*", f"lead(feed_day) over (partition by {key} order by feed_day) as _again", f"{after} as _after"
    )
    ended = seen.where("_after is not null and (_again is null or _again > _after)").where(_may_end(table))
    told = ended.selectExpr("*", f"{known} as _known").drop("feed_day", "recorded_on", "_again")
    return _marked(
        table, told.withColumnsRenamed({"_after": "feed_day", "_known": "recorded_on"}), old=False, gone=True
    )


def _may_end(table: type[Table]) -> str:
    """Condition of rows that end when a file no longer tells them."""
    return f"not coalesce({table.permanent}, false)" if table.permanent else "true"


def _following(delivery: Delivery) -> dict[date, date]:
    """The next complete day after each day of the batch, where there is one."""
    complete = sorted(delivery.complete)
    later = {day: next((other for other in complete if other > day), None) for day in delivery.known_on}
    return {day: other for day, other in later.items() if other is not None}


def _ended(
    table: type[Table], staged: DataFrame, current: DataFrame, delivery: Delivery, elsewhere: Callable[[], DataFrame]
) -> DataFrame:
    """Ends of keys: absent from a complete snapshot, or no longer told by a day that was corrected."""
    key = list(table.keys)
    current = current.where(_may_end(table))
    if _is_replaced(table, delivery) and not delivery.source.deleted_when:
        return _untied(table, staged, current, delivery)
    if delivery.source.deleted_when:
        if not delivery.complete:
            return _marked(table, current.limit(0), old=False, gone=True)
        first = min(delivery.complete)
        here = staged.where(f"feed_day <= date'{first}'").select(*key).distinct()
        absent = current.where(f"feed_day <= date'{first}'").join(here, key, "left_anti")
        told = absent.drop("feed_day", "recorded_on", "replaced_on").selectExpr(
            "*", f"date'{first}' as feed_day", f"date'{delivery.known_on[first]}' as recorded_on"
        )
        return _marked(table, told, old=False, gone=True).unionByName(_gone_between(table, staged, delivery))
    if table.name == "identifiers" and delivery.untied is not None and not delivery.again:
        return _ends(table, untied.retold(staged, current, delivery.untied), "feed_day", delivery)
    if not delivery.again:
        return _marked(table, current.limit(0), old=False, gone=True)
    told = current.where(f"feed_day in ({dates(sorted(delivery.again))})").join(
        staged.select(*key, "feed_day"), [*key, "feed_day"], "left_anti"
    )
    if told.limit(1).count():
        told = told.join(elsewhere().select(*key).distinct(), key, "left_anti")
    told = told.drop("recorded_on", "replaced_on").selectExpr("*", f"{_known_on(delivery)} as recorded_on")
    return _marked(table, told, old=False, gone=True)


def _is_replaced(table: type[Table], delivery: Delivery) -> bool:
    return table.name == "identifiers" and delivery.replaces


def _untied(table: type[Table], staged: DataFrame, current: DataFrame, delivery: Delivery) -> DataFrame:
    """Ends of identifiers that a later row of their record lacks."""
    ends = untied.untied(staged, current, delivery.source).withColumnRenamed("day", "feed_day")
    return _ends(table, ends, _known_on(delivery), delivery)


def _ends(table: type[Table], rows: DataFrame, known_on: str, delivery: Delivery) -> DataFrame:
    named = [f"{quoted(delivery.source.name)} as source", "cast(null as date) as replaced_on"]
    return _marked(table, rows.selectExpr("*", f"{known_on} as recorded_on", *named), old=False, gone=True)


def _replaced(
    table: type[Table], staged: DataFrame, current: DataFrame, delivery: Delivery, elsewhere: Callable[[], DataFrame]
) -> tuple[DataFrame, DataFrame]:
    """What days out of their order change, by all days of the feed: identifiers that hold from now on, and ends."""
    now = f"date'{max(delivery.known_on.values())}'"
    fresh, gone = untied.anew(staged, elsewhere(), current, delivery.source, delivery.known_on)
    known = " ".join(f"when feed_day = date'{day}' then date'{on}'" for day, on in delivery.known_on.items())
    known_on = f"case {known} else {now} end as recorded_on"
    fresh = fresh.selectExpr(f"{quoted(delivery.source.name)} as source", "*", known_on)
    return fresh, _ends(table, gone, now, delivery)


def _merge(
    lake: Lake,
    table: type[Table],
    staged: DataFrame,
    total: int,
    current: DataFrame,
    ended: DataFrame,
    receipt: Receipt,
) -> Written:
    key = list(table.keys)
    rows = _marked(table, staged, old=False, gone=False).unionByName(ended)
    touched = rows.select(*key).distinct()
    old = current.where("replaced_on is null").join(touched, key, "left_semi")
    chained = _chain(table, rows.unionByName(_marked(table, old, old=True, gone=False)))
    empty = "(_next is not null and _next <= recorded_on)"
    op = (
        f"case when _gone then null when _old and _next is null then null"
        f" when _old and {empty} and coalesce(_next_gone, false) then 'delete' when {empty} then null"
        " when _old then 'close' else 'insert' end as _op"
    )
    wanted = chained.drop("replaced_on").selectExpr(*_stored(table, "_next"), op).where("_op is not null")
    changes, found = lake.staging.counted(wanted, by="_op")
    inserted, closed, deleted = (found.get(op, 0) for op in ("insert", "close", "delete"))
    told = Written(inserted, closed, deleted, total - inserted)
    if not told.changed:
        return told
    counts = {"in": total, "out": told.changed, "unchanged": told.unchanged}
    if set(found) == {"insert"} and not _overwrites(lake, table, changes.rows):
        version = lake.append(place_of(table), changes.rows.drop("_op"), receipt, counts)
    else:
        version = lake.merge(table, changes, [*table.identity(), "recorded_on"], receipt, counts)
    return Written(inserted, closed, deleted, told.unchanged, version)


def _overwrites(lake: Lake, table: type[Table], changes: DataFrame) -> bool:
    """Whether a new version became known on the same day as the one that it replaces."""
    on = [*table.identity(), "recorded_on"]
    return lake.table(table).join(changes.select(*on), on, "left_semi").limit(1).count() > 0
