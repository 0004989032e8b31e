"""The same metrics computed a second time by DuckDB over random facts: any window, distinct values, valid times."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest
from metric_shop import write

from jobs.metrics.computation import series_of
from jobs.metrics.plans import plans_of
from jobs.metrics.series import DayRange, daily, table_rows

FIRST, DAYS = date(2024, 3, 1), 60
METRICS = """
describes: Trial.
owner: finance
group: value
metrics:
  amount: {means: m, unit: x, over: sell_in, value: sum(amount), dimensions: {sku: sku, outlet: outlet}}
  amount_9d: {means: m, unit: x, over: sell_in, value: sum(amount), within: 9 days, dimensions: {sku: sku}}
  buyers: {means: m, unit: x, over: sell_in, value: count(distinct outlet), dimensions: {sku: sku}}
  buyers_9d: {means: m, unit: x, over: sell_in, value: count(distinct outlet), within: 9 days, dimensions: {sku: sku}}
  first_orders: {means: m, unit: x, over: sell_in, value: count(distinct outlet), first: true, dimensions: {sku: sku}}
  large: {means: m, unit: x, over: sell_in, value: count_if(quantity > 5), where: sku <> 'a', dimensions: {sku: sku}}
  share: {means: m, unit: currency per outlet, ratio: [trial.amount_9d, trial.buyers_9d]}
  in_stock: {means: m, unit: x, over: stock, value: sum(on_hand), valid: recorded, dimensions: {sku: sku}}
  places: {means: m, unit: x, over: stock, value: count(distinct place), valid: recorded, dimensions: {sku: sku}}
"""
# Each metric by DuckDB: a value per day from `days` joined with the facts, of all SKUs or of one.
SOLD = "sell_in f on f.ordered_on"
RECORDED = "stock f on f.recorded_on <= day and (f.replaced_on is null or f.replaced_on > day)"
SECOND = {
    "amount": ("coalesce(sum(amount), 0)", f"{SOLD} = day"),
    "amount_9d": ("coalesce(sum(amount), 0)", f"{SOLD} between day - 8 and day"),
    "buyers": ("count(distinct outlet)", f"{SOLD} = day"),
    "buyers_9d": ("count(distinct outlet)", f"{SOLD} between day - 8 and day"),
    "first_orders": ("count(outlet)", "(select outlet, arg_min(sku, (ordered_on, order_id)) as sku, "
                     "min(ordered_on) as first from sell_in group by outlet) f on f.first = day"),
    "large": ("count(*) filter (where quantity > 5 and sku <> 'a')", f"{SOLD} = day"),
    "share": ("sum(amount) / nullif(count(distinct outlet), 0)", f"{SOLD} between day - 8 and day"),
    "in_stock": ("coalesce(sum(on_hand), 0)", RECORDED),
    "places": ("count(distinct place)", RECORDED),
}  # fmt: skip
SOURCE = """
describes: Trial.
owner: data
reads: {{path: "{name}/{{day}}.csv", format: csv}}
delivers: events
freshness: none
fills:
  {fills}
"""


def _facts(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Random deliveries to outlets and versions of stock."""
    chance, rows = np.random.default_rng(seed), 400
    # Nothing is ordered in the third week.
    days = chance.choice([day for day in range(DAYS) if not 14 <= day < 21], rows)
    sell_in = pd.DataFrame({
        "source": "sell_in", "order_id": [f"o{n:03}" for n in range(rows)], "line": 1,
        "outlet": chance.choice([f"t{n}" for n in range(30)], rows), "sku": chance.choice(["a", "b", "c"], rows),
        "quantity": chance.integers(-2, 12, rows), "ordered_on": [FIRST + timedelta(days=int(day)) for day in days],
        "amount": chance.integers(-500, 90_000, rows) / 100, "recorded_on": FIRST, "replaced_on": None,
    })  # fmt: skip
    # Of an amount that is not known nothing is added; some outlets have no other on a day.
    sell_in["amount"] = sell_in["amount"].astype("Float64").mask(chance.random(rows) < 0.2)
    begin = chance.integers(0, DAYS, 120)
    length = chance.integers(1, 30, 120)
    stock = pd.DataFrame({
        "source": "stock", "place": [f"p{n % 20}" for n in range(120)], "sku": [f"{'abc'[n % 3]}" for n in range(120)],
        "on_hand": chance.integers(0, 50, 120), "recorded_on": [FIRST + timedelta(days=int(day)) for day in begin],
        "replaced_on": [None if end >= DAYS else FIRST + timedelta(days=int(end)) for end in begin + length],
    })  # fmt: skip
    return sell_in, stock


@pytest.fixture(params=[1, 2])
def computed(request, retailer):
    """Facts in the lake, and the values that the product computes of them."""
    sell_in, stock = _facts(request.param)
    fills = {
        "sell_in": "sell_in: {order_id: a, line: '1', outlet: b, sku: c, quantity: d, ordered_on: e, amount: f}",
        "stock": "stock: {place: a, sku: b, on_hand: c}",
    }
    for name, text in fills.items():
        retailer.declare(f"sources/{name}.yml", SOURCE.format(name=name, fills=text))
    retailer.declare("metrics/trial.yml", METRICS)
    context = retailer.context(str(FIRST + timedelta(days=DAYS - 1)))
    for name, frame in {"sell_in": sell_in, "stock": stock}.items():
        write(context, name, frame)
    span = DayRange(FIRST, context.day)
    series = series_of(context, plans_of(context.catalogue), span)
    rows = [row for name, one in series.items() if name.startswith("trial.") for row in table_rows(one, span)]
    return sell_in, stock, {row[:4]: row[4] for row in rows if row[1] < context.day and row[4] is not None}


def test_duckdb_computes_the_same_values(computed):
    sell_in, stock, values = computed
    duckdb_facts = duckdb.connect()
    duckdb_facts.register("sell_in", sell_in)
    duckdb_facts.register("stock", stock)
    days = [FIRST + timedelta(days=n) for n in range(DAYS - 1)]
    duckdb_facts.register("days", pd.DataFrame({"day": days}))
    expected = {}
    for name, (value, facts) in SECOND.items():
        first = FIRST + timedelta(days=8 if "between" in facts else 0)
        for sku in ("", "a", "b", "c"):
            where = f"and f.sku = '{sku}'" if sku else ""
            joined = f"from days left join {facts} {where} where day >= '{first}' group by day"
            rows = duckdb_facts.sql(f"select day, {value}, count(f.sku) {joined}").fetchall()
            key = ("sku", sku) if sku else ("total", "all")
            counts = {"large": "sku <> 'a'"}.get(name)
            for day, number, count in rows:
                if number is not None and (not sku or count) and not (counts and sku == "a"):
                    expected[(f"trial.{name}", day.date() if hasattr(day, "date") else day, *key)] = float(number)
    of_outlets = {key: value for key, value in values.items() if key[2] != "outlet"}
    assert of_outlets.keys() == expected.keys()
    assert of_outlets == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert sum(value for key, value in values.items() if key[2] == "outlet") == pytest.approx(
        sum(value for key, value in expected.items() if key[0] == "trial.amount" and key[2] == "total")
    )


def test_sums_over_days_are_exact_even_if_they_wrap_around():
    big = 2**62
    amounts = np.array([big, big, big, -big, 5], np.int64)
    begin, end = np.array([0, 1, 2, 1, -3]), np.array([0, 1, 2, 1, 9])
    sums = daily(begin, end, np.zeros(5, np.int64), amounts, (1, 4))
    assert sums.tolist() == [[big + 5, 5, big + 5, 5]]
