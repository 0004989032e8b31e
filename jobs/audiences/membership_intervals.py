"""Membership intervals: consecutive days of a customer in an audience. They follow customers whose id changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from quanyu.literals import dates

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

WHO = ("audience", "customer_id")
# Schema of id changes: records moved from one customer id to another, by a merge or a split.
MOVES = "was string, now string"


def extend_intervals(before: DataFrame, inside: DataFrame, days: Sequence[date], moved: DataFrame) -> DataFrame:
    """Extend membership intervals by who was inside on each of the following days.

    An interval that was open goes on if its customer is inside on the first day. A customer whose id changed (`moved`:
    MOVES) takes over the interval of the old id and its holdout, unless an own interval goes on.
    """
    nth = "case " + " ".join(f"when as_of = date'{on}' then {n}" for n, on in enumerate(days)) + " end as nth"
    days_inside = inside.selectExpr(*WHO, "cast(null as date) as entered_on", "holdout", "true as own", nth)
    run = f"nth - row_number() over (partition by {', '.join(WHO)} order by nth) as run"
    if len(days) == 1:
        # A single day always continues what was before it.
        run = "0 as run"
    runs = days_inside.unionByName(_open(before, moved)).selectExpr("*", run).groupBy(*WHO, "run")
    # Whoever entered on the same day and is out by corrected data was never a member.
    updated = runs.agg(*_stay(f"array({dates(days)})")).where("own and (left_on is null or entered_on < left_on)")
    updated = updated.select(*before.columns)
    # An id that is used again continues the interval that ended with it.
    ended = before.where("left_on is not null").join(updated, [*WHO, "entered_on"], "left_anti")
    return ended.unionByName(updated)


def intervals_as_of(before: DataFrame, day: date) -> DataFrame:
    """Intervals as of the end of a day, so that later days can be computed again."""
    left = f"if(left_on > date'{day}', null, left_on) as left_on"
    return before.where(f"entered_on <= date'{day}'").selectExpr(*WHO, "entered_on", left, "holdout")


def ever_held_out(before: DataFrame, identities: DataFrame) -> DataFrame:
    """Customers of whom any record was ever in the holdout of an audience: audience, customer_id. They stay in it.

    `identities` is the history of assignments of records to customers: source, person_key, customer_id, valid_from,
    valid_to.
    """
    holdouts = before.where("holdout")
    during = "valid_from < coalesce(left_on, date'9999-12-31') and (valid_to is null or valid_to > entered_on)"
    records = holdouts.join(identities, "customer_id").where(during).select("audience", "source", "person_key")
    today = identities.where("valid_to is null").select("source", "person_key", "customer_id")
    others = records.join(today, ["source", "person_key"]).select(*WHO)
    return holdouts.select(*WHO).unionByName(others).distinct()


def held_out(rows: DataFrame, holdouts: DataFrame) -> DataFrame:
    """The rows, with `holdout` set for customers who were ever in the holdout."""
    marked = rows.join(holdouts.selectExpr(*WHO, "true as _held"), [*WHO], "left")
    return marked.selectExpr(
        *(f"`{n}`" if n != "holdout" else "holdout or _held is not null as holdout" for n in rows.columns)
    )


def _open(before: DataFrame, moved: DataFrame) -> DataFrame:
    """Open intervals by customer: the own one, or that of an id from which records moved to the customer."""
    from pyspark.sql import functions as F  # noqa: N812

    still = before.where("left_on is null").selectExpr(*WHO, "entered_on", "holdout", "true as own")
    others = still.join(moved, still["customer_id"] == moved["was"])
    others = others.selectExpr("audience", "now as customer_id", "entered_on", "holdout", "false as own")
    # The own interval has precedence; else the earliest one counts, with a holdout if any has one.
    first = F.expr("coalesce(min(entered_on) filter (where own), min(entered_on))").alias("entered_on")
    holdout = F.expr("coalesce(max(holdout) filter (where own), max(holdout))").alias("holdout")
    open_stays = still.unionByName(others).groupBy(*WHO).agg(first, holdout, F.bool_or("own").alias("own"))
    return open_stays.selectExpr("*", "-1 as nth")


def _stay(days: str) -> list[Column]:
    from pyspark.sql import functions as F  # noqa: N812

    return [
        F.expr(f"coalesce(min(entered_on), get({days}, min(nth)))").alias("entered_on"),
        F.expr(f"get({days}, max(nth) + 1)").alias("left_on"),
        F.expr("min_by(holdout, nth)").alias("holdout"),
        F.bool_or("own").alias("own"),
    ]
