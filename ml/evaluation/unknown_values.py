"""Where a plain rule ranks rows whose value is not known: where they belong by what came in training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml.evaluation.ranking import Ranking

if TYPE_CHECKING:
    from quanyu.grammar.task import Floats

FIRST, MIDDLE, LAST = 1.0, 0.5, 0.0
# Shares of the known values that lie below the unknown ones. Of equally good ones the first is chosen: an end stays an
# end whatever values come.
SHARES = (LAST, FIRST, MIDDLE, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9)


def best_share(values: Floats, labels: Floats) -> float:
    """The share of known values below the unknown ones (nan) with which the values rank labels of 0 and 1 best.

    Both have shape (rows,). A rule that a model must beat is to be as strong as it can be. The middle where nothing
    is unknown, or known.
    """
    import numpy as np

    unknown = np.isnan(values)
    if unknown.all() or not unknown.any() or not 0 < labels.sum() < len(labels):
        return MIDDLE
    once = np.ones((1, len(labels)))
    aucs = [Ranking(placed(values, share), labels).figures(once)["auc"][0] for share in SHARES]
    return SHARES[int(np.argmax(aucs))]


def placed(values: Floats, share: float) -> Floats:
    """The values, shape (rows,), with unknown ones above a share of the known ones: below all with 0, above with 1."""
    import numpy as np

    known = values[~np.isnan(values)]
    # Without any value all rows are alike.
    if not len(known):
        return np.zeros(len(values))
    ends = {LAST: -np.inf, FIRST: np.inf}
    place = ends[share] if share in ends else float(np.quantile(known, share))
    return np.where(np.isnan(values), place, values)
