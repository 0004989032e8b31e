"""BG/NBD and Gamma-Gamma together: what a customer will buy and spend."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.buying import formulas
from ml.buying.bg_nbd import BgNbd, PurchaseHistories
from ml.buying.gamma_gamma import GammaGamma
from ml.lifecycle import served_code

if TYPE_CHECKING:
    from quanyu.grammar.task import Floats


@dataclass(frozen=True)
class LifetimePredictor:
    """Both models, the features in their order, and the places of those four that tell the past."""

    features: tuple[str, ...]
    past: tuple[str, ...]
    bg_nbd: BgNbd
    gamma_gamma: GammaGamma
    horizon: float
    serving = Path(served_code.__file__)
    requirements = ("scipy", "pandas", "numpy")

    @classmethod
    def fit(cls, features: tuple[str, ...], past: tuple[str, ...], rows: Floats, horizon: float) -> LifetimePredictor:
        """Find both models' parameters on a row per customer: days with a purchase, days since first and last, value.

        ConfigError when a value is unknown or not above 0; TooLittleDataError when too few customers bought again.
        """
        days, first, last, spent = rows.T
        histories = PurchaseHistories.of(np.maximum(days - 1, 0.0), first - last, first)
        return cls(features, past, BgNbd.fit(histories), GammaGamma.fit(np.maximum(days, 1.0), spent), horizon)

    def predict(self, matrix: Floats) -> Floats:
        """Return the columns of a score, shape (rows, 5), for features of shape (rows, features)."""
        past = matrix[:, [self.features.index(feature) for feature in self.past]]
        scores: Floats = formulas.foretell(self._parameters(), *past.T)
        return scores

    def save(self, folder: Path) -> dict[str, str]:
        """Write the parameters with their intervals as JSON, and return it and the formulas by role."""
        path = folder / "parameters.json"
        intervals = {
            name: dict(zip(parameters, maximum.intervals(), strict=True))
            for name, parameters, maximum in (
                ("bg_nbd", self.bg_nbd.rates, self.bg_nbd.maximum),
                ("gamma_gamma", self.gamma_gamma.values, self.gamma_gamma.maximum),
            )
        }
        shape = {**self._parameters(), "intervals_of_95_percent": intervals, "features": list(self.past)}
        path.write_text(json.dumps(shape, indent=1), encoding="utf-8")
        return {served_code.CODE: formulas.__file__, served_code.PARAMETERS: str(path)}

    def _parameters(self) -> dict[str, Any]:
        return {"bg_nbd": self.bg_nbd.rates, "gamma_gamma": self.gamma_gamma.values, "horizon": self.horizon}
