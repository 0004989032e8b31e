"""Differences between two groups with their intervals, the check of their split, and what their sizes can show.

Newcombe 1998 (Statistics in Medicine 17, 873, method 10) for shares, from Wilson's interval of each; Welch for means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

LEVEL, POWER = 0.95, 0.8
# With fewer customers in a group, or fewer buyers in both, nothing can be said.
LEAST_CUSTOMERS, LEAST_BUYERS = 50, 10
# Below this probability the split is taken to be wrong.
WRONG_SPLIT = 0.001
Verdict = Literal["more", "less", "no difference shown", "not yet measurable", "split is wrong"]


@dataclass(frozen=True)
class Group:
    """Customers of one arm: their number, how many bought, and sum and sum of squares of what they spent."""

    customers: int = 0
    buyers: int = 0
    spend: float = 0.0
    squares: float = 0.0

    @property
    def conversion(self) -> float:
        """Share who bought."""
        return self.buyers / self.customers

    @property
    def mean(self) -> float:
        """Mean spending."""
        return self.spend / self.customers

    @property
    def variance(self) -> float:
        """Unbiased variance of spending."""
        centred = self.squares - self.spend**2 / self.customers
        return max(centred, 0.0) / max(self.customers - 1, 1)


@dataclass(frozen=True)
class LiftEstimate:
    """A difference with its interval, and the smallest that the sizes can show."""

    lift: float
    low: float
    high: float
    detectable: float


def of_conversion(assigned: Group, control: Group) -> LiftEstimate:
    """Difference of the shares who bought."""
    one, other = assigned.conversion, control.conversion
    (low, high), (low_control, high_control) = (_wilson(g.conversion, g.customers) for g in (assigned, control))
    below = math.hypot(one - low, high_control - other)
    above = math.hypot(high - one, other - low_control)
    # What the same interval needs to exclude 0, if both groups bought as all did.
    pooled = (assigned.buyers + control.buyers) / (assigned.customers + control.customers)
    low, high_control = _wilson(pooled, assigned.customers)[0], _wilson(pooled, control.customers)[1]
    error = math.hypot(pooled - low, high_control - pooled) / _quantile((1 + LEVEL) / 2)
    return LiftEstimate(one - other, one - other - below, one - other + above, _detectable(error))


def of_spend(assigned: Group, control: Group) -> LiftEstimate:
    """Difference of mean spending; each group has at least two customers."""
    from scipy.stats import t

    parts = [group.variance / group.customers for group in (assigned, control)]
    error, lift = math.sqrt(sum(parts)), assigned.mean - control.mean
    if not error:
        return LiftEstimate(lift, lift, lift, 0.0)
    groups = zip(parts, (assigned, control), strict=True)
    freedom = sum(parts) ** 2 / sum(part**2 / (group.customers - 1) for part, group in groups)
    half = float(t.ppf((1 + LEVEL) / 2, freedom)) * error
    return LiftEstimate(lift, lift - half, lift + half, _detectable(error))


def split_p_value(assigned: int, control: int, share: float) -> float | None:
    """Probability that chance splits them so far from the declared share; None if nothing is declared or there."""
    from scipy.stats import chi2

    total = assigned + control
    if not total or not 0 < share < 1:
        return None
    expected = total * share
    return float(chi2.sf((control - expected) ** 2 / expected + (control - expected) ** 2 / (total - expected), 1))


def verdict(assigned: Group, control: Group, difference: LiftEstimate | None, split: float | None) -> Verdict:
    """What can be said of a difference."""
    if split is not None and split < WRONG_SPLIT:
        return "split is wrong"
    few = min(assigned.customers, control.customers) < LEAST_CUSTOMERS
    if difference is None or few or assigned.buyers + control.buyers < LEAST_BUYERS:
        return "not yet measurable"
    if difference.low <= 0 <= difference.high:
        return "no difference shown"
    return "more" if difference.low > 0 else "less"


def _wilson(share: float, total: int) -> tuple[float, float]:
    z = _quantile((1 + LEVEL) / 2)
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return centre - half, centre + half


def _detectable(error: float) -> float:
    return (_quantile((1 + LEVEL) / 2) + _quantile(POWER)) * error


def _quantile(probability: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(probability))
