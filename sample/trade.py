"""What is bought on a day: baskets in the stores and online, computed from the seed and that day alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from sample.catalogue import Product, draw_products, month_of
from sample.population import Person, draw_people
from sample.visits import draw_visits
from sample.words import CATEGORIES

STORES = ("S01", "S02", "S03", "S04")
RETURN_SHARE, RETURN_DAYS = 0.05, 20
WALK_INS = 1.0


@dataclass(frozen=True)
class Line:
    """An item of a basket; amount in fen, and after how many days it is brought back (0: never)."""

    product: Product
    quantity: int
    amount: int
    returned_after: int = 0


@dataclass(frozen=True)
class Basket:
    """What one buyer takes at one time; `person` is None for a stranger, `store` is None online."""

    second: int
    person: Person | None
    store: str | None
    lines: tuple[Line, ...]


class Trade:
    """The trade of the house since it opened on `start`."""

    def __init__(self, customers: int, start: date, seed: int) -> None:
        self.start, self.seed = start, seed
        self.people = draw_people(customers, seed)
        self.visits = draw_visits(self.people, start, seed)
        self.products = draw_products(seed)
        self._baskets = lru_cache(maxsize=RETURN_DAYS + 2)(self._draw)

    def baskets(self, day: int) -> tuple[Basket, ...]:
        """Return the purchases of a day, by time."""
        return self._baskets(day)

    def returns(self, day: int) -> tuple[Basket, ...]:
        """Return what is brought back to the stores on a day, with negative quantities and amounts."""
        back = []
        for after in range(1, min(RETURN_DAYS, day) + 1):
            for basket in self.baskets(day - after):
                lines = tuple(
                    Line(line.product, -line.quantity, -line.amount)
                    for line in basket.lines
                    if line.returned_after == after
                )
                if lines and basket.store:
                    back.append(Basket(min(basket.second + 1800, 79_000), basket.person, basket.store, lines))
        return tuple(back)

    def date(self, day: int) -> date:
        """Return the date of a day."""
        return self.start + timedelta(days=day)

    def _draw(self, day: int) -> tuple[Basket, ...]:
        rng = np.random.default_rng([self.seed, 3, day])
        range_ = _Range(self.products, month_of(self.start, self.date(day)))
        buyers: list[Person | None] = [self.people[place] for place in self.visits.get(day, [])]
        strangers = [None] * int(rng.poisson(WALK_INS * len(self.people) / 600))
        baskets = [_basket(rng, buyer, range_) for buyer in [*buyers, *strangers]]
        return tuple(sorted(baskets, key=lambda basket: basket.second))


class _Range:
    """What a month sells, by category."""

    def __init__(self, products: list[Product], month: int) -> None:
        self.month = month
        self.products = [
            [item for item in products if item.category == category and item.enters <= month] for category in CATEGORIES
        ]


def _basket(rng: np.random.Generator, person: Person | None, range_: _Range) -> Basket:
    online = person is not None and rng.random() < person.online
    store = int(rng.choice(4, p=[0.4, 0.27, 0.2, 0.13])) if person is None or rng.random() < 0.1 else person.store
    second = int(rng.integers(7 * 3600, 24 * 3600) if online else rng.normal(15.5, 2.6) * 3600)
    more = int(rng.poisson(min(0.7 * (person.purse if person else 0.7), 3)))
    lines = tuple(_line(rng, person, range_) for _ in range(1 + more))
    return Basket(
        second if online else min(max(second, 36_000), 79_000), person, None if online else STORES[store], lines
    )


def _line(rng: np.random.Generator, person: Person | None, range_: _Range) -> Line:
    shares = person.taste if person else None
    items = range_.products[int(rng.choice(len(CATEGORIES), p=shares))]
    looked_at = sorted((items[int(index)] for index in rng.integers(len(items), size=3)), key=lambda item: item.price)
    product = looked_at[min(int(rng.random() * 3 * (person.purse if person else 0.8)), 2)]
    quantity = 1 + int(rng.random() < 0.12)
    discount = float(rng.choice([1.0, 0.95, 0.88, 0.8], p=[0.6, 0.15, 0.15, 0.1]))
    amount = round(product.price_in(range_.month) * quantity * discount)
    returned = int(rng.integers(2, RETURN_DAYS + 1)) if rng.random() < RETURN_SHARE else 0
    return Line(product, quantity, amount, returned)
