"""Stays of customers in audiences: runs of days in a row, which go on when a customer's id becomes another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from quanyu.literals import dates

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

WHO = ("audience", "customer_id")
# Records went from the one id to the other: by a merge, in which the one ended, or by a split.
MOVES = "was string, now string"


def stays(before: DataFrame, inside: DataFrame, days: Sequence[date], moved: DataFrame) -> DataFrame:
    """Continue the stays that there were by who was inside on each of the following days.

    One that was open before goes on if its customer is inside on the first day. Who is inside then under another id
    than before (`moved`: MOVES) has the stay of that id with its holdout, unless one of the own goes on.
    """
    nth = "case " + " ".join(f"when as_of = date'{on}' then {n}" for n, on in enumerate(days)) + " end as nth"
    days_inside = inside.selectExpr(*WHO, "cast(null as date) as entered_on", "holdout", "true as own", nth)
    run = f"nth - row_number() over (partition by {', '.join(WHO)} order by nth) as run"
    if len(days) == 1:
        # The day follows what was before it: all is one run.
        run = "0 as run"
    runs = days_inside.unionByName(_open(before, moved)).selectExpr("*", run).groupBy(*WHO, "run")
    # Who came in on this very day and is out by a corrected view of it was never in.
    updated = runs.agg(*_stay(f"array({dates(days)})")).where("own and (left_on is null or entered_on < left_on)")
    updated = updated.select(*before.columns)
    # An id that comes back goes on with the stay that ended with it.
    ended = before.where("left_on is not null").join(updated, [*WHO, "entered_on"], "left_anti")
    return ended.unionByName(updated)


def rewound(before: DataFrame, day: date) -> DataFrame:
    """Stays as they stood at the end of a day, so that the days after it may be taken again."""
    left = f"if(left_on > date'{day}', null, left_on) as left_on"
    return before.where(f"entered_on <= date'{day}'").selectExpr(*WHO, "entered_on", left, "holdout")


def ever_held_out(before: DataFrame, identities: DataFrame) -> DataFrame:
    """Customers of whom a record was held out of an audience once: audience, customer_id. They always are, by WHO.

    identities has a row for each assignment of a record there ever was: source, person_key, customer_id, valid_from,
    valid_to.
    """
    holdouts = before.where("holdout")
    during = "valid_from < coalesce(left_on, date'9999-12-31') and (valid_to is null or valid_to > entered_on)"
    records = holdouts.join(identities, "customer_id").where(during).select("audience", "source", "person_key")
    today = identities.where("valid_to is null").select("source", "person_key", "customer_id")
    others = records.join(today, ["source", "person_key"]).select(*WHO)
    return holdouts.select(*WHO).unionByName(others).distinct()


def held_out(rows: DataFrame, holdouts: DataFrame) -> DataFrame:
    """The rows, held out where their customer is among those who always are."""
    marked = rows.join(holdouts.selectExpr(*WHO, "true as _held"), [*WHO], "left")
    return marked.selectExpr(
        *(f"`{n}`" if n != "holdout" else "holdout or _held is not null as holdout" for n in rows.columns)
    )


def _open(before: DataFrame, moved: DataFrame) -> DataFrame:
    """Open stays by customer, the own or else that of an id which records came from, which is theirs while inside."""
    from pyspark.sql import functions as F  # noqa: N812

    still = before.where("left_on is null").selectExpr(*WHO, "entered_on", "holdout", "true as own")
    others = still.join(moved, still["customer_id"] == moved["was"])
    others = others.selectExpr("audience", "now as customer_id", "entered_on", "holdout", "false as own")
    # Of several the own one; or the first to enter, held out if any was.
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
