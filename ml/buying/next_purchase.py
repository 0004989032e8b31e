"""When a customer buys next: by his own rhythm, and by BG/NBD, which knows that some never do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.buying import formulas
from ml.buying.bg_nbd import LEAST_REPEATERS, BgNbd, PurchaseHistories
from ml.buying.likelihood import Maximum, maximise
from ml.lifecycle.train import TooLittleDataError
from quanyu.errors import ConfigError

if TYPE_CHECKING:
    from quanyu.grammar.task import Floats

STARTS = ((1.0, 0.3, 1.0), (0.5, 1.0, 0.3))
LEAST = (1e-6, 1e-4, 1e-4)


@dataclass(frozen=True)
class PurchaseRhythm:
    """Gaps between days with a purchase are log-normal around the customer's own, and these around that of all.

    The fewer gaps a customer has, the more those of all count (empirical Bayes: Efron, Morris, "Data analysis using
    Stein's estimator", JASA 70, 1975). The parameters are the gap of all in days, and the variances of logarithms
    `between` customers and `within` one. Purchases that have not come yet do not take part: of who never comes again
    it says when he would.
    """

    maximum: Maximum

    @classmethod
    def fit(cls, gaps: Floats, typical: Floats) -> PurchaseRhythm:
        """Find the parameters from the number of gaps and the median gap in days of customers, both (rows,).

        Customers without a gap do not take part. TooLittleDataError where too few have one, ConfigError for a gap
        that is not above 0.
        """
        has = gaps > 0
        counts, days = gaps[has], typical[has]
        if len(counts) < LEAST_REPEATERS:
            raise TooLittleDataError(
                f"{len(counts):,} customers have a gap between purchases; a rhythm needs at least {LEAST_REPEATERS}."
            )
        if not (np.isfinite(days).all() and (days > 0).all()):
            raise ConfigError("Next purchase: a customer's gap is not above 0 days.")
        scale, logs = float(np.median(days)), np.log(days / np.median(days))
        maximum = maximise(
            lambda parameters: _mean(parameters, counts, logs), STARTS, LEAST, len(counts), "the rhythm of buying"
        )
        gap, between, within = maximum.parameters
        return cls(Maximum((gap * scale, between, within), maximum.covariance, maximum.log_likelihood))

    @property
    def values(self) -> dict[str, float]:
        """The parameters by name."""
        return dict(zip(("gap", "between", "within"), self.maximum.parameters, strict=True))

    def days_until(self, gaps: Floats, typical: Floats, since: Floats, share: float = 0.5) -> Floats:
        """Days from now until a `share` of such customers has bought, if they do: shape (rows,).

        `since` are days since the last purchase, which the gap exceeds already. `typical` counts where there are gaps.
        """
        days: Floats = formulas.days_until(self.values, gaps, typical, since, share)
        return days


def days_until_bought(model: BgNbd, histories: PurchaseHistories, share: float = 0.5) -> Floats:
    """Days from now until the customer has bought with a probability of `share` by BG/NBD, shape (rows,).

    Infinite where he still buys with less than that. It suits who is to be planned for; `PurchaseRhythm` says when to
    write to who will come.
    """
    rates, alive = model.rates, model.probability_alive(histories)
    waits = 1 - share / np.maximum(alive, share)
    with np.errstate(divide="ignore"):
        growth = np.where(waits > 0, waits ** (-1 / (rates["r"] + histories.repeats)), np.inf)
    days: Floats = (rates["alpha"] + histories.age) * (growth - 1)
    return days


def _mean(parameters: Floats, counts: Floats, logs: Floats) -> tuple[float, Floats]:
    """Mean log-likelihood of logarithms of median gaps, and its gradient by gap, between and within."""
    gap, between, within = parameters
    variances, errors = between + within / counts, logs - np.log(gap)
    likelihood = -0.5 * (np.log(2 * np.pi * variances) + errors**2 / variances)
    slopes = 0.5 * (errors**2 / variances - 1) / variances
    by_gap = (errors / variances).mean() / gap
    return float(likelihood.mean()), np.array([by_gap, slopes.mean(), (slopes / counts).mean()])
