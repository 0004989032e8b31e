"""Membership intervals: consecutive days of an entity in an audience. They follow customers whose id changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from quanyu.grammar.entity import Entity
from quanyu.literals import dates, quoted
from quanyu.model.outcomes import memberships_of
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# Schema of id changes: records moved from one customer id to another, by a merge or a split.
MOVES = "was string, now string"


def intervals_since(
    entity: type[Entity], stored: DataFrame, inside: DataFrame, until: date, days: Sequence[date],
    holdouts: DataFrame, moved: DataFrame,
) -> DataFrame:  # fmt: skip
    """Stored intervals as of the end of a day, extended by who was inside on each of the following days.

    `holdouts` are members who were ever in the holdout, `moved` as in `extend_intervals`.
    """
    earlier = intervals_as_of(stored, until)
    # A finished interval keeps the holdout with which it was measured.
    earlier = earlier.where("left_on is not null").unionByName(held_out(earlier.where("left_on is null"), holdouts))
    return extend_intervals(entity, earlier, held_out(inside, holdouts), days, moved)


def extend_intervals(
    entity: type[Entity], before: DataFrame, inside: DataFrame, days: Sequence[date], moved: DataFrame
) -> DataFrame:
    """Extend membership intervals by who was inside on each of the following days.

    An interval that was open goes on if its member is inside on the first day. A customer whose id changed (`moved`:
    MOVES) takes over the interval of the old id and its holdout, unless an own interval goes on.
    """
    member = ("audience", entity.key)
    nth = "case " + " ".join(f"when as_of = date'{on}' then {n}" for n, on in enumerate(days)) + " end as nth"
    days_inside = inside.selectExpr(*member, "cast(null as date) as entered_on", "holdout", "true as own", nth)
    run = f"nth - row_number() over (partition by {', '.join(member)} order by nth) as run"
    if len(days) == 1:
        # A single day always continues what was before it.
        run = "0 as run"
    runs = days_inside.unionByName(_open(entity, before, moved)).selectExpr("*", run).groupBy(*member, "run")
    # Whoever entered on the same day and is out by corrected data was never a member.
    updated = runs.agg(*_stay(f"array({dates(days)})")).where("own and (left_on is null or entered_on < left_on)")
    updated = updated.select(*before.columns)
    # An id that is used again continues the interval that ended with it.
    ended = before.where("left_on is not null").join(updated, [*member, "entered_on"], "left_anti")
    return ended.unionByName(updated)


def intervals_as_of(before: DataFrame, day: date) -> DataFrame:
    """Intervals as of the end of a day, so that later days can be computed again."""
    changed = {"left_on": f"if(left_on > date'{day}', null, left_on) as left_on"}
    rows = before.where(f"entered_on <= date'{day}'")
    return rows.selectExpr(*(changed.get(name, f"`{name}`") for name in before.columns))


def members_on_day(context: Context, entity: type[Entity], audience: str) -> DataFrame:
    """Members of an audience as recorded for the context's day: the entity's key, holdout."""
    intervals = context.lake.table(memberships_of(entity)).where(f"audience = {quoted(audience)}")
    return members_on(intervals, context.day).select(entity.key, "holdout")


def members_on(intervals: DataFrame, day: date) -> DataFrame:
    """The intervals that hold a day."""
    return intervals.where(f"entered_on <= date'{day}' and (left_on is null or left_on > date'{day}')")


def among(audiences: Iterable[str]) -> str:
    """SQL of whether a row is of one of some audiences."""
    listed = ", ".join(quoted(name) for name in audiences)
    return f"audience in ({listed})" if listed else "false"


def staying(context: Context, entity: type[Entity], intervals: DataFrame) -> DataFrame:
    """Members of the day as recorded, under the ids that they have now: audience, the entity's key, as_of, holdout.

    Who is no entity any more is left out.
    """
    from pyspark.sql import functions as F  # noqa: N812

    key = f"`{entity.key}`"
    rows = members_on(intervals, context.day).select("audience", entity.key, "holdout")
    if entity.resolved:
        moves = context.lake.spark.createDataFrame([*as_of.redirects(context.lake).items()], MOVES)
        rows = rows.join(moves, rows[entity.key] == moves["was"], "left")
        rows = rows.selectExpr("audience", f"coalesce(now, {key}) as {key}", "holdout")
    rows = rows.groupBy("audience", entity.key).agg(F.bool_or("holdout").alias("holdout"))
    present = context.lake.table(context.catalogue.tables[entity.table.name]).select(entity.key).distinct()
    rows = rows.join(present, entity.key, "left_semi")
    return rows.selectExpr("audience", key, f"date'{context.day}' as as_of", "holdout")


def ever_held_out(entity: type[Entity], before: DataFrame, identities: DataFrame | None = None) -> DataFrame:
    """Members who were ever in the holdout of an audience: audience and the entity's key. They stay in it.

    So does every customer with a record of such a member: `identities` is the history of assignments of records to
    customers (source, person_key, customer_id, valid_from, valid_to), None for other entities.
    """
    member = ("audience", entity.key)
    holdouts = before.where("holdout")
    if identities is None:
        return holdouts.select(*member).distinct()
    # A record that was never assigned anew is still the member's own.
    during = "valid_from < coalesce(left_on, date'9999-12-31') and valid_to > entered_on"
    earlier = identities.where("valid_to is not null")
    records = holdouts.join(earlier, entity.key).where(during).select("audience", "source", "person_key")
    today = identities.where("valid_to is null").select("source", "person_key", entity.key)
    others = records.join(today, ["source", "person_key"]).select(*member)
    return holdouts.select(*member).unionByName(others).distinct()


def held_out(rows: DataFrame, holdouts: DataFrame) -> DataFrame:
    """The rows, with `holdout` set for members who were ever in the holdout."""
    marked = rows.join(holdouts.selectExpr("*", "true as _held"), holdouts.columns, "left")
    return marked.selectExpr(
        *(f"`{n}`" if n != "holdout" else "holdout or _held is not null as holdout" for n in rows.columns)
    )


def id_changes(context: Context, since: date | None) -> list[tuple[str, str]]:
    """Id changes since a day: the id before, and the id that has its records now.

    Redirects of ended ids are always included, because their intervals close only when they have moved.
    """
    if since is None:
        return []
    return [*as_of.redirects(context.lake).items(), *as_of.split_ids(context.lake, since)]


def _open(entity: type[Entity], before: DataFrame, moved: DataFrame) -> DataFrame:
    """Open intervals by member: the own one, or that of an id from which records moved to the member."""
    from pyspark.sql import functions as F  # noqa: N812

    member = ("audience", entity.key)
    still = before.where("left_on is null").selectExpr(*member, "entered_on", "holdout", "true as own")
    others = still.join(moved, still[entity.key] == moved["was"])
    others = others.selectExpr("audience", f"now as `{entity.key}`", "entered_on", "holdout", "false as own")
    # The own interval has precedence; else the earliest one counts, with a holdout if any has one.
    first = F.expr("coalesce(min(entered_on) filter (where own), min(entered_on))").alias("entered_on")
    holdout = F.expr("coalesce(bool_or(holdout) filter (where own), bool_or(holdout))").alias("holdout")
    open_stays = still.unionByName(others).groupBy(*member).agg(first, holdout, F.bool_or("own").alias("own"))
    return open_stays.selectExpr("*", "-1 as nth")


def _stay(days: str) -> list[Column]:
    from pyspark.sql import functions as F  # noqa: N812

    return [
        F.expr(f"coalesce(min(entered_on), get({days}, min(nth)))").alias("entered_on"),
        F.expr(f"get({days}, max(nth) + 1)").alias("left_on"),
        # That of the first row, since a smallest number costs far less than `min_by`.
        F.expr("min(2 * nth + cast(holdout as int)) % 2 <> 0").alias("holdout"),
        F.bool_or("own").alias("own"),
    ]
