"""Sizes that fit: kept ones, and those of customers alike where they help."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml.baskets.size_steps import BETWEEN, fitted

DAY = date(2024, 6, 30)
COATS, SHOES = ("S", "M", "L"), ("37", "38", "39")


def table(rows):
    frame = pd.DataFrame(rows, columns=["customer", "day", "category", "size", "quantity", "bought"])
    sizes = frame["category"].astype(str) + BETWEEN + frame["size"].astype(str)
    return pa.table({
        "customer": pa.array(frame["customer"], pa.string()), "day": pa.array(frame["day"], pa.date32()),
        "quantity": pa.array(frame["quantity"], pa.int64()), "bought": pa.array(frame["bought"], pa.bool_()),
        "size": pa.array(sizes, pa.string()),
    })  # fmt: skip


def shoppers(agree, customers=400, seed=2):
    """Customers with a coat size, and for three of four a shoe size that goes with it at a share of `agree`."""
    random, rows = np.random.default_rng(seed), []
    for customer in range(customers):
        true = random.choice(3, p=(0.4, 0.35, 0.25))
        shoe = true if random.random() < agree else random.integers(0, 3)
        rows.append((f"c{customer:03}", DAY - timedelta(days=200), "coats", COATS[true], 1, True))
        if customer % 4:
            rows.append((f"c{customer:03}", DAY - timedelta(days=150), "shoes", SHOES[shoe], 1, True))
        else:
            rows.append((f"c{customer:03}", DAY - timedelta(days=10), "shoes", SHOES[shoe], 1, True))
            rows.append((f"c{customer:03}", DAY - timedelta(days=9), "shoes", SHOES[shoe], -1, False))
    return rows


def test_sizes_of_customers_alike_are_told_where_they_beat_the_most_worn_one():
    rows, facts = fitted(table(shoppers(agree=0.9)), DAY)
    fits = rows.to_pandas().set_index(["customer_id", "category"])
    alike = fits[fits["basis"] == "alike"]
    # Who sent back his only shoes has none of his own.
    assert set(alike.index) == {(f"c{number:03}", "shoes") for number in range(0, 400, 4)}
    coats = fits.xs("coats", level="category").loc[alike.index.get_level_values(0), "size"]
    assert [COATS.index(size) for size in coats] == [SHOES.index(size) for size in alike["size"]]
    assert (alike["share"] > 0.6).all() and (fits.loc[fits["basis"] == "own", "share"] == 1).all()
    assert facts.bought == {"alike": 100} and facts.hits["alike"] > 0.8 > facts.plain_hits["alike"] + 0.2


def test_sizes_that_have_nothing_to_do_with_each_other_are_not_told():
    rows, facts = fitted(table(shoppers(agree=0.0)), DAY)
    assert set(rows["basis"].to_pylist()) == {"own"}
    assert facts.bought == {}


def test_what_was_sent_back_does_not_count_and_what_was_kept_most_does():
    past = DAY - timedelta(days=100)
    lines = [("M", 1, True), ("M", 1, True), ("M", -1, False), ("L", 2, True), ("S", 3, True), ("S", -3, False)]
    rows = [("ann", past, "coats", size, pieces, bought) for size, pieces, bought in lines]
    rows += [("ann", past, "bags", "one size", 5, True), ("bob", past, "coats", "S", 1, True),
             ("bob", past, "coats", "S", -1, False)]  # fmt: skip
    rows += [("ann", DAY, "coats", "L", 1, True), ("ann", DAY, "coats", "M", 1, True)]
    before, _ = fitted(table(rows[:-2]), DAY)
    [fit] = before.to_pylist()
    assert fit == {"customer_id": "ann", "category": "coats", "size": "L", "share": pytest.approx(2 / 3),
                   "basis": "own", "as_of": DAY}  # fmt: skip
    # Two later purchases, of which one has the size that fitted before.
    _, facts = fitted(table(rows), DAY)
    assert (facts.bought, facts.hits, facts.plain_hits) == ({"own": 2}, {"own": 0.5}, {"own": 0.5})


def test_the_fits_do_not_depend_on_the_order_of_what_was_read():
    rows = shoppers(agree=0.8)
    shuffled = [rows[place] for place in np.random.default_rng(1).permutation(len(rows))]
    (one, of_one), (other, of_other) = fitted(table(rows), DAY), fitted(table(shuffled), DAY)
    assert one.equals(other) and of_one == of_other


def test_without_a_purchase_nothing_fits():
    rows, facts = fitted(table([]), DAY)
    assert len(rows) == 0 and facts.bought == {}
