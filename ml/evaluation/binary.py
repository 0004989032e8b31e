"""Figures of probabilities of a yes or no beside a baseline, for many weightings of the test rows at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ml.evaluation.costs import ContactPrice
from ml.evaluation.ranking import Ranking
from ml.evaluation.resamples import intervals, point

if TYPE_CHECKING:
    from ml.evaluation.resamples import Ints
    from quanyu.grammar.task import Floats

TENTHS = 10
# A share of 9 of 10 tenths on one side, or more, has a chance of 2 % where deviations are by chance.
ONE_SIDED = 9
NOTHING = float("nan")


@dataclass(frozen=True)
class BinaryTest:
    """Probabilities of the test rows, what came (0 or 1), and the baseline's values, all of shape (rows,).

    `usual` is the share of positives in training, which stands for a baseline of probabilities. A higher value of the
    baseline foretells a 1. `contacts` says what a contact costs and brings, if that is declared. `units`, shape
    (rows,), are numbers of the entities; without them each row is one.
    """

    scores: Floats
    labels: Floats
    baseline: Floats
    usual: float
    contacts: ContactPrice | None = None
    units: Ints | None = None

    @cached_property
    def ranking(self) -> Ranking:
        """The rows by probability."""
        return Ranking(self.scores, self.labels)

    @cached_property
    def baseline_ranking(self) -> Ranking:
        """The rows by the baseline."""
        return Ranking(self.baseline, self.labels)

    def metrics(self) -> dict[str, float]:
        """Each figure with the bounds of its interval, `NAME_low` and `NAME_high`; figures of calibration by tenth."""
        rows = len(self.labels)
        bounds = intervals(self.figures, rows, units=self.units)
        return {"positives": float(self.labels.sum())} | point(self.figures, rows) | bounds | self._tenths()

    def figures(self, weights: Floats) -> dict[str, Floats]:
        """Figures for weights of shape (resamples, rows), each of shape (resamples,)."""
        own, other = self.ranking.figures(weights), self.baseline_ranking.figures(weights)
        total = weights.sum(axis=1)
        mean, share = weights @ self.scores / total, weights @ self.labels / total
        figures = {**own, **{f"baseline_{name}": values for name, values in other.items()}}
        figures |= {f"{name}_over_baseline": own[name] - other[name] for name in ("auc", "average_precision")}
        figures |= {
            "brier": weights @ (self.scores - self.labels) ** 2 / total,
            "baseline_brier": weights @ (self.usual - self.labels) ** 2 / total,
            "logloss": weights @ self._surprise / total,
            "mean_score": mean,
            "positive_rate": share,
            "calibration_in_the_large": mean / share,
        }
        return figures | (self.contacts.figures(self, weights) if self.contacts else {})

    @cached_property
    def _surprise(self) -> Floats:
        import numpy as np

        safe = np.clip(self.scores, 1e-15, 1 - 1e-15)
        surprise: Floats = -np.log(np.where(self.labels == 1, safe, 1 - safe))
        return surprise

    def _tenths(self) -> dict[str, float]:
        """Mean deviation by tenth, how many tenths deviate to one side, and the shift where nearly all of them do."""
        groups = binned(self.scores, self.labels)
        over = sum(mean > share for mean, share, _ in groups)
        one_side = max(over, len(groups) - over)
        shift = abs(float(self.scores.mean() - self.labels.mean()))
        return {
            "ece": sum(abs(mean - share) * rows for mean, share, rows in groups) / len(self.labels),
            "tenths_on_one_side": float(one_side),
            "one_sided_shift": shift if one_side >= ONE_SIDED else 0.0,
        }


def binned(scores: Floats, labels: Floats) -> list[tuple[float, float, int]]:
    """Tenths of the rows by score, lowest first: mean score, share of positives, rows.

    Groups of equal size, so that no empty one distorts a figure.
    """
    import numpy as np

    order = np.argsort(scores, kind="stable")
    groups = [group for group in np.array_split(order, TENTHS) if len(group)]
    return [(float(scores[group].mean()), float(labels[group].mean()), len(group)) for group in groups]


def paired(
    scores: Floats, others: Floats, labels: Floats, name: str = "over_champion", units: Ints | None = None
) -> dict[str, float]:
    """AUC of scores over that of another model on the same rows, by this name with its bounds, `_low` and `_high`.

    `units`, shape (rows,), are numbers of the entities; without them each row is one.
    """
    own, other = Ranking(scores, labels), Ranking(others, labels)

    def figures(weights: Floats) -> dict[str, Floats]:
        return {name: own.figures(weights)["auc"] - other.figures(weights)["auc"]}

    return point(figures, len(labels)) | intervals(figures, len(labels), units=units)
