"""The holdout of everybody: customers who get no message and go to no platform, so that all of it can be measured.

The draw hashes a customer id with a salt, so that it never changes, and a larger share holds all of a smaller one.
A customer stays in it through merges and splits: an id that any of the records ever had counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quanyu.config.sections import HoldoutSettings
from quanyu.literals import quoted
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def drawn(holdout: HoldoutSettings, key: str = "customer_id") -> str:
    """SQL of whether an id is drawn, in whole numbers of 32 bits on which engines agree."""
    lot = f"substring(sha2(concat({quoted(f'{holdout.salt}:')}, `{key}`), 256), 1, 8)"
    return f"{lot} < {quoted(f'{int(holdout.share * 2**32):08x}')}"


def global_holdout(context: Context) -> DataFrame:
    """Today's customers who are in the holdout of everybody: customer_id. Nobody while its share is 0."""
    if not context.settings.holdout.share:
        return context.lake.spark.createDataFrame([], "customer_id string")
    identities = context.lake.table(context.catalogue.tables["identities"])
    records = identities.where(drawn(context.settings.holdout)).select("source", "person_key").distinct()
    today = identities.where("valid_to is null").select("source", "person_key", "customer_id")
    return records.join(today, ["source", "person_key"]).select("customer_id").distinct()
