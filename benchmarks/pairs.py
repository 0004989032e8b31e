"""Pairwise precision, recall and F1 of clusters, computed from group sizes alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def pair_scores(truth: Any, predicted: Any) -> tuple[float, float, float]:
    """Return precision, recall and F1 over all pairs of records; both arrays (records,) are groups of the records."""

    def pairs(*columns: Any) -> float:
        sizes = pd.DataFrame(dict(enumerate(columns))).groupby(list(range(len(columns)))).size().to_numpy(np.float64)
        return float((sizes * (sizes - 1) / 2).sum())

    shared_pairs, true_pairs, predicted_pairs = pairs(truth, predicted), pairs(truth), pairs(predicted)
    precision, recall = (
        shared_pairs / predicted_pairs if predicted_pairs else 1.0,
        shared_pairs / true_pairs if true_pairs else 1.0,
    )
    return precision, recall, 2 * precision * recall / (precision + recall) if shared_pairs else 0.0
