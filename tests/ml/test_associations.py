"""Items bought together: by hand, against a slow computation, and where there is nothing to find."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import poisson

from ml.baskets.associations import COLUMNS, BasketItems, ReplicatedPairs, lower_bound, neglected_items


def baskets_of(*baskets):
    rows = [(number, item) for number, items in enumerate(baskets) for item in items]
    return pd.DataFrame(rows, columns=["basket", "item"])


# Of 40 baskets 20 hold bread, 20 butter, and 18 both; soap is beside them, alone or with either.
MONTH = baskets_of(
    *[["bread", "butter"]] * 18, ["bread", "soap"], ["bread"], ["butter", "soap"], ["butter"], *[["soap"]] * 18
)


def test_support_confidence_and_lift_are_as_computed_by_hand():
    related = ReplicatedPairs.between(MONTH, MONTH, least=2)
    assert related.pairs[["item", "companion"]].to_numpy().tolist() == [["bread", "butter"], ["butter", "bread"]]
    pair = related.pairs.iloc[0]
    assert (pair["baskets"], pair["support"], pair["confidence"]) == (18, 18 / 40, 18 / 20)
    assert pair["lift"] == pair["later_lift"] == pytest.approx(18 / (20 * 20 / 40))
    assert (related.tested, related.first) == (3, 1)
    # The bound is the mean of a Poisson count for which 18 or more are as rare as said: one of 3 pairs, one of 1.
    assert poisson.sf(17, pair["lower"] * 10) == pytest.approx(0.05 / 3)
    assert poisson.sf(17, pair["later_lower"] * 10) == pytest.approx(0.05)
    assert pair["lower"] < pair["later_lower"] < pair["lift"]


def test_no_basket_with_both_bounds_nothing():
    assert lower_bound(np.array([0, 5]), np.array([2.0, 0.0]), 0.05).tolist() == [0.0, 0.0]


def test_a_pair_that_is_not_replicated_is_dropped():
    apart = baskets_of(*[["bread"], ["butter"], ["soap"]] * 20, ["bread", "butter"])
    related = ReplicatedPairs.between(MONTH, apart, least=2)
    assert (related.first, len(related.pairs)) == (1, 0)
    not_sold = baskets_of(*[["soap"], ["tea", "soap"]] * 20)
    assert not len(ReplicatedPairs.between(MONTH, not_sold, least=2).pairs)


def test_no_baskets_no_pairs():
    related = ReplicatedPairs.between(MONTH.head(0), MONTH)
    assert (list(related.pairs.columns), related.tested, len(related.pairs)) == (list(COLUMNS), 0, 0)


def slow_counts(month):
    """Baskets with each pair of items, by plain loops."""
    counts = {}
    for _, lines in month.groupby("basket"):
        for pair in combinations(sorted(set(lines["item"])), 2):
            counts[pair] = counts.get(pair, 0) + 1
    return counts


def drawn(seed, baskets=3000, items=60, sizes=(3, 3), companions=()):
    """Baskets of unrelated items, some rare, of which a few bring a companion with a probability of .5."""
    random = np.random.default_rng(seed)
    shares = 1 / np.arange(2, items + 2)
    rows = []
    for number in range(baskets):
        chosen = set(random.choice(items, size=random.choice(sizes), replace=False, p=shares / shares.sum()).tolist())
        chosen |= {other for one, other in companions if one in chosen and random.random() < 0.5}
        rows += [(number, item) for item in chosen]
    return pd.DataFrame(rows, columns=["basket", "item"])


def test_counts_equal_a_slow_computation_in_any_order_of_rows():
    month = drawn(1, baskets=300, items=20)
    one, other, both = BasketItems.of(month).together(4)
    counts = {pair: count for pair, count in slow_counts(month).items() if count >= 4}
    assert dict(zip(zip(one.tolist(), other.tolist(), strict=True), both.tolist(), strict=True)) == counts
    doubled = pd.concat([month, month]).sample(frac=1, random_state=3)
    assert all((a == b).all() for a, b in zip(BasketItems.of(doubled).together(4), (one, other, both), strict=True))


def unrelated(seed, baskets=3000, items=60):
    """Baskets in which each item lies or not whatever else does."""
    shares = 0.6 / np.arange(2, items + 2)
    basket, item = np.nonzero(np.random.default_rng(seed).random((baskets, items)) < shares)
    return pd.DataFrame({"basket": basket, "item": item})


def test_of_unrelated_items_hardly_any_pair_passes():
    runs = [ReplicatedPairs.between(unrelated(seed), unrelated(seed + 100), least=5) for seed in range(8)]
    # At a level of .05 over all pairs of a run, two runs of eight with a pair have a chance of 6 %, three of .6 %.
    assert sum(run.first > 0 for run in runs) <= 2
    assert all(run.tested > 1000 and not len(run.pairs) for run in runs)


@pytest.mark.parametrize(("one", "other", "lift"), [(0.3, 0.2, 2.0), (0.02, 0.05, 4.0), (0.5, 0.5, 1.0)])
def test_the_true_lift_is_above_the_bound_as_often_as_said(one, other, lift):
    both = one * other * lift
    shares = [both, one - both, other - both, 1 - one - other + both]
    cells = np.random.default_rng(9).multinomial(1000, shares, size=4000)
    expected = (cells[:, 0] + cells[:, 1]) * (cells[:, 0] + cells[:, 2]) / 1000
    # 4,000 draws: a standard error of .0034.
    assert (lower_bound(cells[:, 0], expected, 0.05) <= lift).mean() > 0.94


def test_baskets_of_differing_size_alone_relate_nothing():
    sizes = (1, 1, 1, 1, 1, 1, 20)
    month, later = drawn(3, sizes=sizes), drawn(4, sizes=sizes)
    of = BasketItems.of(month)
    one, other, both = of.together(10)
    naive = lower_bound(both, of.counts[one] * of.counts[other] / of.many, 0.05 / 1770)
    assert (naive > 1).sum() > 500
    assert not len(ReplicatedPairs.between(month, later).pairs)


def test_planted_companions_are_found_and_nothing_else():
    planted = {(5, 40), (12, 55)}
    related = ReplicatedPairs.between(drawn(1, companions=planted), drawn(2, companions=planted))
    assert set(zip(related.pairs["item"], related.pairs["companion"], strict=True)) == planted | {
        (b, a) for a, b in planted
    }
    assert (related.pairs["later_lower"] > 1).all()


def test_a_neglected_item_is_explained_by_the_pair_with_the_greatest_bound():
    pairs = pd.DataFrame(
        [
            ("bread", "butter", 4.0, 0.9),
            ("butter", "bread", 4.0, 0.8),
            ("tea", "butter", 2.0, 0.3),
            ("tea", "milk", 3.0, 0.5),
        ],
        columns=["item", "companion", "later_lower", "confidence"],
    )
    rows = [("ann", "bread"), ("ann", "tea"), ("bob", "bread"), ("bob", "butter"), ("eve", "soap"), ("ann", "tea")]
    bought = pd.DataFrame(rows, columns=["customer", "item"])
    offers = neglected_items(pairs, bought)
    assert offers.to_numpy().tolist() == [
        ["ann", 1, "butter", "bread", 4.0, 0.9],
        ["ann", 2, "milk", "tea", 3.0, 0.5],
    ]
    assert len(neglected_items(pairs, bought, most=1)) == 1
