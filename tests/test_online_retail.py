"""The Online Retail example compared with its file, counted independently by DuckDB."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.compute as pc
import pytest
from shop import ROOT, Retailer, template

from ml.lifecycle.frames.dataset import labelled

DATA = Path(os.environ.get("QUANYU_DATA", ROOT.parent / "shared" / "data"))
FILE = DATA / "online_retail" / "online_retail.parquet"
DAY = "2011-09-10"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"the Online Retail file is not at {FILE}")


def _ingest(folder: Path) -> None:
    """Ingest all lines in two runs, and store the counts of each beside the home."""
    shop = Retailer(folder)
    shutil.rmtree(shop.conf)
    shutil.copytree(ROOT / "examples" / "online_retail", shop.conf)
    base = shop.conf / "base.yml"
    base.write_text(base.read_text() + f"data: {DATA.resolve()}\n")
    runs = [shop.run(day, "ingest.invoices", "identities")["ingest.invoices"] for day in (DAY, "2011-12-09")]
    counts = [{"quarantined": run.quarantined, "dropped": run.facts.dropped} for run in runs]
    (folder / "counts.json").write_text(json.dumps(counts))
    shop.close()


@pytest.fixture(scope="module")
def shop() -> Iterator[Retailer]:
    retailer = Retailer.at(template("online_retail", _ingest))
    yield retailer
    retailer.close()


def count(condition: str = "true", what: str = "count(*)") -> int:
    """Count in the file itself."""
    return duckdb.connect().execute(f"select {what} from '{FILE}' where {condition}").fetchone()[0]


def test_every_line_is_in_silver_quarantined_or_left_out_for_a_stated_reason(shop):
    runs = json.loads((shop.home.parent / "counts.json").read_text())
    dropped = Counter()
    for run in runs:
        dropped.update(run["dropped"])
    lines = shop.table("silver/order_lines", "line").num_rows
    assert lines + sum(run["quarantined"] for run in runs) + dropped.total() == count() == 541_909
    assert dropped == {
        "bookkeeping adjustment": count("InvoiceNo like 'A%'"),
        "stock correction": count("CustomerID is null and UnitPrice = 0"),
    }


def test_customers_are_known_by_number_without_a_decimal_point(shop):
    numbers = {value for (value,) in shop.rows("silver/identifiers", "value")}
    assert "17850" in numbers
    assert len(numbers) == count(what="count(distinct CustomerID)") == 4_372
    assert not any("." in number for number in numbers)


def test_amounts_and_orders_equal_those_of_the_file(shop):
    silver = pc.sum(shop.table("silver/order_lines", "amount")["amount"]).as_py()
    file = count("InvoiceNo not like 'A%' and not (CustomerID is null and UnitPrice = 0)",
                 "sum(round(Quantity * UnitPrice::decimal(18, 4), 2))")  # fmt: skip
    assert abs(float(silver) - float(file)) < 0.01
    condition = "InvoiceNo not like 'A%' and not (CustomerID is null and UnitPrice = 0)"
    assert shop.table("silver/orders", "order_id").num_rows == count(condition, "count(distinct InvoiceNo)")


def test_a_past_day_contains_nothing_from_after_it(shop):
    recorded = pc.field("recorded_on") <= pc.scalar(DAY).cast("date32")
    lines = shop.table("silver/order_lines", "ordered_at", where=recorded)
    assert pc.max(lines["ordered_at"]).as_py().date().isoformat() <= DAY
    assert lines.num_rows == count(
        f"InvoiceDate < date '{DAY}' + 1 and InvoiceNo not like 'A%' and not (CustomerID is null and UnitPrice = 0)"
    )


# Purchases by customer number and day: an invoice that is no cancellation, with a line that was paid for.
PURCHASES = f"""
with purchases as (
    select cast(CustomerID as bigint) as customer, InvoiceNo as invoice, min(InvoiceDate)::date as day,
        sum(round(Quantity * UnitPrice::decimal(18, 4), 2)) as amount
    from '{FILE}'
    where CustomerID is not null and InvoiceNo not like 'C%' and InvoiceNo not like 'A%'
    group by all having max(abs(round(Quantity * UnitPrice::decimal(18, 4), 2))) > 0.01
), known as (
    select distinct cast(CustomerID as bigint) as customer from '{FILE}'
    where CustomerID is not null and InvoiceDate::date <= date '{{cutoff}}'
)
"""
# Of each shipped model: rows of the population at a cutoff, and the sum of their labels.
LABELS = {
    # Nobody was drawn into a campaign there: of everybody, and the day and the 14 days after any other day.
    **dict.fromkeys(
        ["campaign_response", "campaign_uplift"],
        """
        select (select count(*) from known), (
            select count(distinct customer) from purchases join known using (customer)
            where day > date '{cutoff}' and day <= date '{cutoff}' + 15
        )
    """,
    ),
    "churn": """
        select count(distinct customer), count(distinct customer) filter (not exists (
            select 1 from purchases later
            where later.customer = purchases.customer
              and later.day > date '{cutoff}' and later.day <= date '{cutoff}' + 90
        ))
        from purchases where day <= date '{cutoff}' and day > date '{cutoff}' - 365
    """,
    # Who is known by an invoice that is no purchase, such as one that takes goods back.
    "first_order": """
        , potential as (select customer from known except select customer from purchases where day <= date '{cutoff}')
        select (select count(*) from potential), (
            select count(distinct customer) from purchases join potential using (customer)
            where day > date '{cutoff}' and day <= date '{cutoff}' + 90
        )
    """,
    "lifetime": """
        , spenders as (select customer from purchases where day <= date '{cutoff}' group by all having sum(amount) > 0)
        select (select count(*) from spenders), (
            select round(sum(amount))::bigint from purchases join spenders using (customer)
            where day > date '{cutoff}' and day <= date '{cutoff}' + 90
        )
    """,
    "next_purchase": """
        , again as (
            select customer from purchases where day <= date '{cutoff}' group by all having count(distinct day) > 1
        ), coming as (
            select customer, min(day) - date '{cutoff}' as days from purchases join again using (customer)
            where day > date '{cutoff}' and day <= date '{cutoff}' + 90 group by all
        )
        select (select count(*) from again), (select sum(days) from coming)
    """,
}


def test_labels_of_every_shipped_model_add_up_to_what_an_independent_query_says(shop):
    context = shop.context("2011-12-09")
    assert set(context.catalogue.models) == set(LABELS), "write the query of a new model"
    cutoffs = [date(2011, 3, 14), date.fromisoformat(DAY)]
    for name, query in LABELS.items():
        rows = labelled(context, context.catalogue.models[name], *cutoffs).rows
        for cutoff in cutoffs:
            labels = rows.loc[rows["cutoff"] == cutoff, "label"]
            expected = duckdb.connect().execute((PURCHASES + query).format(cutoff=cutoff)).fetchone()
            assert (len(labels), round(labels.sum())) == expected, name
