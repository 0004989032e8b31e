"""What happened on a day, as columns. The feeds are written from these."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from sample.columns import Array
from sample.columns.groups import place_within


@dataclass
class Baskets:
    """A day's paid baskets, ordered by channel, store and time. A basket's number is its index 0..n-1 within the day.

    `person` (-1: a stranger, in stores only), `channel` (0 store, 1 shop, 2 market, 3 mall), `store` (-1 online),
    `second` of the day. Lines of basket b are rows first[b]:first[b + 1]: `sku` index, `quantity`, `amount` in fen
    (line total paid), `discount` in fen off the list price and `promotion` that gave it (index into PROMOTIONS, -1:
    none), `basket` number, `back_after` days until the line is returned or refunded (0: never).
    """

    person: Array
    channel: Array
    store: Array
    second: Array
    first: Array
    basket: Array
    sku: Array
    quantity: Array
    amount: Array
    discount: Array
    promotion: Array
    back_after: Array

    def __len__(self) -> int:
        return len(self.person)

    def of(self, channel: int, store: int | None = None) -> Array:
        """Return the basket numbers (int64) of a channel, or of one store."""
        mask = self.channel == channel
        return np.flatnonzero(mask if store is None else mask & (self.store == store))

    def lines(self, numbers: Array) -> tuple[Array, Array]:
        """Return the line rows of some baskets in order, and the number of lines of each basket, both int64."""
        counts = self.first[numbers + 1] - self.first[numbers]
        return place_within(counts) + np.repeat(self.first[numbers], counts), counts

    def totals(self) -> Array:
        """Return int64 (baskets,): fen paid."""
        return np.asarray(np.add.reduceat(self.amount, self.first[:-1])) if len(self) else np.zeros(0, np.int64)


@dataclass
class Returns:
    """Lines returned (in stores) or refunded (online) on a day: `line` is the row in Baskets of the sale's `day`."""

    day: Array
    line: Array


@dataclass
class DayFacts:
    """One day: its baskets, its returns, and its new members.

    `day` counts from the start; `joined` holds the persons who became members today; `bought` the persons
    with a basket today; `extras` holds what steps (see sample/steps.py) compute for their feeds.
    """

    day: int
    date: date
    baskets: Baskets
    returns: Returns
    joined: Array
    extras: dict[str, Any] = field(default_factory=dict)

    @property
    def bought(self) -> Array:
        """Return the persons with a basket today, each once."""
        persons = self.baskets.person
        return np.unique(persons[persons >= 0])
