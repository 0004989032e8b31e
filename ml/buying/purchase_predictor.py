"""Rhythm and BG/NBD together: when a customer buys next, and whether he does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.buying import formulas
from ml.buying.bg_nbd import BgNbd, PurchaseHistories
from ml.buying.next_purchase import PurchaseRhythm
from ml.lifecycle.serving import served_code
from ml.lifecycle.serving.served_function import ServedFunction

if TYPE_CHECKING:
    from quanyu.grammar.task import Floats


@dataclass(frozen=True)
class PurchasePredictor:
    """Both models, the features in their order, those four that tell the past, and the columns of a score."""

    features: tuple[str, ...]
    past: tuple[str, ...]
    columns: tuple[str, ...]
    rhythm: PurchaseRhythm
    bg_nbd: BgNbd
    horizon: float
    serving = Path(served_code.__file__)
    requirements = ("scipy", "pandas", "numpy")

    @classmethod
    def fit(
        cls, features: tuple[str, ...], past: tuple[str, ...], columns: tuple[str, ...], rows: Floats, horizon: float
    ) -> PurchasePredictor:
        """Find both models' parameters on a row per customer: gaps, their median, days since last and first purchase.

        ConfigError when a value is unknown or a gap is not above 0; TooLittleDataError for too few customers.
        """
        gaps, typical, last, first = rows.T
        histories = PurchaseHistories.of(gaps, first - last, first)
        bg_nbd = BgNbd.fit(histories)
        return cls(features, past, columns, PurchaseRhythm.fit(gaps, typical), bg_nbd, horizon)

    def predict(self, matrix: Floats) -> Floats:
        """Return the columns of a score, shape (rows, 4), for features of shape (rows, features)."""
        past = matrix[:, [self.features.index(feature) for feature in self.past]]
        scores: Floats = formulas.next_purchase(self._parameters(), *past.T)
        return scores

    def save(self, folder: Path) -> dict[str, str]:
        """Write the parameters with their intervals as JSON, and return it and the formulas by role."""
        intervals = {
            "rhythm": dict(zip(self.rhythm.values, self.rhythm.maximum.intervals(), strict=True)),
            "bg_nbd": dict(zip(self.bg_nbd.rates, self.bg_nbd.maximum.intervals(), strict=True)),
        }
        served = ServedFunction(formulas, formulas.next_purchase, self.past, self.columns)
        return served.save(folder, {**self._parameters(), "intervals_of_95_percent": intervals})

    def _parameters(self) -> dict[str, Any]:
        return {"rhythm": self.rhythm.values, "bg_nbd": self.bg_nbd.rates, "horizon": self.horizon}
