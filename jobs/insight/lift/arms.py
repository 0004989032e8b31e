"""The two arms of an audience from a day on: members who may be treated and its holdout, whether or not they were."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

from jobs.audiences.memberships.intervals import among, ever_held_out, held_out
from jobs.consent.global_holdout import global_holdout
from quanyu.literals import quoted
from quanyu.model.entities import Customer
from quanyu.model.outcomes import memberships_of
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def arms(context: Context, begins: Mapping[str, date]) -> DataFrame:
    """Members of audiences from a day on, each once: audience, customer_id, after, holdout.

    A member counts from the first entry, also after leaving: what a treatment brought may come later. Customers in
    the holdout of everybody are left out: nothing is sent to them, whatever their part here. Where a journey
    treated members before, who of them stayed until the day may be its doing: only those count whose first entry is
    not before the eve of the day.
    """
    names = ", ".join(map(quoted, begins))
    stays = context.lake.table(memberships_of(Customer)).where(f"audience in ({names})")
    holdouts = ever_held_out(Customer, stays, context.lake.table(context.catalogue.tables["identities"]))
    first_days = context.lake.spark.createDataFrame(list(begins.items()), "audience string, begins date")
    # The holdout of everybody has the ids of today.
    marked = with_ids_of_today(context, held_out(stays, holdouts)).join(first_days, "audience")
    marked = marked.where(f"entered_on <= date'{context.day}'")
    if treated := _treated_before(context, begins):
        earlier = marked.where(among(treated)).where("entered_on < date_sub(begins, 1)")
        marked = marked.join(
            earlier.select("audience", "customer_id").distinct(), ["audience", "customer_id"], "left_anti"
        )
    marked = marked.where("coalesce(left_on >= begins, true)")
    if context.settings.holdout.share:
        marked = marked.join(global_holdout(context), "customer_id", "left_anti")
    return _counted_after(context, marked, "audience")


def counted_after(context: Context, stays: DataFrame, *by: str) -> DataFrame:
    """One row for each customer by some columns, under the id of today: the day `after` which purchases count, holdout.

    `stays` have customer_id, entered_on, begins and holdout. Who is in is known at the end of the day of entry, so that
    purchases count from the next day on, and from the first day of the treatment at the earliest.
    """
    return _counted_after(context, with_ids_of_today(context, stays), *by)


def _treated_before(context: Context, begins: Mapping[str, date]) -> set[str]:
    """Audiences that a journey entered before the eve of their day."""
    journeys = context.catalogue.journeys.values()
    return {each.enters for each in journeys if each.enters in begins
            and each.starts < begins[each.enters] - timedelta(days=1)}  # fmt: skip


def _counted_after(context: Context, stays: DataFrame, *by: str) -> DataFrame:
    from pyspark.sql import functions as F  # noqa: N812

    # All of these have a value.
    after = F.expr("greatest(min(entered_on), date_sub(min(begins), 1))").alias("after")
    by_customer = stays.groupBy(*by, "customer_id")
    return context.lake.staging.materialize(by_customer.agg(after, F.expr("max(holdout)").alias("holdout")))


def with_ids_of_today(context: Context, stays: DataFrame) -> DataFrame:
    """The rows with the id that a merged customer has today, as orders have."""
    redirects = [*as_of.redirects(context.lake).items()]
    if not redirects:
        return stays
    moved = context.lake.spark.createDataFrame(redirects, "customer_id string, today string")
    others = [name for name in stays.columns if name != "customer_id"]
    return stays.join(moved, "customer_id", "left").selectExpr("coalesce(today, customer_id) as customer_id", *others)
