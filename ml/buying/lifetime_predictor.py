"""BG/NBD and Gamma-Gamma together: what a customer will buy and spend."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.buying import formulas
from ml.buying.bg_nbd import BgNbd, PurchaseHistories
from ml.buying.gamma_gamma import GammaGamma
from ml.lifecycle.serving import served_code
from ml.lifecycle.serving.served_function import ServedFunction

if TYPE_CHECKING:
    from quanyu.grammar.task import Floats


@dataclass(frozen=True)
class LifetimePredictor:
    """Both models, the features in their order, those four that tell the past, and the columns of a score."""

    features: tuple[str, ...]
    past: tuple[str, ...]
    columns: tuple[str, ...]
    bg_nbd: BgNbd
    gamma_gamma: GammaGamma
    horizon: float
    serving = Path(served_code.__file__)
    requirements = ("scipy", "pandas", "numpy")

    @classmethod
    def fit(
        cls, features: tuple[str, ...], past: tuple[str, ...], columns: tuple[str, ...], rows: Floats, horizon: float
    ) -> LifetimePredictor:
        """Find both models' parameters on a row per customer: days with a purchase, days since first and last, value.

        ConfigError when a value is unknown or not above 0; TooLittleDataError when too few customers bought again.
        """
        days, first, last, spent = rows.T
        histories = PurchaseHistories.of(np.maximum(days - 1, 0.0), first - last, first)
        bg_nbd = BgNbd.fit(histories)
        return cls(features, past, columns, bg_nbd, GammaGamma.fit(np.maximum(days, 1.0), spent), horizon)

    def predict(self, matrix: Floats) -> Floats:
        """Return the columns of a score, shape (rows, 7), for features of shape (rows, features)."""
        past = matrix[:, [self.features.index(feature) for feature in self.past]]
        scores: Floats = formulas.lifetime(self._parameters(), *past.T)
        return scores

    def save(self, folder: Path) -> dict[str, str]:
        """Write the parameters with their intervals as JSON, and return it and the formulas by role."""
        intervals = {
            "bg_nbd": dict(zip(self.bg_nbd.rates, self.bg_nbd.maximum.intervals(), strict=True)),
            "gamma_gamma": dict(zip(self.gamma_gamma.values, self.gamma_gamma.maximum.intervals(), strict=True)),
        }
        served = ServedFunction(formulas, formulas.lifetime, self.past, self.columns)
        return served.save(folder, {**self._parameters(), "intervals_of_95_percent": intervals})

    def _parameters(self) -> dict[str, Any]:
        return {"bg_nbd": self.bg_nbd.rates, "gamma_gamma": self.gamma_gamma.values, "horizon": self.horizon}
