"""Figures of parts of the test rows: a model that is good on the whole may be poor for some."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log
from typing import TYPE_CHECKING

from ml.evaluation.ranking import Ranking
from ml.evaluation.resamples import intervals, point

if TYPE_CHECKING:
    import pandas as pd

    from ml.evaluation.resamples import Ints
    from quanyu.grammar.task import Floats

# Figures of fewer rows, or of fewer of either outcome, say little.
LEAST_ROWS, LEAST_OUTCOMES, RESAMPLES = 100, 20, 200
UNKNOWN = "unknown"


def by_segment(names: Sequence[str], scores: Floats, test: pd.DataFrame, units: Ints | None = None) -> pd.DataFrame:
    """A row for each value of each segment that has enough rows, with its figures and their bounds.

    Columns: segment, value, rows, share (that came true), auc and calibration (foretold over came), `NAME_low` and
    `NAME_high` of both. `units`, shape (rows,), are numbers of the entities; without them each row is one.
    """
    import pandas as pd

    return pd.DataFrame(list(_rows(names, scores, test, units)))


def worst(segments: pd.DataFrame) -> dict[str, float]:
    """The poorest segment's figures at the bound that speaks for it: `segment_auc` and `segment_calibration`.

    `segment_calibration` is how many times too high or too low the foretold share is, 1 where it may be right. Both
    are nan where no segment is large enough.
    """
    if segments.empty:
        return {"segment_auc": float("nan"), "segment_calibration": float("nan")}
    ratios = zip(segments["calibration_low"], segments["calibration_high"], strict=True)
    factors = [1.0 if low <= 1 <= high else min(max(low, 1 / low), max(high, 1 / high)) for low, high in ratios]
    return {"segment_auc": float(segments["auc_high"].min()), "segment_calibration": max(factors, key=log)}


def _rows(names: Sequence[str], scores: Floats, test: pd.DataFrame, units: Ints | None) -> Iterator[dict[str, object]]:
    labels: Floats = test["label"].to_numpy("float64")
    for name in names:
        values = test[name].astype(object).where(test[name].notna(), UNKNOWN).astype(str)
        for value in sorted(set(values)):
            inside = (values == value).to_numpy()
            positives, rows = int(labels[inside].sum()), int(inside.sum())
            if rows < LEAST_ROWS or min(positives, rows - positives) < LEAST_OUTCOMES:
                continue
            yield {"segment": name, "value": value, "rows": rows, "share": positives / rows} | _figures(
                scores[inside], labels[inside], None if units is None else units[inside]
            )


def _figures(scores: Floats, labels: Floats, units: Ints | None) -> dict[str, float]:
    ranking = Ranking(scores, labels)

    def figures(weights: Floats) -> dict[str, Floats]:
        import numpy as np

        with np.errstate(divide="ignore", invalid="ignore"):
            return {"auc": ranking.figures(weights)["auc"], "calibration": weights @ scores / (weights @ labels)}

    return point(figures, len(labels)) | intervals(figures, len(labels), RESAMPLES, units=units)
