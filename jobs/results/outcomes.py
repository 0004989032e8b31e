"""What customers bought after they entered an audience or were sent to a platform, added up by arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from jobs.audiences.memberships.intervals import ever_held_out, held_out
from jobs.consent.global_holdout import global_holdout
from jobs.exports import members as export_members
from quanyu.group_differences import Group
from quanyu.literals import quoted
from quanyu.model.entities import Customer
from quanyu.model.outcomes import memberships_of
from quanyu.model.trade import Orders
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Audience, and for what of it outcomes are added up: all its members, or those of some of its exports.
Place = tuple[str, str]
OF_MEMBERS = "members"


@dataclass(frozen=True)
class Outcomes:
    """Customers of an arm, with their purchases and their spending net of returns, each as what a group spends."""

    orders: Group
    revenue: Group
    spent: Decimal

    @property
    def customers(self) -> int:
        """Number of customers."""
        return self.orders.customers


def of_members(context: Context, begins: Mapping[str, date]) -> dict[tuple[Place, bool], Outcomes]:
    """Outcomes of the members of audiences from a day on, by audience and whether they are held out.

    A member counts from the day after the first entry, also after leaving: what a treatment brought may come later.
    Customers in the holdout of everybody are left out: nothing is sent to them, whatever their part here.
    """
    names = ", ".join(map(quoted, begins))
    stays = context.lake.table(memberships_of(Customer)).where(f"audience in ({names})")
    holdouts = ever_held_out(Customer, stays, context.lake.table(context.catalogue.tables["identities"]))
    first_days = context.lake.spark.createDataFrame(list(begins.items()), "audience string, begins date")
    marked = held_out(stays, holdouts).join(first_days, "audience")
    marked = marked.where(f"entered_on <= date'{context.day}' and coalesce(left_on >= begins, true)")
    if context.settings.holdout.share:
        marked = marked.join(global_holdout(context), "customer_id", "left_anti")
    return _added_up(
        context,
        marked.selectExpr("audience", f"'{OF_MEMBERS}' as place", "customer_id", "entered_on", "begins", "holdout"),
    )


def of_exports(context: Context, exports: Sequence[tuple[str, str, str, date]]) -> dict[tuple[Place, bool], Outcomes]:
    """Outcomes of customers who were in the sent sets of exports: (export, audience, place, first day of its ads)."""
    named = context.lake.spark.createDataFrame(
        list(exports), "export string, audience string, place string, begins date"
    )
    sent = context.lake.read(export_members.PLACE) if context.lake.exists(export_members.PLACE) else None
    if sent is None:
        return {}
    rows = sent.where("status = 'sent'").join(named, "export")
    rows = rows.where(f"since <= date'{context.day}' and coalesce(until >= begins, true)")
    return _added_up(
        context,
        rows.selectExpr("audience", "place", "customer_id", "since as entered_on", "begins", "false as holdout"),
    )


def _added_up(context: Context, stays: DataFrame) -> dict[tuple[Place, bool], Outcomes]:
    """Outcomes of stays: audience, place, customer_id, entered_on, begins, holdout."""
    from pyspark.sql import functions as F  # noqa: N812

    by_customer = _with_ids_of_today(context, stays).groupBy("audience", "place", "customer_id")
    # All of these have a value: the day itself no longer counts, since who is in is known at its end.
    after = F.expr("greatest(min(entered_on), date_sub(min(begins), 1))").alias("after")
    customers = context.lake.staging.materialize(by_customer.agg(after, F.expr("max(holdout)").alias("holdout")))
    bought = _orders(context).join(customers, "customer_id").where("ordered_on > after")
    bought = bought.groupBy("audience", "place", "customer_id").agg(
        F.expr("cast(sum(purchases) as bigint)").alias("orders"),
        F.expr("cast(sum(amount) as decimal(18,2))").alias("revenue"),
    )
    bought = context.lake.staging.materialize(bought)
    each = customers.join(bought, ["audience", "place", "customer_id"], "left")
    sums = each.groupBy("audience", "place", "holdout").agg(
        F.expr("count(*)").alias("customers"),
        F.expr("count_if(coalesce(orders, 0) > 0)").alias("buyers"),
        F.expr("coalesce(sum(orders), 0)").alias("orders"),
        F.expr("coalesce(sum(orders * orders), 0)").alias("orders2"),
        F.expr("coalesce(sum(revenue), 0)").alias("revenue"),
        F.expr("coalesce(sum(revenue * revenue), 0)").alias("revenue2"),
    )
    return {
        ((row["audience"], row["place"]), row["holdout"]): Outcomes(
            Group(row["customers"], row["buyers"], float(row["orders"]), float(row["orders2"])),
            Group(row["customers"], row["buyers"], float(row["revenue"]), float(row["revenue2"])),
            Decimal(row["revenue"]),
        )
        for row in sums.collect()
    }


def _with_ids_of_today(context: Context, stays: DataFrame) -> DataFrame:
    """The rows with the id that a merged customer has today, as orders have."""
    redirects = [*as_of.redirects(context.lake).items()]
    if not redirects:
        return stays
    moved = context.lake.spark.createDataFrame(redirects, "customer_id string, today string")
    others = [name for name in stays.columns if name != "customer_id"]
    return stays.join(moved, "customer_id", "left").selectExpr("coalesce(today, customer_id) as customer_id", *others)


def _orders(context: Context) -> DataFrame:
    """Paid purchases and returns up to the day: customer_id, ordered_on, purchases (1 or 0), amount."""
    orders = as_of.facts(context, context.catalogue.tables[Orders.name], context.day)
    paid = orders.where("status = 'paid' and customer_id is not null")
    purchases = f"if({Orders.conditions['purchase'].sql}, 1, 0) as purchases"
    amount = "coalesce(amount, cast(0 as decimal(18,2))) as amount"
    return paid.selectExpr("customer_id", "to_date(ordered_at) as ordered_on", purchases, amount)
