"""Drift: the population stability index of a number against its distribution in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TENTHS = 10
# Smallest share of a bin: an empty one would be infinitely far.
LEAST_SHARE = 1e-4
# From here on a shift counts as large (Siddiqi, Credit Risk Scorecards, 2006).
LARGE = 0.25
SCORE = "score"


def reference(training: pd.DataFrame, features: tuple[str, ...], scores: Floats) -> dict[str, Any]:
    """Distribution of each feature in training, and of the test period's scores, as bins by name."""
    values = {feature: training[feature].to_numpy("float64") for feature in features}
    return {name: distribution(each) for name, each in {**values, SCORE: scores}.items()}


def distribution(values: Floats) -> dict[str, list[float]]:
    """Bins of values, shape (rows,): edges at their tenths, and the share of each bin; the last one has no value."""
    import numpy as np

    present = values[np.isfinite(values)]
    edges = np.unique(np.quantile(present, np.arange(1, TENTHS) / TENTHS)) if len(present) else np.empty(0)
    return {"edges": edges.tolist(), "shares": _shares(values, edges).tolist()}


def psi(bins: Mapping[str, list[float]], values: Floats) -> float:
    """Population stability index of values against bins: 0 for the same distribution."""
    import numpy as np

    before = np.maximum(np.asarray(bins["shares"]), LEAST_SHARE)
    now = np.maximum(_shares(values, np.asarray(bins["edges"])), LEAST_SHARE)
    return float(((now - before) * np.log(now / before)).sum())


def _shares(values: Floats, edges: Floats) -> Floats:
    import numpy as np

    places = np.where(np.isfinite(values), np.searchsorted(edges, values, side="right"), len(edges) + 1)
    counts = np.bincount(places, minlength=len(edges) + 2)
    shares: Floats = counts / max(len(values), 1)
    return shares
