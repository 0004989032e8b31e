"""What the steps of next items found out, for the summary of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quanyu.run.facts import Facts


@dataclass(frozen=True)
class AssociationFacts(Facts):
    """Pairs that were looked at, those above chance in the first period, and those that were again in the later one."""

    looked_at: int
    first: int
    replicated: int


@dataclass(frozen=True)
class NextItemFacts(Facts):
    """Recall at 10 of last baskets, of the lists and of plain ones, over customers who did not choose the weights.

    `new_recall` is that of the list of new items, of what was new to the customers of `new_customers` who bought such
    in the last month, and `plain_new_recall` that of the items that most had bought in all time;
    all are 0 where nobody did.
    """

    recall_at_10: float
    plain_recall: float
    customers: int
    new_recall: float
    plain_new_recall: float
    new_customers: int


@dataclass(frozen=True)
class SizeFacts(Facts):
    """Later purchases by basis of the fit: their number, hits of the fit, and of the size that most customers have."""

    bought: Mapping[str, int]
    hits: Mapping[str, float]
    plain_hits: Mapping[str, float]
