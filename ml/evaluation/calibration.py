"""Probabilities from scores: how a calibration is learned, and from which rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml.lifecycle.boosting import Boosting, raw_scores
from ml.lifecycle.train import known_on_newest
from quanyu.grammar.model_spec import ModelSpec

if TYPE_CHECKING:
    from quanyu.grammar.task import Examples, Floats

# The newest cutoff is kept for calibration where so many others remain that it could have been foretold from.
OTHER_CUTOFFS = 4


def held_out(spec: type[ModelSpec], boosting: Boosting, examples: Examples) -> tuple[Floats, Floats]:
    """Scores of rows by a learner that has not seen them, and their labels, both of shape (rows,).

    They are those of the newest cutoff, by what was known on it of four others or more; else of all rows, each by a
    learner of other entities. A learner is overconfident about its own training rows.
    """
    known = known_on_newest(spec, examples)
    newest = (examples.cutoffs == examples.cutoffs.max()).to_numpy()
    both_outcomes = not (spec.task.shortage(examples.labels[known]) or spec.task.shortage(examples.labels[newest]))
    if examples.cutoffs[known].nunique() < OTHER_CUTOFFS or not both_outcomes:
        return boosting.out_of_fold(examples), examples.labels
    booster = boosting.fit(examples.matrix[known], examples.labels[known])
    return raw_scores(booster, examples.matrix[newest], boosting.history), examples.labels[newest]


def curve(kind: str, scores: Floats, labels: Floats) -> dict[str, Any]:
    """Learn the points (`isotonic`) or coefficients (`sigmoid`) that turn scores into probabilities; both (rows,)."""
    if kind == "isotonic":
        from sklearn.isotonic import IsotonicRegression

        fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(scores, labels)
        return {"kind": kind, "x": fitted.X_thresholds_.tolist(), "y": fitted.y_thresholds_.tolist()}
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    clipped = np.clip(scores, 1e-6, 1 - 1e-6)
    line = LogisticRegression(C=1e6).fit(np.log(clipped / (1 - clipped)).reshape(-1, 1), labels)
    return {"kind": kind, "slope": float(line.coef_[0, 0]), "intercept": float(line.intercept_[0])}
