"""Lists of next items, from purchases and pairs to rows."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml.baskets.item_lists import LISTED, listed, new_recalls
from ml.baskets.next_basket import BasketWeights
from ml.baskets.purchases import Coded

DAY = date(2024, 1, 20)
PAIRS = pa.table({
    "item": ["tea", "cup"], "companion": ["cup", "tea"], "later_lower": [2.5, 2.5], "confidence": [0.4, 0.5],
})  # fmt: skip
NO_PAIRS = PAIRS.slice(0, 0)
# Nothing is sold out.
IN_STOCK = pa.chunked_array([], pa.string())


def purchases(seed=5, customers=120, items=30, baskets=5):
    """Random baskets in which customers buy again what they like."""
    random, rows = np.random.default_rng(seed), []
    for customer in range(customers):
        liked = random.choice(items, 4, replace=False)
        for basket in range(random.integers(1, baskets + 1)):
            bought = {*random.choice(liked, 2), int(random.integers(0, items) * random.random())}
            rows += [(f"c{customer:03}", date(2024, 1, 1 + basket), f"i{item:02}") for item in bought]
    return pd.DataFrame(rows, columns=["customer", "day", "item"])


def table(rows):
    frame = pd.DataFrame(rows, columns=["customer", "day", "item"])
    return pa.table({"customer": frame["customer"], "day": pa.array(frame["day"], pa.date32()), "item": frame["item"]})


BOUGHT = purchases()
LISTS, FACTS, NOTE = listed(table(BOUGHT), NO_PAIRS, DAY, IN_STOCK)


def test_nothing_that_a_customer_bought_is_new_and_all_that_he_repeats_he_bought():
    own = set(zip(BOUGHT["customer"], BOUGHT["item"], strict=True))
    rows = LISTS.to_pandas()
    rows["bought"] = [pair in own for pair in zip(rows["customer_id"], rows["item"], strict=True)]
    assert rows.groupby("list")["bought"].agg(["min", "max"]).to_dict("index") == {
        "new": {"min": False, "max": False}, "repeat": {"min": True, "max": True},
    }  # fmt: skip
    assert set(rows["customer_id"]) == set(BOUGHT["customer"])


def test_each_list_is_in_order_of_its_score_and_names_no_item_twice():
    for _, rows in LISTS.to_pandas().groupby(["customer_id", "list"]):
        assert rows["rank"].tolist() == list(range(1, len(rows) + 1)) and len(rows) <= LISTED
        assert rows["score"].is_monotonic_decreasing and rows["item"].is_unique


def test_they_do_not_depend_on_the_order_of_what_was_read():
    again, facts, note = listed(table(BOUGHT.sample(frac=1, random_state=3)), NO_PAIRS, DAY, IN_STOCK)
    assert again.equals(LISTS) and (facts, note) == (FACTS, NOTE)


def test_recall_is_that_of_customers_who_did_not_choose_the_weights():
    several = BOUGHT.groupby("customer")["day"].nunique() > 1
    assert FACTS.customers == several.sum() // 2
    assert 0 < FACTS.plain_recall <= FACTS.recall_at_10 + 0.05 < 1
    assert f"recall at 10 of last baskets {FACTS.recall_at_10:.3f}, plain top list {FACTS.plain_recall:.3f}" in NOTE


def test_a_companion_that_a_customer_lacks_is_neglected_and_says_because_of_what():
    day = date(2024, 1, 1)
    rows = table([("ann", day, "tea"), ("bob", day, "tea"), ("bob", day, "cup"), ("cat", day, "soap")])
    lists, facts, note = listed(rows, PAIRS, DAY, IN_STOCK)
    neglected = lists.to_pandas().query("list == 'neglected'")
    assert neglected.drop(columns="list").to_numpy().tolist() == [["ann", 1, "cup", 2.5, "tea", DAY]]
    assert facts is None and note.startswith("plain lists: fewer than two customers have two baskets")


def test_what_nobody_bought_in_the_last_month_is_new_to_nobody():
    late, long_ago = date(2024, 1, 10), date(2023, 6, 1)
    bought = [("ann", late, "tea"), ("bob", late, "cup"), ("cat", long_ago, "soap"), ("dan", long_ago, "soap")]
    lists, _, _ = listed(table(bought), NO_PAIRS, DAY, IN_STOCK)
    new = lists.to_pandas().query("list == 'new'")
    assert sorted(zip(new["customer_id"], new["item"], strict=True)) == [
        ("ann", "cup"), ("bob", "tea"), ("cat", "cup"), ("cat", "tea"), ("dan", "cup"), ("dan", "tea"),
    ]  # fmt: skip
    assert (new["score"] == 0.5).all()


def test_what_is_sold_out_is_new_to_nobody_and_may_be_repeated():
    rows = table([("ann", DAY, "tea"), ("bob", DAY, "cup"), ("cat", DAY, "hat")])
    lists = listed(rows, NO_PAIRS, DAY, pa.chunked_array([["cup", "never sold"]]))[0].to_pandas()
    new = lists[lists["list"] == "new"].groupby("customer_id")["item"].agg(set)
    assert new.to_dict() == {"ann": {"hat"}, "bob": {"hat", "tea"}, "cat": {"tea"}}
    assert ("bob", "repeat", "cup") in set(lists[["customer_id", "list", "item"]].itertuples(index=False, name=None))


def test_the_list_of_new_items_is_measured_on_what_was_new_in_the_last_month():
    january, may, june = (date(2023, month, 1) for month in (1, 5, 6))
    rows = [(f"x{number}", january, f"old{item}") for number in range(2) for item in range(6)]
    rows += [(f"c{number}", january, "soap") for number in range(5)] + [("c9", may, "tea")]
    # Tea was new to five; to one of them also what nobody had bought before. What is bought again is not new.
    rows += [(f"c{number}", june, "tea") for number in range(5)] + [("c0", june, "cup"), ("c9", june, "tea")]
    frame = table(rows).to_pandas().assign(day=lambda rows: pd.to_datetime(rows["day"]))
    # The top list of all time has five old items before tea.
    assert new_recalls(frame, BasketWeights(), date(2023, 6, 10)) == (pytest.approx(0.9), 0.0, 5)
    again = frame[frame["customer"] == "c9"]
    assert new_recalls(again, BasketWeights(), date(2023, 6, 10)) == (0.0, 0.0, 0)
    assert new_recalls(again, BasketWeights(), date(2023, 5, 10)) == (0.0, 0.0, 0), "no month before"


def test_without_a_purchase_there_is_no_list_and_a_sentence():
    lists, facts, note = listed(table([]), PAIRS, DAY, IN_STOCK)
    assert (len(lists), facts, note) == (0, None, "nobody has bought anything yet: there is no list")


@pytest.mark.parametrize(("texts", "codes"), [(["b", "a", "b"], [1, 0, 1]), ([], [])])
def test_codes_are_places_in_the_sorted_values(texts, codes):
    coded = Coded.of(pa.chunked_array([pa.array(texts, pa.string())]))
    assert coded.codes.tolist() == codes and coded.values.to_pylist() == sorted(set(texts))
    assert coded.places(pa.chunked_array([["a", "x"]])).tolist() == [0 if texts else -1, -1]
