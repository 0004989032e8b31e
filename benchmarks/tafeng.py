"""The next basket on Ta-Feng's groceries: what is asked for beside what is measured.

`python -m benchmarks.tafeng` after setting QUANYU_DATA (default `../shared/data`). The set tells the order of baskets
and no days: they are written a day apart. It ends with an error where a figure is less than what is asked for.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import date
from pathlib import Path

import pandas as pd

from ml.baskets.next_basket import BasketHistory, BasketWeights, bought_before, mean_recall

FOLDER = Path(os.environ.get("QUANYU_DATA", "../shared/data")) / "tafeng_nbr"
FIRST_DAY = date(2000, 11, 1)
LENGTH, LEAST_RECALL = 10, 0.134
PLAIN = BasketWeights()


def purchases(part: str) -> pd.DataFrame:
    """Purchases of the `history`, or of the `future`, which holds the last basket: customer, day, item."""
    baskets = json.loads((FOLDER / f"tafeng_{part}.json").read_text(encoding="utf-8"))
    # Each customer's list of baskets has a [-1] before the first and after the last.
    rows = pd.Series({customer: parts[1:-1] for customer, parts in baskets.items()}, name="item").explode().to_frame()
    rows.index.name = "customer"
    rows = rows.reset_index()
    later = rows.groupby("customer").cumcount()
    rows["day"] = pd.Timestamp(FIRST_DAY) + pd.to_timedelta(later, unit="D")
    rows = rows.explode("item", ignore_index=True)
    return rows.assign(item=rows["item"].astype("int64"))


def recalls(history: BasketHistory, model: BasketWeights, future: pd.DataFrame) -> dict[str, float]:
    """Recall of all items, of those bought before by their own list, and of new ones by theirs."""
    lists = model.lists(history, LENGTH)
    customer, item = history.places(future)
    repeat = bought_before(history, customer, item)
    return {
        "mixed": mean_recall(lists.mixed, customer, item),
        "repeat": mean_recall(lists.repeat, customer[repeat], item[repeat]),
        "new": mean_recall(lists.new, customer[~repeat], item[~repeat]),
        "share": float(repeat.mean()),
    }


def main() -> None:
    """Print a table, and end with an error where recall is too small."""
    history, future = BasketHistory.of(purchases("history")), purchases("future")
    start = time.perf_counter()
    model = BasketWeights.fit(history, LENGTH)
    learned = time.perf_counter() - start
    of_plain, of_model = recalls(history, PLAIN, future), recalls(history, model, future)
    start = time.perf_counter()
    model.lists(history, LENGTH)
    listed = time.perf_counter() - start
    print(f"| Ta-Feng, recall@{LENGTH} | asked for | plain personal, then global | {model} |\n|---|---|---|---|")
    for name, what in (
        ("mixed", "all items"),
        ("repeat", "items bought before, by their list"),
        ("new", "items new to the customer, by their list"),
    ):
        asked = f">= {LEAST_RECALL}" if name == "mixed" else "–"
        print(f"| {what} | {asked} | {of_plain[name]:.4f} | {of_model[name]:.4f} |")
    print(f"| share of items bought before | – | {of_plain['share']:.4f} | |")
    what = f"seconds: choice of weights, {learned:.1f}; lists of {len(history.customers):,} customers"
    print(f"| {what} | – | – | {listed:.1f} |")
    if min(of_plain["mixed"], of_model["mixed"]) < LEAST_RECALL:
        sys.exit("Recall is smaller than asked for.")


if __name__ == "__main__":
    main()
