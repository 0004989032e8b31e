"""From which day on metrics are computed again: changed facts, and changed rows that facts refer to."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from metric_shop import write

from jobs.metrics.changes import _changed_days
from jobs.metrics.plans import plans_of

METRICS = """
describes: Trial.
owner: finance
group: value
metrics:
  by_city: {means: m, unit: x, over: sell_in, value: sum(amount), dimensions: {city: outlets.city}}
  of_batches: {means: m, unit: x, over: sell_in, value: count(distinct order_id), where: outlets.kind = 'specialty'}
"""
SELL_IN = "sell_in: {order_id: a, line: '1', outlet: b, sku: c, quantity: d, amount: d, ordered_on: e}"
SOURCE = "describes: T.\nowner: data\nreads: {{path: '{0}/{{day}}.csv', format: csv}}\ndelivers: {1}\nfreshness: none\n"


def outlet(number: str, city: str, name: str, recorded_on: date, replaced_on: date | None = None) -> pd.DataFrame:
    return pd.DataFrame([{
        "source": "outlets", "outlet": number, "city": city, "outlet_name": name, "kind": "specialty",
        "recorded_on": recorded_on, "replaced_on": replaced_on,
    }])  # fmt: skip


def delivery(order_id: str, outlet: str, day: date, recorded_on: date) -> pd.DataFrame:
    return pd.DataFrame([{
        "source": "sell_in", "order_id": order_id, "line": 1, "outlet": outlet, "sku": "a", "quantity": 1,
        "amount": 1, "ordered_on": day, "recorded_on": recorded_on,
    }])  # fmt: skip


MAY, JUNE, JULY = date(2024, 5, 1), date(2024, 6, 1), date(2024, 7, 1)


@pytest.fixture
def cut(retailer):
    """Deliveries to t1 in May and June, to t2 in June, as their cut and context; and the versions of their tables."""
    retailer.declare("sources/sell_in.yml", SOURCE.format("sell_in", "events") + f"fills:\n  {SELL_IN}\n")
    fills = "fills:\n  outlets: {outlet: a, city: b, outlet_name: c, kind: d}\n"
    retailer.declare("sources/outlets.yml", SOURCE.format("outlets", "changes") + fills)
    retailer.declare("metrics/trial.yml", METRICS)
    context = retailer.context("2024-07-02")
    for number, city in (("t1", "Ulm"), ("t2", "Bonn")):
        write(context, "outlets", outlet(number, city, "old", MAY))
    for order, to, day in (("o1", "t1", MAY), ("o2", "t1", JUNE), ("o3", "t2", JUNE)):
        write(context, "sell_in", delivery(order, to, day, day))
    [cut] = [c for c in plans_of(context.catalogue).cuts if any(p.name == "trial.by_city" for p in c.plans)]
    versions = {place: context.lake.version(place) for place in ("silver/sell_in", "silver/outlets")}
    return context, cut, versions


def changed(cut):
    context, one, versions = cut
    return list(_changed_days(context, one, versions))


def test_nothing_has_changed_without_a_commit(cut):
    assert changed(cut) == []


def test_a_new_fact_changes_its_day(cut):
    write(cut[0], "sell_in", delivery("o4", "t2", JUNE, JULY))
    assert changed(cut) == [JUNE]


def test_another_city_of_an_outlet_changes_the_days_from_its_first_delivery_on(cut):
    write(cut[0], "outlets", outlet("t2", "Ulm", "old", JULY))
    assert changed(cut) == [JUNE]
    write(cut[0], "outlets", outlet("t1", "Bonn", "old", JULY))
    assert changed(cut) == [MAY]


def test_a_column_that_no_metric_names_changes_no_day(cut):
    write(cut[0], "outlets", outlet("t1", "Ulm", "new", JULY))
    assert changed(cut) == []
