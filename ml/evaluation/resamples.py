"""Bootstrap intervals: how far a figure of the test rows may be off because they are a sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quanyu.grammar.task import Floats

    Figures = Callable[[Floats], Mapping[str, Floats]]

SEED = 20111209
RESAMPLES = 400
# Numbers of a block of weights: 64 MB.
MOST_CELLS = 8_000_000
SHARE = 95.0


def point(figures: Figures, rows: int) -> dict[str, float]:
    """Figures of the rows themselves: `figures` takes weights of shape (1, rows)."""
    import numpy as np

    return {name: float(values[0]) for name, values in figures(np.ones((1, rows))).items()}


def intervals(figures: Figures, rows: int, resamples: int = RESAMPLES, seed: int = SEED) -> dict[str, float]:
    """Bounds of the middle 95 % of each figure over seeded resamples of the rows: `NAME_low` and `NAME_high`.

    `figures` takes the number of times that each row is drawn, shape (resamples, rows), and returns an array of shape
    (resamples,) for each name. All figures see the same resamples, so that a difference among them is paired.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    values: dict[str, list[Floats]] = {}
    block = max(1, min(resamples, MOST_CELLS // max(rows, 1)))
    for start in range(0, resamples, block):
        number = min(block, resamples - start)
        drawn = random.integers(0, rows, (number, rows)) + np.arange(number)[:, None] * rows
        weights = np.bincount(drawn.ravel(), minlength=number * rows).reshape(number, rows).astype(np.float64)
        for name, figure in figures(weights).items():
            values.setdefault(name, []).append(figure)
    bounds: dict[str, float] = {}
    for name, parts in values.items():
        all_values = np.concatenate(parts)
        # A resample without both outcomes has no figure.
        usable = all_values[np.isfinite(all_values)]
        low, high = np.percentile(usable, [50 - SHARE / 2, 50 + SHARE / 2]) if len(usable) else (np.nan, np.nan)
        bounds |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    return bounds
