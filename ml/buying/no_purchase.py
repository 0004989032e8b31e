"""The probability of no purchase by BG/NBD, as a feature of a classifier and as a baseline beside it."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.buying import formulas
from ml.buying.bg_nbd import BgNbd, PurchaseHistories
from ml.lifecycle.serving import served

if TYPE_CHECKING:
    from quanyu.grammar.task import Examples, Floats


@dataclass(frozen=True)
class PurchasePast:
    """Features that tell a customer's past purchases, as BG/NBD needs them.

    A learner does not see the first two by themselves: how long a customer is known says as much of the first day of
    the data as of him.
    """

    days: str = "rhythm.purchase_days"
    """Feature: days with a purchase."""
    first: str = "recency.days_since_first"
    """Feature: days since the first purchase."""
    last: str = "recency.days_since_order"
    """Feature: days since the last purchase."""

    def fit(self, features: tuple[str, ...], examples: Examples, horizon: float) -> dict[str, Any]:
        """BG/NBD of the newest row of each entity: its rates, the horizon in days, and places of features.

        `past` are the places of the fields, `own` those of the features that a learner takes as they are. An earlier
        cutoff tells a part of the same history, so it does not count. TooLittleDataError when too few bought again.
        """
        places = [features.index(feature) for feature in astuple(self)]
        days, first, last = examples.newest().matrix[:, places].T
        known = np.isfinite(days) & np.isfinite(first) & np.isfinite(last)
        days, first, last = days[known], first[known], last[known]
        model = BgNbd.fit(PurchaseHistories.of(np.maximum(days - 1, 0.0), first - last, first))
        own = [place for place in range(len(features)) if place not in places[:2]]
        return {"rates": model.rates, "horizon": horizon, "past": places, "own": own}


def probability_of_none(fitted: dict[str, Any], matrix: Floats) -> Floats:
    """Probability of no purchase in the horizon, shape (rows,); nan where the past is not known."""
    chances: Floats = served.widened(matrix, fitted, formulas.probability_of_none)[:, -1]
    return chances
