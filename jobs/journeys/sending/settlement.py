"""Settles messages with an unknown outcome by events that the message system reports."""

from __future__ import annotations

from jobs.journeys.sending.mail import fingerprint, named_sql
from quanyu.run.runner import Context

# Status of our message, by the status that the message system reports.
SETTLES = {"delivered": "sent", "opened": "sent", "clicked": "sent", "replied": "sent", "unsubscribed": "sent",
           "complained": "sent", "bounced": "rejected"}  # fmt: skip


def settle(context: Context) -> int:
    """Update unknown messages from `silver/messages`. Returns their number.

    A row refers to a message by its key or its Message-ID, with or without brackets and domain. If it was both
    delivered and bounced, the last event counts.
    """
    outbox = context.store.outbox
    unknown = outbox.all("unknown")
    if not unknown or not context.lake.exists("silver/messages"):
        return 0
    keys = {name: message.key for message in unknown for name in (message.key, fingerprint(message.key))}
    statuses = _statuses(context, keys)
    for key, status in statuses.items():
        outbox.set_status(key, SETTLES[status], f"settled by the message system: {status}")
    return len(statuses)


def _statuses(context: Context, keys: dict[str, str]) -> dict[str, str]:
    """Last status of each key, by the names that events may use for it."""
    from pyspark.sql import functions as F  # noqa: N812

    # First, because expressions need a session.
    rows = context.lake.table(context.catalogue.tables["messages"]).where("replaced_on is null")
    named = F.expr(named_sql("message_id"))
    rows = rows.where(F.col("recorded_on") <= F.lit(context.day)).withColumn("named", named)
    rows = rows.where(named.isin(*keys) & F.col("status").isin(*SETTLES))
    events = sorted(rows.select("named", "at", "status").collect(), key=lambda row: row["at"])
    return {keys[row["named"]]: row["status"] for row in events}
