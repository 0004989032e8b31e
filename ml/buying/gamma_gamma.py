"""Gamma-Gamma: what a purchase of a customer is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.buying import formulas
from ml.buying.bg_nbd import LEAST_REPEATERS
from ml.buying.likelihood import Maximum, maximise
from ml.lifecycle.train import TooLittleDataError
from quanyu.errors import ConfigError

if TYPE_CHECKING:
    from quanyu.grammar.task import Floats

STARTS = ((2.0, 3.0, 3.0), (6.0, 4.0, 1.0), (0.8, 1.5, 1.0))
# Below q = 1 the mean of all customers has no bound.
LEAST = (1e-4, 1.01, 1e-6)


@dataclass(frozen=True)
class GammaGamma:
    """Values of purchases vary as Gamma(p, v) around the customer's mean, and v between customers as Gamma(q, gamma).

    Source: Fader, Hardie, "The Gamma-Gamma model of monetary value", brucehardie.com/notes/025 (2013). It assumes that
    value and number of purchases do not go together. Intervals are by the delta method on logarithms.
    """

    maximum: Maximum

    @classmethod
    def fit(cls, days: Floats, spent: Floats) -> GammaGamma:
        """Find the parameters of greatest likelihood, from mean values `spent` on `days` of buying, shape (rows,).

        ConfigError where an amount is not above 0; TooLittleDataError where too few customers bought twice.
        """
        if not (np.isfinite(spent).all() and (spent > 0).all() and (days >= 1).all()):
            raise ConfigError("Gamma-Gamma: a customer's mean value is not above 0; leave such customers out.")
        if (repeaters := int((days > 1).sum())) < LEAST_REPEATERS:
            raise TooLittleDataError(
                f"{repeaters:,} customers bought on two days; Gamma-Gamma needs at least {LEAST_REPEATERS}."
            )
        scale, rows = float(np.median(spent)), len(days)
        scaled = spent / scale
        maximum = maximise(lambda parameters: _mean(parameters, days, scaled), STARTS, LEAST, rows, "Gamma-Gamma")
        p, q, gamma = maximum.parameters
        likelihood = maximum.log_likelihood - rows * float(np.log(scale))
        return cls(Maximum((p, q, gamma * scale), maximum.covariance, likelihood))

    @property
    def values(self) -> dict[str, float]:
        """The parameters by name."""
        return dict(zip(("p", "q", "gamma"), self.maximum.parameters, strict=True))

    def mean_value(self, days: Floats, spent: Floats) -> Floats:
        """Expected value of a day with a purchase of each customer, shape (rows,); of all where `days` is 0."""
        means: Floats = formulas.mean_value(self.values, days, spent)
        return means


def _mean(parameters: Floats, days: Floats, spent: Floats) -> tuple[float, Floats]:
    """Mean log-likelihood and its gradient by p, q and gamma."""
    from scipy.special import digamma, gammaln

    p, q, gamma = parameters
    sizes, total = p * days, np.log(gamma + days * spent)
    likelihood = gammaln(sizes + q) - gammaln(sizes) - gammaln(q) + q * np.log(gamma)
    likelihood += (sizes - 1) * np.log(spent) + sizes * np.log(days) - (sizes + q) * total
    by_p = days * (digamma(sizes + q) - digamma(sizes) + np.log(days * spent) - total)
    by_q = digamma(sizes + q) - digamma(q) + np.log(gamma) - total
    by_gamma = q / gamma - (sizes + q) / (gamma + days * spent)
    return float(likelihood.mean()), np.array([by_p.mean(), by_q.mean(), by_gamma.mean()])
