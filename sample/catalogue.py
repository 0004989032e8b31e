"""What is sold, from which month on, and at which price in which month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from sample.words import CATEGORIES, SERIES

PER_CATEGORY = 30
# Items that come into the shops one by one, after the first day.
LATER_SHARE = 0.3


@dataclass(frozen=True)
class Product:
    """An item; prices in fen, `enters` in months after the opening."""

    code: str
    name: str
    category: str
    series: str
    price: int
    cost: int
    enters: int
    steps: tuple[int, ...]

    def price_in(self, month: int) -> int:
        """Return the list price in fen, which falls by a tenth in each of the item's markdown months."""
        return round(self.price * 0.9 ** sum(step <= month for step in self.steps) / 100) * 100 - 100


def draw_products(seed: int) -> list[Product]:
    """Return the whole range, of which a month sells what has entered."""
    rng = np.random.default_rng([seed, 1])
    return [_product(rng, category, number) for category in CATEGORIES for number in range(PER_CATEGORY)]


def _product(rng: np.random.Generator, category: str, number: int) -> Product:
    initial, usual, nouns = CATEGORIES[category]
    series = SERIES[int(rng.integers(len(SERIES)))]
    price = int(usual * rng.lognormal(0, 0.45)) * 100 + 1000
    enters = int(rng.integers(1, 24)) if rng.random() < LATER_SHARE else 0
    return Product(
        code=f"{initial}{10000 + number * 31 + enters}",
        name=f"{series}{nouns[number % len(nouns)]}{number:02d}",
        category=category,
        series=series,
        price=price,
        cost=int(price * rng.uniform(0.3, 0.55)),
        enters=enters,
        steps=tuple(int(step) for step in rng.integers(enters + 3, enters + 18, size=2)),
    )


def month_of(start: date, day: date) -> int:
    """Return how many calendar months lie between the opening and a day."""
    return (day.year - start.year) * 12 + day.month - start.month
