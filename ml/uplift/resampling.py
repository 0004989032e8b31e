"""Bootstrap intervals of figures of customers: how often each customer was drawn, and percentiles of the figure.

Efron and Tibshirani (1993), An introduction to the bootstrap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ml.uplift.experiment import Floats, Ints

LEVEL = 0.95


@dataclass(frozen=True)
class ConfidenceInterval:
    """A figure, and the bounds between which it lies with a probability of 95 % or as said."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"

    @classmethod
    def of(cls, value: float, figures: Floats, level: float = LEVEL) -> ConfidenceInterval:
        """Return the interval of a figure from its bootstrap figures, shape (repeats,), without those that are nan."""
        known = figures[np.isfinite(figures)]
        if not len(known):
            return cls(value, float("nan"), float("nan"))
        low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
        return cls(value, float(low), float(high))


def draws_of(units: Ints, repeats: int, seed: int) -> Iterator[Floats]:
    """How often each row was drawn, shape (rows,), once per repeat. Rows of the same unit are drawn together."""
    random = np.random.default_rng(seed)
    _, places = np.unique(units, return_inverse=True)
    many = int(places.max()) + 1
    for _ in range(repeats):
        yield np.bincount(random.integers(many, size=many), minlength=many)[places].astype(np.float64)


def resampled(
    figure: Callable[[Floats | None], float], units: Ints, repeats: int, seed: int, level: float = LEVEL
) -> ConfidenceInterval:
    """Return the bootstrap interval of a figure, which is computed from how often each row counts."""
    figures = np.array([figure(draws) for draws in draws_of(units, repeats, seed)])
    return ConfidenceInterval.of(figure(None), figures, level)
