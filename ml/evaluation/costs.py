"""What it brings to contact those whom a model names: cost curve, and profit beside that of plainer ways to choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml.evaluation.ranking import Ranking

if TYPE_CHECKING:
    from ml.evaluation.binary import BinaryTest
    from quanyu.grammar.task import Floats

# Profits are given for so many customers.
PER = 1000


@dataclass(frozen=True)
class ContactPrice:
    """What a contact costs, and what it brings with somebody of whom the label is 1, in the currency of the house."""

    cost: float
    margin: float

    @property
    def pays_from(self) -> float:
        """Probability from which a contact brings more than it costs."""
        return self.cost / self.margin

    def figures(self, test: BinaryTest, weights: Floats) -> dict[str, Floats]:
        """Share of rows that are worth a contact by their probability, and the profit of 1,000 rows.

        Beside it, the profit of as many contacts by the baseline, and that of contacting all.
        """
        import numpy as np

        total = weights.sum(axis=1)
        chosen = (test.scores >= self.pays_from).astype(np.float64)
        gain = self.margin * test.labels - self.cost
        number = int(chosen.sum())
        best = np.zeros(len(chosen))
        best[test.baseline_ranking.order[:number]] = 1.0
        return {
            "contacted_share": weights @ chosen / total,
            "profit": PER * (weights @ (chosen * gain)) / total,
            "baseline_profit": PER * (weights @ (best * gain)) / total,
            "profit_of_all": PER * (weights @ gain) / total,
        }

    def curve(self, ranking: Ranking) -> Floats:
        """Profit of 1,000 rows where so many of the ranking's first are contacted: shape (rows + 1,)."""
        import numpy as np

        gains = self.margin * ranking.shares - self.cost
        profit: Floats = PER * np.append(0.0, np.cumsum(gains)) / len(gains)
        return profit
