"""How far numbers that were foretold are from those that came, beside those of another model or a plain rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml.evaluation.resamples import intervals, point

if TYPE_CHECKING:
    from ml.evaluation.resamples import Figures
    from quanyu.grammar.task import Floats


def with_bounds(figures: Figures, rows: int) -> dict[str, float]:
    """Figures of the rows with the bounds of their intervals, `NAME_low` and `NAME_high`; none without rows."""
    return point(figures, rows) | intervals(figures, rows) if rows else {}


def less_error(errors: Floats, others: Floats, name: str) -> dict[str, float]:
    """By how much the mean error is below that of the other, by this name with its bounds: paired resamples.

    Both have shape (rows,), with nan for rows that are not judged.
    """
    import numpy as np

    gains = others - errors
    judged = gains[np.isfinite(gains)]
    if not len(judged):
        return {f"{name}{end}": float("nan") for end in ("", "_low", "_high")}
    return with_bounds(lambda weights: {name: weights @ judged / weights.sum(axis=1)}, len(judged))
