"""A retailer with one till: orders with a customer, an amount, a channel and a store."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from shop import Retailer, template
from tills import till

from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.run.runner import Context, Outcome

COLUMNS = {
    "order_id": "slip", "ordered_at": "at", "kind": "kind", "status": "status", "amount": "paid", "channel": "channel",
    "store": "store",
}  # fmt: skip
HEADER = "slip,at,kind,status,paid,channel,store,card\n"


def retail(shop: Retailer, metrics: str) -> Retailer:
    """Declare the till and these metrics, as `till`."""
    shop.declare("sources/till.yml", till(COLUMNS, freshness="{hours: 48}"))
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


def write(context: Context, name: str, frame: pd.DataFrame) -> None:
    """Append rows to a table; columns that the frame lacks are null. Times are in the retailer's zone."""
    table = context.catalogue.tables[name]
    frame = frame.assign(feed_day=date(2024, 3, 1))
    zone = context.settings.zone
    context.lake.prepare(table)
    schema = context.lake.arrow(place_of(table)).schema
    columns = {field.name: frame.get(field.name, pd.Series([None] * len(frame))) for field in schema}
    for field in schema:
        if str(field.type).startswith("decimal"):
            columns[field.name] = [
                None if pd.isna(value) else Decimal(f"{float(value):.{field.type.scale}f}")
                for value in columns[field.name]
            ]
        elif pa.types.is_timestamp(field.type):
            columns[field.name] = pd.to_datetime(columns[field.name]).dt.tz_localize(zone)
    rows = pa.table({field.name: pa.array(columns[field.name], field.type, from_pandas=True) for field in schema})
    context.lake.append_rows(
        place_of(table), rows, Receipt("trial", str(context.day), "r", "d"), {"out": rows.num_rows}
    )


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


METRICS = """
  revenue:
    means: Paid amount, net of returns.
    unit: currency
    over: orders
    value: sum(amount)
    where: status = 'paid'
    dimensions: {channel: channel, store: store}
    parent: value
  orders:
    means: Paid purchases.
    unit: orders
    over: orders
    value: count(*)
    where: kind = 'purchase' and status = 'paid'
    dimensions: {channel: channel}
  customers:
    means: Customers who bought.
    unit: customers
    over: orders
    value: count(distinct customer_id)
    where: kind = 'purchase' and status = 'paid'
    dimensions: {channel: channel}
  customers_3d:
    means: Customers with any order within three days.
    unit: customers
    over: orders
    value: count(distinct customer_id)
    within: 3 days
    dimensions: {channel: channel}
  new_customers:
    means: Customers with their first order.
    unit: customers
    over: orders
    value: count(distinct customer_id)
    first: true
    dimensions: {channel: channel}
  revenue_2d:
    means: Paid within two days.
    unit: currency
    over: orders
    value: sum(amount)
    where: status = 'paid'
    within: 2 days
  average_order:
    means: Mean amount of an order, returns taken off.
    unit: currency
    ratio: [till.revenue, till.orders]
  returns:
    means: Paid returns.
    unit: orders
    over: orders
    value: count(*)
    where: kind = 'return' and status = 'paid'
    dimensions: {channel: channel}
  orders_beside_returns:
    means: Paid purchases on channels with a return on the day.
    unit: orders
    over: orders
    value: count(*)
    where: kind = 'purchase' and status = 'paid'
    only_with: {channel: till.returns}
    dimensions: {channel: channel, store: store}
  order_share:
    means: What is no share, since a customer may have several orders.
    unit: share
    ratio: [till.orders, till.customers]
  per_ten:
    means: What cannot be computed of an order of ten.
    unit: share
    over: orders
    value: sum(amount / (amount - 10))
  profiles:
    means: Customers of the day.
    unit: customers
    over: profile_customer
    value: count(*)
"""
DAYS = {
    "2024-07-01": (
        "1 2024-07-01T09:00 10.10 store s1 ann", "2 2024-07-01T10:00 20 store s2 bob",
        "3 2024-07-01T23:59 5 online - ann", "4 2024-07-01T12:00 9 online - cid purchase cancelled",
    ),
    "2024-07-03": ("5 2024-07-03T09:00 30 online - bob", "6 2024-07-03T10:00 -10.10 store s1 ann return paid"),
}  # fmt: skip


def _lived(folder: Path) -> None:
    shop = retail(Retailer(folder), METRICS)
    for day, lines in DAYS.items():
        sell(shop, day, *lines)
    compute(shop, "2024-07-03")
    shop.close()


@pytest.fixture(scope="module")
def third_of_july() -> Path:
    """Folder of the till's retailer after the run of 3 July."""
    return template("metrics", _lived)
