"""Items that are bought together more often than by chance, and what a customer has not bought yet of them.

Lift is the number of baskets with both items over the number expected of two unrelated ones. Its lower bound is exact
and one-sided: that of Garwood (1936), Fiducial limits for the Poisson distribution, for the baskets with both, over the
expected number. By the delta method a Poisson count varies no less than lift itself (2 lift <= 1/p + 1/q for shares p
and q of the items), so that the bound errs to the safe side; a normal bound does not where few baskets are expected.

Large baskets hold more of everything, so that even unrelated items have a lift above 1 where baskets differ in size.
`BasketItems.lift_of_sizes` says how much, and a pair must be above that too (Chung and Lu, 2002: expected pairs when
each basket keeps its size and each item its number of baskets).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

    from quanyu.grammar.task import Floats

Ints = NDArray[np.int64]
LEVEL = 0.05
LEAST_BASKETS = 10
COLUMNS = ("item", "companion", "baskets", "support", "confidence", "lift", "lower", "later_lift", "later_lower")


@dataclass(frozen=True)
class BasketItems:
    """Which basket holds which item, a row each: places in `items`, which are sorted, and numbers of baskets.

    Bounds hold where baskets are independent. Baskets of one customer are not: pass what a customer bought in a month
    as one basket where he buys often.
    """

    items: pd.Index
    basket: Ints
    item: Ints

    @classmethod
    def of(cls, purchases: pd.DataFrame) -> BasketItems:
        """Read columns `basket` and `item`; an item counts once in a basket."""
        import pandas as pd

        lines = purchases[["basket", "item"]].drop_duplicates()
        basket, _ = pd.factorize(lines["basket"], sort=True)
        item, items = pd.factorize(lines["item"], sort=True)
        return cls(pd.Index(items), basket.astype(np.int64), item.astype(np.int64))

    @property
    def many(self) -> int:
        """Number of baskets."""
        return int(self.basket.max(initial=-1)) + 1

    @property
    def counts(self) -> Ints:
        """Baskets with each item: shape (items,)."""
        return np.bincount(self.item, minlength=len(self.items)).astype(np.int64)

    @property
    def lift_of_sizes(self) -> float:
        """Lift of unrelated items that baskets of these sizes bring about: 1 where sizes vary as by chance."""
        sizes = np.bincount(self.basket).astype(np.float64)
        total = float(sizes.sum())
        return self.many * float((sizes * (sizes - 1)).sum()) / total**2 if total else 1.0

    def together(self, least: int) -> tuple[Ints, Ints, Ints]:
        """Places of both items, the first before the second, and baskets with both, of pairs in `least` or more."""
        import scipy.sparse as sp

        ones = np.ones(len(self.item), dtype=np.int64)
        bought = sp.csr_matrix((ones, (self.basket, self.item)), shape=(self.many, len(self.items)))
        frequent = np.flatnonzero(self.counts >= least)
        bought = bought[:, frequent]
        pairs = sp.triu(bought.T @ bought, k=1).tocoo()
        rows = pairs.data >= least
        one, other, both = frequent[pairs.row[rows]], frequent[pairs.col[rows]], pairs.data[rows]
        order = np.lexsort((other, one))
        return one[order], other[order], both[order]


@dataclass(frozen=True)
class ReplicatedPairs:
    """Pairs bought together more often than by chance in a month and in a later one, each in both directions.

    `pairs` has the columns item, companion, baskets (with both), support and confidence (shares), lift, lower (of the
    first month, whose bound is the more corrected one), later_lift and later_lower; in order of later_lower.
    `tested` pairs were looked at, of which `first` passed in the first month.
    """

    pairs: pd.DataFrame
    tested: int
    first: int

    @classmethod
    def between(
        cls, month: pd.DataFrame, later: pd.DataFrame, least: int = LEAST_BASKETS, level: float = LEVEL
    ) -> ReplicatedPairs:
        """Find pairs in the baskets of a month, at least `least` of them with both, and keep those replicated later.

        Both frames have the columns basket and item. The chance that any unrelated pair passes is `level` in either
        month (Bonferroni): in the first over all pairs of items of which each is in `least` baskets, not only those
        that are met together; in the later one over the pairs that passed.
        """
        now, then = BasketItems.of(month), BasketItems.of(later)
        one, other, both = now.together(least)
        frequent = int((now.counts >= least).sum())
        tested = frequent * (frequent - 1) // 2
        expected = now.counts[one] * now.counts[other] / max(now.many, 1)
        lower = lower_bound(both, expected, level / max(tested, 1))
        passed = lower > max(1.0, now.lift_of_sizes)
        one, other, both, expected, lower = one[passed], other[passed], both[passed], expected[passed], lower[passed]
        again, later_expected = _counted(then, now.items[one], now.items[other])
        later_lower = lower_bound(again, later_expected, level / max(len(one), 1))
        replicated = later_lower > max(1.0, then.lift_of_sizes)
        pairs = _pairs(now, one, other, both).assign(
            lift=both / expected, lower=lower, later_lift=_ratio(again, later_expected), later_lower=later_lower
        )
        return cls(_directed(pairs[replicated], now), tested, len(one))


def neglected_items(pairs: pd.DataFrame, purchases: pd.DataFrame, most: int = 5) -> pd.DataFrame:
    """Companions of what a customer bought that he has not bought, with the item of his that explains each.

    `pairs` has columns item, companion, later_lower and confidence, `purchases` customer and item. A companion is
    explained by the item with the greatest lower bound in the later month, which did not choose it. Columns: customer,
    rank (from 1, at most `most`), companion, because, later_lower, confidence; in order of customer and rank.
    """
    bought = purchases[["customer", "item"]].drop_duplicates()
    offers = bought.merge(pairs[["item", "companion", "later_lower", "confidence"]], on="item")
    owned = bought.rename(columns={"item": "companion"}).assign(owned=True)
    offers = offers.merge(owned, on=["customer", "companion"], how="left")
    offers = offers[offers["owned"].isna()]
    by = ["customer", "later_lower", "confidence", "companion", "item"]
    offers = offers.sort_values(by, ascending=[True, False, False, True, True], kind="stable")
    offers = offers.drop_duplicates(["customer", "companion"])
    offers = offers.assign(rank=offers.groupby("customer").cumcount() + 1).rename(columns={"item": "because"})
    columns = ["customer", "rank", "companion", "because", "later_lower", "confidence"]
    return offers.loc[offers["rank"] <= most, columns].reset_index(drop=True)


def lower_bound(both: Ints, expected: Floats, level: float) -> Floats:
    """Return the one-sided lower bound of lift at a confidence of 1 - `level`: shape (pairs,), 0 without a basket."""
    from scipy.stats import chi2

    mean = np.where(both > 0, chi2.ppf(level, 2 * np.maximum(both, 1)) / 2, 0.0)
    return _ratio(mean, expected)


def _ratio(count: Ints | Floats, expected: Floats) -> Floats:
    return np.divide(count, expected, out=np.zeros(len(expected)), where=expected > 0)


def _counted(of: BasketItems, one: pd.Index, other: pd.Index) -> tuple[Ints, Floats]:
    """Baskets with both items of each pair, and how many are expected: shape (pairs,); 0 for an item not sold."""
    import pandas as pd

    firsts, seconds = of.items.get_indexer(one), of.items.get_indexer(other)
    sold = (firsts >= 0) & (seconds >= 0)
    counts = of.counts
    expected = np.zeros(len(one))
    expected[sold] = counts[firsts[sold]] * counts[seconds[sold]] / of.many
    first, second, both = of.together(1)
    width = max(len(of.items), 1)
    by_pair = pd.Series(both, index=first * width + second)
    low, high = np.minimum(firsts, seconds), np.maximum(firsts, seconds)
    again = np.where(sold, by_pair.reindex(low * width + high, fill_value=0).to_numpy("int64"), 0)
    return again, expected


def _pairs(of: BasketItems, one: Ints, other: Ints, both: Ints) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {"item": of.items[one], "companion": of.items[other], "baskets": both, "support": both / max(of.many, 1)}
    )


def _directed(pairs: pd.DataFrame, of: BasketItems) -> pd.DataFrame:
    import pandas as pd

    turned = pairs.rename(columns={"item": "companion", "companion": "item"})
    both = pd.concat([pairs, turned], ignore_index=True)
    both["confidence"] = both["baskets"] / of.counts[of.items.get_indexer(pd.Index(both["item"]))]
    order = ["later_lower", "item", "companion"]
    return both.sort_values(order, ascending=[False, True, True], ignore_index=True)[list(COLUMNS)]
