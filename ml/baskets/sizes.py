"""Which size fits a customer in a category: his own, or that of customers whose sizes in other categories are his.

A customer's sizes in other categories tell his size in this one by naive Bayes: the share of a size among those who
wear it there, times what each of his other sizes says for or against it. Shares of few customers are drawn towards
those of all (a Dirichlet prior that weighs as much as `PRIOR` customers).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd
    import scipy.sparse as sp

    from quanyu.grammar.task import Floats

Ints = NDArray[np.int64]
PRIOR = 10.0
LEAST_TESTED = 30
# Normal quantile of a one-sided bound of 95 %.
BOUND = 1.645


@dataclass(frozen=True)
class OwnSizes:
    """The size that each customer kept most of in each category: places, all of shape (rows,), a row for each pair.

    `size` are places of category and size together, of which `category_of` gives the category, shape (sizes,). `share`
    is that of the size among what he kept there, and `usual` the size that most customers have in each category,
    shape (categories,): pieces would let who buys much say what is usual.
    """

    customer: Ints
    size: Ints
    share: Floats
    category_of: Ints
    usual: Ints
    customers: int

    @classmethod
    def of(cls, pieces: pd.DataFrame, category_of: Ints, customers: int) -> OwnSizes:
        """Read columns customer, size and pieces, a row for each pair; who kept none of a size has no row.

        Of equals the first size counts.
        """
        rows = pieces[pieces["pieces"] > 0].sort_values(["customer", "size"], kind="stable")
        rows = rows.assign(category=category_of[rows["size"].to_numpy("int64")])
        total = rows.groupby(["customer", "category"])["pieces"].transform("sum")
        rows = rows.assign(share=rows["pieces"] / total)
        most = rows.sort_values(["customer", "category", "pieces", "size"], ascending=[True, True, False, True])
        most = most.drop_duplicates(["customer", "category"])
        size = most["size"].to_numpy("int64")
        return cls(
            most["customer"].to_numpy("int64"), size, most["share"].to_numpy("float64"), category_of,
            _most_of_each(size, category_of), customers,
        )  # fmt: skip

    @property
    def category(self) -> Ints:
        """Category of each row, shape (rows,)."""
        category: Ints = self.category_of[self.size]
        return category

    def where(self, rows: NDArray[np.bool_]) -> OwnSizes:
        """The chosen rows; what is usual stays."""
        return OwnSizes(
            self.customer[rows], self.size[rows], self.share[rows], self.category_of, self.usual, self.customers
        )

    def worn(self) -> sp.csr_matrix:
        """Ones where a customer has a size: shape (customers, sizes)."""
        import scipy.sparse as sp

        shape = (self.customers, len(self.category_of))
        return sp.csr_matrix((np.ones(len(self.size)), (self.customer, self.size)), shape=shape)


@dataclass(frozen=True)
class AlikeSizes:
    """What sizes in other categories say of a size: logarithms of ratios and of shares, by category.

    `categories` are those in which this beats the usual size on customers who were held out.
    """

    own: OwnSizes
    categories: tuple[int, ...]

    @classmethod
    def learned(cls, own: OwnSizes) -> AlikeSizes:
        """Learn from half of the customers, test on the others, and keep the categories that pass.

        Neither half depends on the order of what was read: places of customers are those of their sorted keys.
        """
        even = own.customer % 2 == 0
        learners, tested = own.where(even), own.where(~even)
        model = cls(learners, ())
        worn = tested.worn()
        passed = []
        for category in range(len(own.usual)):
            rows = np.flatnonzero(tested.category == category)
            others = np.asarray(worn[tested.customer[rows]].sum(axis=1)).ravel() > 1
            customers, true = tested.customer[rows][others], tested.size[rows][others]
            if len(customers) < LEAST_TESTED:
                continue
            size, _ = model.foretold(worn[customers], category)
            if _surely_more(size == true, true == learners.usual[category]):
                passed.append(category)
        return cls(own, tuple(passed))

    def foretold(self, worn: sp.csr_matrix, category: int) -> tuple[Ints, Floats]:
        """The size expected in a category, and its probability, from sizes worn elsewhere: both (rows,).

        `worn` has shape (rows, sizes); what it says of the category itself is not used.
        """
        sizes = np.flatnonzero(self.own.category_of == category)
        both, wearers = self._together
        both, here = both[:, sizes].toarray(), wearers[sizes] + 1.0
        shares = here / here.sum()
        told = (both + PRIOR * shares) / (both.sum(axis=1, keepdims=True) + PRIOR)
        ratios = np.log(told / shares)
        ratios[sizes] = 0.0
        scores = np.asarray(worn @ ratios) + np.log(shares)
        chances = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        best = chances.argmax(axis=1)
        return sizes[best], chances[np.arange(len(best)), best]

    @cached_property
    def _together(self) -> tuple[sp.csc_matrix, Floats]:
        """Customers who wear both of two sizes, shape (sizes, sizes), and who wear each, shape (sizes,)."""
        worn = self.own.worn()
        return (worn.T @ worn).tocsc(), np.asarray(worn.sum(axis=0)).ravel()

    def fits(self) -> tuple[Ints, Ints, Floats]:
        """Places of customers without a size of their own in a passed category, the size, and its probability."""
        worn = self.own.worn()
        parts = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
        for category in self.categories:
            has = np.zeros(self.own.customers, dtype=bool)
            has[self.own.customer[self.own.category == category]] = True
            some = np.asarray(worn.sum(axis=1)).ravel() > 0
            customers = np.flatnonzero(some & ~has)
            if len(customers):
                parts.append((customers, *self.foretold(worn[customers], category)))
        customer, size, chance = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        return customer, size, chance


def _most_of_each(size: Ints, category_of: Ints) -> Ints:
    """The most frequent size of each category; the first of equals."""
    counts = np.bincount(size, minlength=len(category_of))
    order = np.lexsort((np.arange(len(counts)), -counts, category_of))
    firsts = np.r_[True, np.diff(category_of[order]) != 0][: len(order)]
    return np.asarray(order[firsts], dtype=np.int64)


def _surely_more(hits: NDArray[np.bool_], plain: NDArray[np.bool_]) -> bool:
    """Whether there are more hits than plain ones on the same rows, by a one-sided bound of 95 %."""
    gains = hits.astype(np.float64) - plain
    return bool(gains.mean() - BOUND * gains.std(ddof=1) / np.sqrt(len(gains)) > 0)
