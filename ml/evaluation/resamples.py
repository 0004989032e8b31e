"""Bootstrap intervals: how far a figure of the test rows may be off because they are a sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from quanyu.grammar.task import Floats

    Ints = NDArray[np.int64]
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


def units_of(keys: pd.Series[Any]) -> Ints:
    """Number of the entity of each row, shape (rows,), from the keys."""
    import numpy as np

    return np.asarray(keys.astype("category").cat.codes, dtype=np.int64)


def intervals(
    figures: Figures, rows: int, resamples: int = RESAMPLES, seed: int = SEED, units: Ints | None = None
) -> dict[str, float]:
    """Bounds of the middle 95 % of each figure over seeded resamples of the units: `NAME_low` and `NAME_high`.

    `units`, shape (rows,), say what chance draws, such as the customer of each row: rows of one are alike, and drawn
    one by one they would tell more than there is to know. Without them each row is one.

    `figures` takes the number of times that each row is drawn, shape (resamples, rows), and returns an array of shape
    (resamples,) for each name. All figures see the same resamples, so that a difference among them is paired.
    """
    import numpy as np

    random, places = np.random.default_rng(seed), None
    if units is not None:
        _, places = np.unique(units, return_inverse=True)
    many = rows if places is None else int(places.max(initial=-1)) + 1
    values: dict[str, list[Floats]] = {}
    block = max(1, min(resamples, MOST_CELLS // max(rows, 1)))
    for start in range(0, resamples, block):
        number = min(block, resamples - start)
        drawn = random.integers(0, many, (number, many)) + np.arange(number)[:, None] * many
        weights = np.bincount(drawn.ravel(), minlength=number * many).reshape(number, many).astype(np.float64)
        for name, figure in figures(weights if places is None else weights[:, places]).items():
            values.setdefault(name, []).append(figure)
    bounds: dict[str, float] = {}
    for name, parts in values.items():
        all_values = np.concatenate(parts)
        # A resample without both outcomes has no figure.
        usable = all_values[np.isfinite(all_values)]
        low, high = np.percentile(usable, [50 - SHARE / 2, 50 + SHARE / 2]) if len(usable) else (np.nan, np.nan)
        bounds |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    return bounds
