"""Whether the share of an audience in a band differs from that of all entities by more than chance.

An audience of n among N entities, of which K are in a band, holds k of them. If it were drawn by chance, k would be
hypergeometric: the exact test of Fisher. The p value is twice the smaller tail. Where the variance is large, the
normal form with the same mean and variance and the correction for continuity gives the same. Benjamini and Hochberg
(1995, Journal of the Royal Statistical Society B 57-1) correct for the number of rows that are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

# With a larger variance the normal form is taken.
LARGE_VARIANCE = 1000.0
FALSE_DISCOVERIES = 0.05


def p_values(both: Ints, entities: int, band: Ints, audience: Ints) -> Floats:
    """Two-sided p values, shape (rows,): of `both` members in the band, by its size and that of the audience."""
    from scipy.special import ndtr
    from scipy.stats import hypergeom

    share = band / max(entities, 1)
    mean = audience * share
    variance = mean * (1 - share) * (entities - audience) / max(entities - 1, 1)
    distance = np.maximum(np.abs(both - mean) - 0.5, 0)
    result: Floats = np.minimum(2 * ndtr(-distance / np.sqrt(np.maximum(variance, 1e-300))), 1.0)
    small = variance <= LARGE_VARIANCE
    k, b, n = both[small], band[small], audience[small]
    tails = np.minimum(hypergeom.cdf(k, entities, b, n), hypergeom.sf(k - 1, entities, b, n))
    result[small] = np.clip(2 * tails, 0, 1)
    return result


def q_values(p: Floats) -> Floats:
    """Benjamini and Hochberg's adjusted p values, shape (rows,)."""
    if not p.size:
        return p
    order = np.argsort(p, kind="stable")
    ranked = p[order] * len(p) / np.arange(1, len(p) + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.minimum.accumulate(ranked[::-1])[::-1], 1.0)
    return adjusted
