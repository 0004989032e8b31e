"""The next basket: items that a customer buys again, and items that are new to him.

An item counts by how often the customer bought it, later baskets more, plus how often everybody buys it.
Li et al. (2023), A Next Basket Recommendation Reality Check, show that such lists are hard to beat; the decay is that
of Hu et al. (2020), Modeling Personalized Item Frequency Information for Next-basket Recommendation (TIFU-KNN).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml.lifecycle.train import TooLittleDataError

if TYPE_CHECKING:
    import pandas as pd

    from quanyu.grammar.task import Floats

Ints = NDArray[np.int64]
NONE = -1
DECAYS = (1.0, 0.95, 0.9, 0.8)
POPULARITIES = (0.0, 10.0, 30.0, 100.0, 300.0)


@dataclass(frozen=True)
class BasketHistory:
    """Baskets of customers, a row for each item of a basket, in order of customer, item and age.

    `customer` and `item` are places in `customers` and `items`, which are sorted. `age` is the number of later baskets
    of the customer: 0 in the last one. The three have shape (rows,).
    """

    customers: pd.Index
    items: pd.Index
    customer: Ints
    item: Ints
    age: Ints

    @classmethod
    def of(cls, purchases: pd.DataFrame) -> BasketHistory:
        """Read columns `customer`, `day` and `item`: what a customer buys on a day is one basket.

        TooLittleDataError when there is no purchase.
        """
        import pandas as pd

        lines = purchases[["customer", "day", "item"]].drop_duplicates()
        if not len(lines):
            raise TooLittleDataError("There is no purchase to learn a next basket from.")
        customer, customers = pd.factorize(lines["customer"], sort=True)
        item, items = pd.factorize(lines["item"], sort=True)
        latest_first = lines["day"].groupby(customer).rank(method="dense", ascending=False)
        age = latest_first.to_numpy("int64") - 1
        order = np.lexsort((age, item, customer))
        return cls(pd.Index(customers), pd.Index(items), customer[order], item[order], age[order])

    def before_last(self) -> BasketHistory:
        """The same without the last basket of each customer."""
        rows = self.age > 0
        return BasketHistory(self.customers, self.items, self.customer[rows], self.item[rows], self.age[rows] - 1)

    def last(self) -> tuple[Ints, Ints]:
        """Places of customer and item in the last baskets of those who have earlier ones too."""
        several = np.zeros(len(self.customers), dtype=bool)
        several[self.customer[self.age > 0]] = True
        rows = (self.age == 0) & several[self.customer]
        return self.customer[rows], self.item[rows]

    def places(self, purchases: pd.DataFrame) -> tuple[Ints, Ints]:
        """Places of customer and item of later purchases; an item that nobody bought before has `NONE`.

        Customers without a history are left out.
        """
        import pandas as pd

        lines = purchases[["customer", "item"]].drop_duplicates()
        customer = self.customers.get_indexer(pd.Index(lines["customer"]))
        item = self.items.get_indexer(pd.Index(lines["item"]))
        known = customer != NONE
        # Unknown items count as bought and never foretold, so each of them stays a row of its own.
        return customer[known].astype(np.int64), item[known].astype(np.int64)


@dataclass(frozen=True)
class BasketLists:
    """Items by customer, best first: shape (customers, length), `NONE` where there are not so many.

    `repeat` are items that the customer bought before, `new` are others, `mixed` are the best of both. The scores of
    `repeat` are weights of the baskets that hold an item with its popularity, those of `new` are shares of all baskets.
    """

    repeat: Ints
    new: Ints
    mixed: Ints
    repeat_scores: Floats
    new_scores: Floats


@dataclass(frozen=True)
class BasketWeights:
    """How much an item counts: `decay` to the power of the age of each basket that holds it, and its share of baskets.

    `popularity` is what a share of 1 of everybody's baskets is worth, in own baskets. With a popularity of 0, what
    everybody buys decides only where a customer's own baskets do not.
    """

    decay: float = 1.0
    popularity: float = 0.0

    @classmethod
    def fit(cls, history: BasketHistory, length: int = 10) -> BasketWeights:
        """Choose both by recall of the last basket of the past, by the baskets before it; the first of equals.

        TooLittleDataError when no customer has two baskets.
        """
        customer, item = history.last()
        if not len(customer):
            raise TooLittleDataError("No customer has two baskets: how much the last ones count cannot be learned.")
        before = history.before_last()
        choices = [cls(decay, popularity) for decay, popularity in product(DECAYS, POPULARITIES)]
        recalls = [mean_recall(choice.lists(before, length).mixed, customer, item) for choice in choices]
        return choices[int(np.argmax(recalls))]

    def lists(self, history: BasketHistory, length: int = 10, popular: Floats | None = None) -> BasketLists:
        """List items for each customer, `length` of each kind; of equals the more popular, then the first, wins.

        `popular`, of shape (items,), decides which items are new, where that is not the share of all baskets
        that hold them: what has none is on no list of new items.
        """
        shares = popularity(history)
        new_shares = shares if popular is None else popular
        place, (by_popularity, new_place) = _places(shares)[1], _places(new_shares)
        customer, item, own = self._own(history)
        repeat = _Ranked(customer, item, own + self.popularity * shares[item])
        new = _new_items(customer, new_place[item], len(history.customers), by_popularity, length)
        new = np.where(new_shares[new] > 0, new, NONE)
        new_scores = np.where(new != NONE, new_shares[new], 0.0)
        row, column = np.nonzero(new != NONE)
        others = _Ranked(row, new[row, column], self.popularity * new_scores[row, column])
        shape = (len(history.customers), length)
        repeated, repeat_scores = repeat.best(place, shape)
        mixed, _ = repeat.beside(others).best(place, shape)
        return BasketLists(repeated, new, mixed, repeat_scores, new_scores)

    def _own(self, history: BasketHistory) -> tuple[Ints, Ints, Floats]:
        # Rows are in order of customer, item and age: sums do not depend on the order of what was read.
        starts = np.r_[True, (np.diff(history.customer) != 0) | (np.diff(history.item) != 0)]
        firsts = np.flatnonzero(starts[: len(history.customer)])
        weights = self.decay ** history.age.astype(np.float64)
        sums = np.add.reduceat(weights, firsts) if len(firsts) else weights
        return history.customer[firsts], history.item[firsts], sums


def mean_recall(lists: Ints, customer: Ints, item: Ints) -> float:
    """Return the mean share of a customer's items that are on his list, over customers with one at least.

    `lists` has shape (customers, length); `customer` and `item`, shape (rows,), are what was bought.
    """
    bought = np.bincount(customer, minlength=len(lists))
    hits = np.bincount(customer, weights=(lists[customer] == item[:, None]).any(axis=1) & (item != NONE),
                       minlength=len(lists))  # fmt: skip
    some = bought > 0
    return float((hits[some] / bought[some]).mean()) if some.any() else float("nan")


def bought_before(history: BasketHistory, customer: Ints, item: Ints) -> NDArray[np.bool_]:
    """Whether the customer of each row bought its item before: shape (rows,)."""
    width = len(history.items) + 1
    bought: NDArray[np.bool_] = np.isin(customer * width + item, history.customer * width + history.item)
    return np.asarray(bought & (item != NONE), dtype=bool)


@dataclass(frozen=True)
class _Ranked:
    """Items of customers with their scores, all of shape (rows,)."""

    customer: Ints
    item: Ints
    score: Floats

    def beside(self, others: _Ranked) -> _Ranked:
        pairs: Any = zip(
            (self.customer, self.item, self.score), (others.customer, others.item, others.score), strict=True
        )
        return _Ranked(*(np.concatenate(pair) for pair in pairs))

    def best(self, place: Ints, shape: tuple[int, int]) -> tuple[Ints, Floats]:
        """Lists of the shape (customers, length), best first, and their scores; `place` is an item's by popularity."""
        order = np.lexsort((place[self.item], -self.score, self.customer))
        customer, item = self.customer[order], self.item[order]
        rank = np.arange(len(customer)) - np.searchsorted(customer, customer)
        lists, scores, rows = np.full(shape, NONE, dtype=np.int64), np.zeros(shape), rank < shape[1]
        lists[customer[rows], rank[rows]] = item[rows]
        scores[customer[rows], rank[rows]] = self.score[order][rows]
        return lists, scores


def popularity(history: BasketHistory) -> Floats:
    """Share of all baskets that hold each item, shape (items,)."""
    counts = np.bincount(history.item, minlength=len(history.items))
    shares: Floats = counts / max(_baskets(history), 1)
    return shares


def _places(shares: Floats) -> tuple[Ints, Ints]:
    """Items in order of their shares, highest first, and the place of each item in it: both of shape (items,)."""
    order = np.argsort(-shares, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return order, place


def _baskets(history: BasketHistory) -> int:
    width = int(history.age.max(initial=0)) + 1
    return len(np.unique(history.customer * width + history.age))


def _new_items(customer: Ints, place: Ints, customers: int, by_popularity: Ints, length: int) -> Ints:
    """The most popular items that a customer has not bought, found without a table of all customers and items.

    If a customer's items have places p0 < p1 < ... in the order of popularity, pm - m other items come before pm;
    so the j-th item that he has not bought has the place j plus the number of m with pm - m <= j.
    """
    order = np.lexsort((place, customer))
    customer, place = customer[order], place[order]
    others = place - (np.arange(len(customer)) - np.searchsorted(customer, customer))
    early = others < length
    counts = np.bincount(customer[early] * length + others[early], minlength=customers * length)
    places = np.arange(length) + counts.reshape(customers, length).cumsum(axis=1)
    there = places < len(by_popularity)
    return np.where(there, by_popularity[np.where(there, places, 0)], NONE)
