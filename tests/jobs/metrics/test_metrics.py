"""Metrics of a till: days, windows, distinct customers, dimensions, ratios."""

from __future__ import annotations

import pytest
from metric_shop import compute, retail, sell, values

METRICS = """
  revenue:
    means: Paid amount, net of returns.
    unit: currency
    over: orders
    value: sum(amount)
    where: status = 'paid'
    dimensions: {channel: channel, store: store}
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
    means: Customers who bought within three days.
    unit: customers
    over: orders
    value: count(distinct customer_id)
    within: 3 days
    dimensions: {channel: channel}
  new_customers:
    means: Customers who bought for the first time.
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
    within: 2 days
  average_order:
    means: Mean amount of an order.
    unit: currency
    ratio: [sales.revenue, sales.orders]
"""


@pytest.fixture
def shop(retailer):
    retail(retailer, METRICS)
    sell(
        retailer, "2024-07-01",
        "1 2024-07-01T09:00 10.10 store s1 ann", "2 2024-07-01T10:00 20 store s2 bob",
        "3 2024-07-01T23:59 5 online - ann", "4 2024-07-01T12:00 9 online - cid purchase cancelled",
    )  # fmt: skip
    sell(
        retailer,
        "2024-07-03",
        "5 2024-07-03T09:00 30 online - bob",
        "6 2024-07-03T10:00 -10.10 store s1 ann return paid",
    )
    return retailer


def test_all(shop):
    outcome = compute(shop, "2024-07-03")
    print(outcome)
    for name in ("revenue", "orders", "customers", "customers_3d", "new_customers", "revenue_2d", "average_order"):
        print(name, values(shop, name), values(shop, name, "channel"))
    assert 0
