"""Figures of a ranking for many weightings of its rows at a time, as a bootstrap needs them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from quanyu.grammar.task import Floats

TOP = 0.1
FIGURES = ("auc", "average_precision", "lift_at_10pct")


class Ranking:
    """Rows in the order of their scores, highest first; rows with equal scores have one place.

    `scores` and `labels` (0 or 1) have shape (rows,). Methods take weights of shape (resamples, rows), in the order of
    the rows as they came, and return shape (resamples,); nan where a resample lacks an outcome, as without any row.
    """

    def __init__(self, scores: Floats, labels: Floats) -> None:
        import numpy as np

        self.order: NDArray[np.int64] = np.argsort(-scores, kind="stable")
        self._sorted, self.labels = scores[self.order], labels[self.order]

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """Places of the last row of each score."""
        import numpy as np

        return np.append(np.flatnonzero(self._sorted[1:] != self._sorted[:-1]), len(self._sorted) - 1)

    @cached_property
    def shares(self) -> Floats:
        """Share of positives among the rows with the same score, shape (rows,), in the order of the ranking."""
        import numpy as np

        if not len(self.order):
            return self.labels
        starts = np.append(0, self._ends[:-1] + 1)
        sizes = self._ends - starts + 1
        mean: Floats = np.repeat(np.add.reduceat(self.labels, starts) / sizes, sizes)
        return mean

    def figures(self, weights: Floats) -> dict[str, Floats]:
        """AUC, average precision, and lift of the tenth with the highest scores."""
        import numpy as np

        if not len(self.order):
            return dict.fromkeys(FIGURES, np.full(len(weights), np.nan))
        drawn = weights[:, self.order]
        positives = np.cumsum(drawn * self.labels, axis=1)
        both = np.cumsum(drawn, axis=1)
        true, false = positives[:, self._ends], (both - positives)[:, self._ends]
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = np.diff(true, axis=1, prepend=0.0)
            area = (np.diff(false, axis=1, prepend=0.0) * (true - steps / 2)).sum(axis=1)
            precision = np.where(true > 0, true / (true + false), 0.0)
            one_outcome = (true[:, -1] == 0) | (false[:, -1] == 0)
            figures = (
                area / (true[:, -1] * false[:, -1]),
                np.where(one_outcome, np.nan, (steps * precision).sum(axis=1) / true[:, -1]),
                np.where(one_outcome, np.nan, self._lift(drawn, both, TOP)),
            )
        return dict(zip(FIGURES, figures, strict=True))

    def _lift(self, drawn: Floats, both: Floats, share: float) -> Floats:
        """Share of positives in the top, over that of all rows."""
        import numpy as np

        number = np.maximum(1.0, np.round(both[:, -1:] * share))
        inside = np.clip(number - (both - drawn), 0.0, drawn)
        top: Floats = (inside * self.shares).sum(axis=1) / number[:, 0]
        usual: Floats = (drawn * self.labels).sum(axis=1) / both[:, -1]
        lift: Floats = top / usual
        return lift
