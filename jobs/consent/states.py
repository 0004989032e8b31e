"""The state of consent by purpose and channel: the newest answer of a record, the strictest of a customer's records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quanyu.model.people import ANY, CHANNELS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

EVERYWHERE = (ANY, *CHANNELS)


def by_record(consents: DataFrame) -> DataFrame:
    """The newest answer of each record per purpose and channel; of two with the same time, `withdrawn`.

    An answer for channel `any` counts for each channel. Columns as in `consents`.
    """
    channels = ", ".join(f"'{channel}'" for channel in EVERYWHERE)
    others = [f"`{name}`" for name in consents.columns if name != "channel"]
    spread = consents.selectExpr(
        *others, f"explode(if(channel = '{ANY}', array({channels}), array(channel))) as channel"
    )
    record = "source, person_key, purpose, channel"
    newest = f"row_number() over (partition by {record} order by changed_at desc, state desc) as _nth"
    return spread.selectExpr("*", newest).where("_nth = 1").drop("_nth")


def by_customer(consents: DataFrame) -> DataFrame:
    """Whether each customer grants a purpose on a channel: customer_id, purpose, channel, granted.

    Granted means that at least one record grants it and none withdraws it. Without any answer there is no row.
    """
    answers = by_record(consents).selectExpr("customer_id", "purpose", "channel", "state = 'granted' as yes")
    return (
        answers.groupBy("customer_id", "purpose", "channel")
        .agg({"yes": "bool_and"})
        .withColumnRenamed("bool_and(yes)", "granted")
    )


def granted(consents: DataFrame) -> DataFrame:
    """Consents of each customer: customer_id, consents as a sorted list of `purpose:channel`."""
    rows = by_customer(consents).where("granted").selectExpr("customer_id", "concat(purpose, ':', channel) as consent")
    listed = rows.groupBy("customer_id").agg({"consent": "collect_list"})
    return listed.selectExpr("customer_id", "sort_array(`collect_list(consent)`) as consents")
