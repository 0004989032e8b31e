"""Lift of a treatment over its holdout: the difference of two means, with its interval, in sums over the treated."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Two-sided 95 % of the normal distribution.
Z = 1.959964
# A smaller holdout gives an interval that the normal form does not bear out.
LEAST_HOLDOUT = 100


@dataclass(frozen=True)
class Arm:
    """Customers of an arm, and the sum and the sum of squares of an outcome over them; those without one count as 0."""

    customers: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        """Outcome per customer."""
        return self.total / self.customers

    @property
    def variance(self) -> float:
        """Sample variance of the outcome."""
        spread = self.squares - self.customers * self.mean**2
        return max(spread, 0.0) / (self.customers - 1)


@dataclass(frozen=True)
class Lift:
    """What a treatment brought over all treated, in the unit of the outcome, with the 95 % interval."""

    amount: float
    low: float
    high: float


def lift(treated: Arm, holdout: Arm) -> Lift | None:
    """Lift by difference of means, with unequal variances (Welch); None if an arm is too small to tell."""
    if treated.customers < 2 or holdout.customers < LEAST_HOLDOUT:
        return None
    difference = treated.mean - holdout.mean
    error = math.sqrt(treated.variance / treated.customers + holdout.variance / holdout.customers)
    low, high = difference - Z * error, difference + Z * error
    return Lift(*(treated.customers * value for value in (difference, low, high)))
