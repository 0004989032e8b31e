"""A retailer with one till: orders with a customer, an amount, a channel and a store."""

from __future__ import annotations

from datetime import date

from shop import Retailer

from quanyu.run.runner import Outcome

ORDERS = """
describes: Receipts.
owner: retail
reads: {path: "till/{day}.csv", format: csv}
delivers: events
freshness: {hours: 48}
person: [{kind: member, scope: brand, value: card}]
fills:
  orders:
    {order_id: slip, ordered_at: at, kind: kind, status: status, amount: paid, channel: channel, store: store}
"""
HEADER = "slip,at,kind,status,paid,channel,store,card\n"


def retail(shop: Retailer, metrics: str) -> Retailer:
    """Declare the till and these metrics, as `till`."""
    shop.declare("sources/till.yml", ORDERS)
    shop.declare("metrics/till.yml", f"describes: Sales.\nowner: finance\ngroup: value\nmetrics:\n{metrics}")
    return shop


def sell(shop: Retailer, day: str, *lines: str) -> None:
    """Land the receipts of a day. A line is `slip time amount channel store card`, and may end in kind and status."""
    rows = []
    for line in lines:
        slip, at, paid, channel, store, card, *state = line.split()
        kind, status = state or ("purchase", "paid")
        rows.append(f"{slip},{at.replace('T', ' ')},{kind},{status},{paid},{channel},{store},{card}\n")
    shop.land(f"till/{day}.csv", HEADER + "".join(rows).replace(",-,", ",,"))


def compute(shop: Retailer, day: str) -> Outcome:
    """Run all that the metrics of the till need."""
    return shop.run(day, "ingest.till", "identities", "metrics")["metrics"]


def values(shop: Retailer, metric: str, dimension: str = "total") -> dict[str, dict[str, float | str]]:
    """Values by day and member of a metric by a dimension; in place of a value that lacks, the reason."""
    rows: dict[str, dict[str, float | str]] = {}
    columns = ("metric", "day", "dimension", "member", "value", "reason")
    for name, day, by, member, value, reason in shop.rows("gold/metrics", *columns):
        if (name, by) == (f"till.{metric}", dimension):
            assert (value is None) == (reason is not None)
            rows.setdefault(_text(day), {})[member] = reason if value is None else value
    return rows


def _text(day: date) -> str:
    return day.isoformat()
