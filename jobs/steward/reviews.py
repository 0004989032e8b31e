"""The stewards' work list: pairs of customers that may be one, the most useful decision first, page by page."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from jobs.steward.directory import Directory, RecordKey
from jobs.steward.verdicts import Verdicts
from jobs.unify.ids.publish import MOST_REVIEWS

REVIEWS = "gold/identity_reviews"


@dataclass(frozen=True)
class CustomerPair:
    """Two customers that may be one, with the pair of their records that is most likely one person.

    `probability` is None for names of two persons. `sizes` are the customers' numbers of records; `pairs` is how many
    pairs of their records are listed. A record without an id is a customer of its own.
    """

    customers: tuple[str, str]
    sizes: tuple[int, int]
    one: RecordKey
    other: RecordKey
    probability: float | None
    reason: str
    pairs: int

    @property
    def usefulness(self) -> float:
        """Records that a decision is expected to bring to their customer: of the smaller one, by the probability."""
        return (self.probability or 0.0) * min(self.sizes)


@dataclass(frozen=True)
class ReviewList:
    """All pairs of customers to review, in order; `decided` is how many more have a verdict already.

    `complete` is False where the run listed no more record pairs than it may.
    """

    items: list[CustomerPair]
    decided: int
    complete: bool

    def pages(self, size: int) -> int:
        """Number of pages of so many pairs."""
        return -(-len(self.items) // size)


def review_list(directory: Directory) -> ReviewList:
    """Group the record pairs that the last run listed by customers, without pairs of customers with a verdict."""
    lake = directory.lake
    if not lake.exists(REVIEWS):
        return ReviewList([], 0, True)
    rows = lake.arrow(REVIEWS).to_table().to_pandas()
    rows = rows.sort_values(["probability", "a_key", "b_key"], ascending=[False, True, True])
    pairs = [tuple(RecordKey(row[f"{side}_source"], row[f"{side}_key"]) for side in ("a", "b"))
             for row in rows.to_dict("records")]  # fmt: skip
    verdicts = [(verdict.one, verdict.other) for verdict in Verdicts(directory).current]
    customers = directory.customers_of(end for pair in (*pairs, *verdicts) for end in pair)
    decided = {_customers(pair, customers) for pair in verdicts}
    groups = defaultdict(list)
    for pair, row in zip(pairs, rows.to_dict("records"), strict=True):
        groups[_customers(pair, customers)].append((*pair, row))
    sizes = Counter(directory.current_ids["customer_id"])
    items = [_item(group, customers, sizes) for pair, group in groups.items() if pair not in decided]
    items.sort(key=lambda item: (-item.usefulness, item.probability is None, item.one, item.other))
    return ReviewList(items, len(decided & set(groups)), len(rows) < MOST_REVIEWS)


def _customers(pair: Iterable[RecordKey], customers: Mapping[RecordKey, str]) -> frozenset[str]:
    """The customers of two records; a record without an id is one of its own."""
    return frozenset(customers.get(end, str(end)) for end in pair)


def _item(
    group: list[tuple[RecordKey, RecordKey, dict[Any, Any]]], customers: dict[RecordKey, str], sizes: Counter[str]
) -> CustomerPair:
    one, other, row = group[0]
    pair = (customers.get(one, str(one)), customers.get(other, str(other)))
    probability = None if pd.isna(row["probability"]) else float(row["probability"])
    both = (sizes.get(pair[0], 1), sizes.get(pair[1], 1))
    return CustomerPair(pair, both, one, other, probability, row["reason"], len(group))
