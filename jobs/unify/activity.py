"""Everything a customer did, on any channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quanyu.expressions.datatypes import midnight
from quanyu.grammar.job import job
from quanyu.model.people import Activity, People
from quanyu.model.trade import OrderLines, Orders

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@job(reads=[Orders, OrderLines, People], writes=Activity)
def activity(orders: DataFrame, order_lines: DataFrame, people: DataFrame) -> DataFrame:
    """Everything a customer did, on any channel, in order."""
    from pyspark.sql import functions as F  # noqa: N812

    kind = "case when status = 'cancelled' then 'cancel' when kind = 'return' then 'return' else 'order' end as kind"
    ordered = orders.selectExpr(
        "source",
        "concat('order/', order_id) as activity_id",
        "customer_id",
        kind,
        "ordered_at as at",
        "channel",
        "amount",
    )
    return_orders = orders.where("kind = 'return'").select("source", "order_id")
    return_lines = order_lines.where("kind = 'return' and status <> 'cancelled'").join(
        return_orders, ["source", "order_id"], "left_anti"
    )
    totals = return_lines.groupBy("source", "order_id", "customer_id").agg(
        F.expr("min(ordered_at)").alias("at"), F.expr("sum(amount)").alias("amount")
    )
    channels = orders.select("source", "order_id", "channel")
    returns = totals.join(channels, ["source", "order_id"], "left").selectExpr(
        "source",
        "concat('return/', order_id) as activity_id",
        "customer_id",
        "'return' as kind",
        "at",
        "channel",
        "amount",
    )
    joined = people.where("joined_on is not null").selectExpr(
        "source", "concat('join/', person_key) as activity_id", "customer_id", "'join' as kind",
        f"{midnight('joined_on')} as at", "cast(null as string) as channel",
        "cast(null as decimal(18,2)) as amount",
    )  # fmt: skip
    return ordered.unionByName(returns).unionByName(joined).selectExpr(*Activity.columns)
