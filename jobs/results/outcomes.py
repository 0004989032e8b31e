"""What customers bought after they entered an audience or were sent to a platform, added up by arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from jobs.exports import members as export_members
from jobs.insight.lift.arms import arms, counted_after
from quanyu.group_differences import Group
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
    """Outcomes of both arms of audiences from a day on, by audience and whether they are held out."""
    members = arms(context, begins)
    return _added_up(context, members.selectExpr("*", f"'{OF_MEMBERS}' as place"))


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
    stays = rows.selectExpr("audience", "place", "customer_id", "since as entered_on", "begins", "false as holdout")
    return _added_up(context, counted_after(context, stays, "audience", "place"))


def _added_up(context: Context, customers: DataFrame) -> dict[tuple[Place, bool], Outcomes]:
    """Outcomes of customers: audience, place, customer_id, after, holdout."""
    from pyspark.sql import functions as F  # noqa: N812

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


def _orders(context: Context) -> DataFrame:
    """Paid purchases and returns up to the day: customer_id, ordered_on, purchases (1 or 0), amount."""
    orders = as_of.facts(context, context.catalogue.tables[Orders.name], context.day)
    paid = orders.where("status = 'paid' and customer_id is not null")
    purchases = f"if({Orders.conditions['purchase'].sql}, 1, 0) as purchases"
    amount = "coalesce(amount, cast(0 as decimal(18,2))) as amount"
    return paid.selectExpr("customer_id", "to_date(ordered_at) as ordered_on", purchases, amount)
