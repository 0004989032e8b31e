"""BG/NBD: how often a customer without a contract buys, and whether he still does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.buying import formulas
from ml.buying.likelihood import Maximum, maximise
from ml.lifecycle.train import TooLittleDataError
from quanyu.errors import ConfigError

if TYPE_CHECKING:
    from quanyu.grammar.task import Floats

LEAST_REPEATERS = 30
STARTS = ((1.0, 0.3, 1.0, 1.0), (0.3, 0.1, 0.5, 2.5), (3.0, 1.0, 2.0, 10.0), (0.5, 1.0, 0.1, 1.0))
LEAST = 1e-5


@dataclass(frozen=True)
class PurchaseHistories:
    """What BG/NBD needs to know of each customer; all have shape (rows,), times in days.

    `repeats` are days with a purchase after the first, `last` the time from the first purchase to the last, and `age`
    the time from the first purchase to now. `weights` are the customers that each row stands for.
    """

    repeats: Floats
    last: Floats
    age: Floats
    weights: Floats

    @classmethod
    def of(cls, repeats: Floats, last: Floats, age: Floats) -> PurchaseHistories:
        """Histories of single customers, equal ones together. ConfigError when they contradict themselves."""
        rows = np.stack((repeats, last, age)).astype(np.float64)
        if not np.isfinite(rows).all():
            raise ConfigError("BG/NBD: a history has an unknown or infinite value; leave such customers out.")
        if (rows < 0).any() or (rows[1] > rows[2]).any():
            raise ConfigError("BG/NBD: a history has a negative number, or a last purchase after its end.")
        if ((rows[0] > 0) != (rows[1] > 0)).any():
            raise ConfigError(
                "BG/NBD: who bought again must have a last purchase after the first, and who did not none."
            )
        same, counts = np.unique(rows, axis=1, return_counts=True)
        return cls(same[0], same[1], same[2], counts.astype(np.float64))


@dataclass(frozen=True)
class BgNbd:
    """Rates of buying vary as Gamma(r, alpha), the probability to leave after a purchase as Beta(a, b).

    Source: Fader, Hardie, Lee, "Counting your customers the easy way: an alternative to the Pareto/NBD model",
    Marketing Science 24 (2005). alpha is in days. Intervals are by the delta method on logarithms.
    """

    maximum: Maximum

    @classmethod
    def fit(cls, histories: PurchaseHistories) -> BgNbd:
        """Find the parameters of greatest likelihood; TooLittleDataError when too few customers bought again."""
        repeaters = histories.weights[histories.repeats > 0].sum()
        if repeaters < LEAST_REPEATERS:
            raise TooLittleDataError(
                f"{repeaters:,.0f} customers bought on a second day; BG/NBD needs at least {LEAST_REPEATERS}."
            )
        scale = float(np.average(histories.age, weights=histories.weights))
        scaled = PurchaseHistories(histories.repeats, histories.last / scale, histories.age / scale, histories.weights)
        likelihood, rows = _Likelihood.of(scaled), float(histories.weights.sum())
        maximum = maximise(likelihood.mean, STARTS, (LEAST,) * 4, rows, "BG/NBD")
        r, alpha, a, b = maximum.parameters
        # Of times as they are: densities of the repeats shrink as their unit does.
        shift = float((histories.weights * histories.repeats).sum() * np.log(scale))
        return cls(Maximum((r, alpha * scale, a, b), maximum.covariance, maximum.log_likelihood - shift))

    @property
    def rates(self) -> dict[str, float]:
        """The parameters by name."""
        return dict(zip(("r", "alpha", "a", "b"), self.maximum.parameters, strict=True))

    def probability_alive(self, histories: PurchaseHistories) -> Floats:
        """Probability that each customer still buys, shape (rows,)."""
        chances: Floats = formulas.probability_alive(self.rates, histories.repeats, histories.last, histories.age)
        return chances

    def expected_purchases(self, histories: PurchaseHistories, horizon: float) -> Floats:
        """Expected days with a purchase of each customer in the next `horizon` days, shape (rows,)."""
        purchases: Floats = formulas.expected_purchases(
            self.rates, horizon, histories.repeats, histories.last, histories.age
        )
        return purchases

    def probability_of_none(self, histories: PurchaseHistories, horizon: float) -> Floats:
        """Probability that each customer buys nothing in the next `horizon` days, shape (rows,)."""
        chances: Floats = formulas.probability_of_none(
            self.rates, horizon, histories.repeats, histories.last, histories.age
        )
        return chances


@dataclass(frozen=True)
class _Likelihood:
    """Mean log-likelihood of histories, with its gradient; gamma functions once for each number of repeats."""

    histories: PurchaseHistories
    counts: Floats
    of_count: Floats

    @classmethod
    def of(cls, histories: PurchaseHistories) -> _Likelihood:
        counts, places = np.unique(histories.repeats, return_inverse=True)
        return cls(histories, counts, np.bincount(places, histories.weights).astype(np.float64))

    def mean(self, parameters: Floats) -> tuple[float, Floats]:
        """Mean log-likelihood and its gradient by r, alpha, a and b."""
        from scipy.special import digamma, gammaln

        r, alpha, a, b = parameters
        x, rows = self.histories.repeats, self.of_count.sum()
        n, of_count, both = self.counts, self.of_count, np.log(alpha)
        gammas = gammaln(r + n) - gammaln(r) + gammaln(a + b) + gammaln(b + n) - gammaln(b) - gammaln(a + b + n)
        until, now = np.log(alpha + self.histories.last), np.log(alpha + self.histories.age)
        stays, again = -(r + x) * now, x > 0
        leaves = np.where(again, np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * until, -np.inf)
        total = np.logaddexp(stays, leaves)
        gone = np.exp(leaves - total) * self.histories.weights
        here = self.histories.weights - gone
        # Sums, not products of vectors: BLAS waits for threads, and adds in an order of theirs.
        mean = ((of_count * gammas).sum() + (self.histories.weights * total).sum()) / rows + r * both
        by_r = (of_count * digamma(r + n)).sum() / rows - digamma(r) + both
        by_r -= (here * now + gone * until).sum() / rows
        times = here / (alpha + self.histories.age) + gone / (alpha + self.histories.last)
        by_alpha = r / alpha - ((r + x) * times).sum() / rows
        common = digamma(a + b) - (of_count * digamma(a + b + n)).sum() / rows
        by_a = common + gone.sum() / a / rows
        by_b = common + (of_count * digamma(b + n)).sum() / rows - digamma(b)
        by_b -= (gone[again] / (b + x[again] - 1)).sum() / rows
        return float(mean), np.array([by_r, by_alpha, by_a, by_b])
