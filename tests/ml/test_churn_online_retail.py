import os
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from ml.churn import Churn
from ml.lifecycle.evaluate import evaluate
from ml.lifecycle.train import train

FILE = Path(os.environ.get("QUANYU_DATA", "../shared/data")) / "online_retail" / "online_retail.parquet"
DAY, OPENING = date(2011, 12, 9), date(2010, 12, 1)

# An independent definition of the features, written without the feature engine.
FEATURES = """
with
  lines as (
    select cast(CustomerID as bigint) as customer, InvoiceNo as invoice, StockCode as sku, Quantity as quantity,
           Quantity * UnitPrice as amount, cast(InvoiceDate as date) as day
    from read_parquet('{file}')
    where CustomerID is not null and InvoiceNo not like 'C%' and Quantity > 0 and UnitPrice > 0
  ),
  seen as (select * from lines where day <= date '{cutoff}' and day > date '{cutoff}' - 365),
  orders as (select customer, invoice, min(day) as day, sum(amount) as amount from seen group by all),
  of_orders as (
    select customer, count(*) as orders, sum(amount) as spend, avg(amount) as average_order,
           coalesce(sum(amount) filter (day > date '{cutoff}' - 90), 0) as spend_90d,
           coalesce(sum(amount) filter (day > date '{cutoff}' - 180), 0) as spend_180d,
           count(*) filter (day > date '{cutoff}' - 90) as orders_90d,
           count(*) filter (day > date '{cutoff}' - 180) as orders_180d,
           count(distinct day) as active_days,
           count(distinct day) filter (day > date '{cutoff}' - 90) as active_days_90d,
           count(distinct day) filter (day > date '{cutoff}' - 180) as active_days_180d,
           date '{cutoff}' - max(day) as days_since_order, date '{cutoff}' - min(day) as days_since_first,
           count(distinct day) as purchase_days,
           (max(day) - min(day)) / nullif(count(distinct day) - 1, 0) as days_between_orders
    from orders group by customer
  ),
  of_lines as (
    select customer, sum(quantity) as pieces, count(distinct sku) as products,
           count(distinct sku) filter (day > date '{cutoff}' - 90) as products_90d
    from seen group by customer
  ),
  buyers as (
    select distinct customer from lines where day between date '{label_from}' and date '{label_to}'
  )
select * exclude (customer), cast(customer as varchar) as customer_id, date '{cutoff}' as cutoff,
       customer not in (select customer from buyers) as label
from of_orders join of_lines using (customer)
"""


def known_on(cutoff):
    import duckdb

    label_from, label_to = Churn.label.window(cutoff)
    query = FEATURES.format(file=FILE, cutoff=cutoff, label_from=label_from, label_to=label_to)
    frame = duckdb.connect().sql(query).df()
    # Its fifths of spending, as the tag has them.
    frame["rfm.monetary"] = pd.qcut(frame["spend"], 5, labels=list("12345")).astype(str)
    return frame.rename(columns={feature.split(".")[1]: feature for feature in Churn.features})


@pytest.mark.skipif(not FILE.exists(), reason=f"no Online Retail data at {FILE}; QUANYU_DATA names its folder")
def test_churn_is_predicted_on_a_real_retailer_from_earlier_cutoffs_only():
    cutoffs = Churn.training_cutoffs(DAY, OPENING)
    assert max(cutoffs) == date(2011, 6, 12)
    training = pd.concat([known_on(cutoff) for cutoff in cutoffs])
    trained = train(Churn, training, nthread=2)
    evaluation = evaluate(Churn, trained, known_on(Churn.test_cutoff(DAY)), training=training, nthread=2)
    assert evaluation.metrics["test_rows"] == 3370
    assert evaluation.metrics["baseline_auc"] == pytest.approx(0.683, abs=0.001)
    assert evaluation.metrics["auc"] >= 0.735
    assert evaluation.metrics["auc_over_baseline_low"] > 0
    assert evaluation.metrics["auc_over_bg_nbd_low"] > 0 and evaluation.metrics["bg_nbd_auc"] > 0.729
    assert 0.8 < evaluation.metrics["calibration_in_the_large"] < 1.25
    assert set(evaluation.tables["segments"]["value"]) == set("12345")
    assert evaluation.passed, evaluation.reasons
