"""What customers buy next: lists by hand, and against a slow computation; Ta-Feng's public figure."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.baskets.next_basket import NONE, BasketHistory, BasketWeights, bought_before, mean_recall
from ml.lifecycle.train import TooLittleDataError

DATA = Path(os.environ.get("QUANYU_DATA", Path(__file__).parents[3] / "shared" / "data"))


def history_of(*rows):
    return BasketHistory.of(pd.DataFrame(rows, columns=["customer", "day", "item"]))


def names(history, lists):
    return [[history.items[place] for place in row if place != NONE] for row in lists]


SHOP = (
    ("ann", 1, "bread"), ("ann", 1, "milk"), ("ann", 2, "milk"), ("ann", 9, "tea"),
    ("bob", 4, "milk"), ("bob", 4, "milk"), ("bob", 4, "eggs"),
    ("eve", 3, "eggs"), ("eve", 5, "jam"),
)  # fmt: skip


def test_without_weights_own_items_come_first_and_what_everybody_buys_next():
    history = history_of(*SHOP)
    lists = BasketWeights().lists(history, 4)
    # Of six baskets milk is in 3, eggs in 2, bread, jam and tea in 1 each, which stand in order of their names.
    assert names(history, lists.repeat) == [["milk", "bread", "tea"], ["milk", "eggs"], ["eggs", "jam"]]
    assert names(history, lists.new) == [["eggs", "jam"], ["bread", "jam", "tea"], ["milk", "bread", "tea"]]
    assert names(history, lists.mixed)[0] == ["milk", "bread", "tea", "eggs"]


def test_later_baskets_count_more():
    history = history_of(*SHOP)
    # Ann: tea 1, milk .4 + .16 = .56, bread .16.
    assert names(history, BasketWeights(decay=0.4).lists(history, 3).repeat)[0] == ["tea", "milk", "bread"]
    # With .7 milk is worth .7 + .49 and passes tea.
    assert names(history, BasketWeights(decay=0.7).lists(history, 3).repeat)[0] == ["milk", "tea", "bread"]


def test_a_popular_new_item_passes_an_own_one():
    history = history_of(*SHOP)
    # Eve: eggs .5 + 2/6 p, jam 1 + 1/6 p, milk 3/6 p: at p = 4 milk 2, eggs 1.83, jam 1.67.
    assert names(history, BasketWeights(0.5, 4.0).lists(history, 3).mixed)[2] == ["milk", "eggs", "jam"]
    assert names(history, BasketWeights(0.5, 1.0).lists(history, 3).mixed)[2] == ["jam", "eggs", "milk"]


def test_recall_is_a_mean_over_customers_and_an_unknown_item_is_a_miss():
    history = history_of(*SHOP)
    future = pd.DataFrame(
        [("ann", 10, "milk"), ("ann", 10, "eggs"), ("bob", 6, "caviar"), ("bob", 6, "milk"), ("zoe", 1, "milk")],
        columns=["customer", "day", "item"],
    )
    customer, item = history.places(future)
    assert bought_before(history, customer, item).tolist() == [True, False, False, True]
    assert mean_recall(BasketWeights().lists(history, 1).repeat, customer, item) == pytest.approx((0.5 + 0.5) / 2)
    assert mean_recall(BasketWeights().lists(history, 4).mixed, customer, item) == pytest.approx((1.0 + 0.5) / 2)


def slow_mixed(rows, customer, decay, popularity, length):
    """The mixed list of one customer by plain loops."""
    baskets = {}
    for who, day, item in rows:
        baskets.setdefault((who, day), set()).add(item)
    days = sorted((day for who, day in baskets if who == customer), reverse=True)
    counts = {}
    for items in baskets.values():
        for item in items:
            counts[item] = counts.get(item, 0) + 1
    scores = {
        item: sum(decay**age for age, day in enumerate(days) if item in baskets[customer, day])
        + popularity * count / len(baskets)
        for item, count in counts.items()
    }
    return sorted(scores, key=lambda item: (-round(scores[item], 9), -counts[item], item))[:length]


@pytest.mark.parametrize(("decay", "popularity"), [(1.0, 0.0), (0.9, 3.1), (0.77, 31.7)])
def test_lists_equal_a_slow_computation_and_do_not_depend_on_the_order_of_rows(decay, popularity):
    random = np.random.default_rng(5)
    items = np.minimum(random.geometric(0.08, 900), 40)
    who, days = random.integers(30, size=900), random.integers(9, size=900)
    rows = list(zip(who.tolist(), days.tolist(), items.tolist(), strict=True))
    history, model = history_of(*rows), BasketWeights(decay, popularity)
    lists = names(history, model.lists(history, 7).mixed)
    assert lists == [slow_mixed(rows, customer, decay, popularity, 7) for customer in history.customers]
    mingled = history_of(*(rows[place] for place in random.permutation(len(rows))))
    assert (model.lists(mingled, 7).mixed == model.lists(history, 7).mixed).all()


def test_weights_are_chosen_by_the_last_basket_of_the_past():
    # Everybody buys what he bought last, and years ago he bought another thing more often.
    rows = [(who, day, f"old {who}") for who in range(20) for day in range(3)]
    rows += [(who, day, f"now {who}") for who in range(20) for day in (7, 8, 9)]
    assert BasketWeights.fit(history_of(*rows), 1).decay == 0.8
    with pytest.raises(TooLittleDataError, match="No customer has two baskets"):
        BasketWeights.fit(history_of(("ann", 1, "milk")))
    with pytest.raises(TooLittleDataError, match="no purchase"):
        history_of()


@pytest.mark.skipif(not (DATA / "tafeng_nbr").is_dir(), reason="needs public data: QUANYU_DATA")
def test_the_plain_list_reaches_the_public_figure_and_weights_pass_it(monkeypatch):
    from benchmarks import tafeng

    monkeypatch.setattr(tafeng, "FOLDER", DATA / "tafeng_nbr")
    history, future = BasketHistory.of(tafeng.purchases("history")), tafeng.purchases("future")
    plain = tafeng.recalls(history, tafeng.PLAIN, future)
    weighted = tafeng.recalls(history, BasketWeights(0.95, 30.0), future)
    assert plain["mixed"] >= tafeng.LEAST_RECALL
    assert weighted["mixed"] > plain["mixed"] + 0.01
