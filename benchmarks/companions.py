"""Items of Online Retail that are bought together, and whether companions that a customer lacked are bought later.

`python -m benchmarks.companions` after setting QUANYU_DATA (default `../shared/data`). What a customer bought in a
month is one basket. Pairs come from September and October 2011, and what was foretold is compared with November.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pandas as pd

from ml.baskets.associations import BasketItems, ReplicatedPairs, neglected_items
from ml.baskets.next_basket import BasketHistory, BasketWeights

DATA = Path(os.environ.get("QUANYU_DATA", "../shared/data"))
MONTH, LATER, NEXT = "2011-09", "2011-10", "2011-11"
MOST = 5


def purchases() -> pd.DataFrame:
    """Purchases of known customers without cancelled ones: customer, day, month, item."""
    rows = pd.read_parquet(DATA / "online_retail" / "online_retail.parquet")
    bought = (rows["Quantity"] > 0) & (rows["UnitPrice"] > 0) & ~rows["InvoiceNo"].astype(str).str.startswith("C")
    lines = rows[bought & rows["CustomerID"].notna()]
    moment = pd.to_datetime(lines["InvoiceDate"])
    item, month = lines["StockCode"].astype(str), moment.dt.strftime("%Y-%m")
    return pd.DataFrame(
        {"customer": lines["CustomerID"], "day": moment.dt.normalize(), "month": month, "item": item}
    ).drop_duplicates()


def share_bought(offers: pd.DataFrame, later: pd.DataFrame) -> float:
    """Share of offers (customer, item) that were bought later, of customers who bought anything then."""
    offers = offers[offers["customer"].isin(later["customer"])]
    hits = offers.merge(later[["customer", "item"]].drop_duplicates(), on=["customer", "item"])
    return len(hits) / len(offers)


def popular(past: pd.DataFrame, counts: pd.Series) -> pd.DataFrame:
    """As many of the most popular items that a customer has not bought as he has neglected ones: customer, item."""
    history = BasketHistory.of(past)
    new = BasketWeights().lists(history, MOST).new
    items = pd.DataFrame(history.items.to_numpy()[new], index=history.customers).rename_axis("customer")
    offers = items.reset_index().melt("customer", var_name="place", value_name="item")
    return offers[offers["place"] < offers["customer"].map(counts).fillna(0)]


def main() -> None:
    """Print a table."""
    lines = purchases()
    by_month = {month: rows.rename(columns={"customer": "basket"}) for month, rows in lines.groupby("month")}
    start = time.perf_counter()
    associations = ReplicatedPairs.between(by_month[MONTH], by_month[LATER])
    seconds = time.perf_counter() - start
    sizes = BasketItems.of(by_month[MONTH]).lift_of_sizes
    past, later = lines[lines["month"] <= LATER], lines[lines["month"] == NEXT]
    neglected = neglected_items(associations.pairs, past, MOST).rename(columns={"companion": "item"})
    others = popular(past, neglected.groupby("customer").size())
    print("| Online Retail, companions | measured |\n|---|---|")
    print(f"| pairs tested in {MONTH} / above chance / also in {LATER} | {associations.tested:,} / ", end="")
    print(f"{associations.first} / {len(associations.pairs) // 2}; {seconds:.1f} s |")
    print(f"| lift of unrelated items that sizes of baskets bring about | {sizes:.2f} |")
    print(f"| neglected items, at most {MOST} per customer | {len(neglected):,} |")
    print(f"| bought in {NEXT} by those who bought then | {share_bought(neglected, later):.4f} |")
    print(f"| as many of the most popular items that they lacked | {share_bought(others, later):.4f} |")


if __name__ == "__main__":
    main()
