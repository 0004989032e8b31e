"""Probabilities of all arms of a draw as one text, such as `control:0.5;mail:0.5`: plans write it, logs repeat it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ml.uplift.experiment import Floats

DIGITS = 9


def texts_of(arms: Sequence[str], chances: Floats) -> NDArray[np.object_]:
    """The text of each row, shape (rows,), from probabilities of shape (rows, arms). Few rows differ."""
    distinct, places = np.unique(chances.round(DIGITS), axis=0, return_inverse=True)
    texts = [";".join(f"{arm}:{chance:.{DIGITS}g}" for arm, chance in zip(arms, row, strict=True)) for row in distinct]
    return np.array(texts, dtype=object)[places.ravel()]


def chances_in(text: str) -> dict[str, float]:
    """Probability of each arm that a text names; nothing where a part of it is no arm with its number."""
    parts = [part.rpartition(":") for part in re.split(r"[;,|]", text) if part.strip()]
    try:
        return {arm.strip(): float(chance) for arm, _, chance in parts}
    except ValueError:
        return {}


def logged_odds(texts: pd.Series[str], arms: Sequence[str]) -> Floats:
    """Probabilities of some arms from the text of each row, shape (rows, arms): 0 for an arm that it does not name.

    Rows without a text have nan.
    """
    places, distinct = texts.factorize()
    named = [chances_in(text) for text in distinct]
    odds = [[chances.get(arm, 0.0) for arm in arms] for chances in named]
    # The place of a row without a text is -1: the last.
    by_text: Floats = np.array([*odds, [np.nan] * len(arms)])
    return np.asarray(by_text[places])
