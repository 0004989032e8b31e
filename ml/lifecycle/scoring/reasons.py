"""Reasons of scores: what raises or lowers each most, in words, out of what each feature adds to its margin."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TOP = 3
DIGITS = 3
_WINDOW = re.compile(r"_\d+d$")
UP, DOWN = "↑", "↓"


def reasons(rows: pd.DataFrame, features: Sequence[str], parts: Any, labels: Mapping[str, str]) -> Any:
    """Top reasons of each row as an array of lists of texts, the strongest first.

    `parts` is what each feature adds to the margin, shape (rows, features + 1), and `labels` say what each measures.
    Features that differ only in their window, such as orders and orders_90d, are one reason, told by the one of them
    that adds most. An arrow says whether it raises the score or lowers it. Reasons that add nothing are left out.
    """
    import numpy as np
    import pyarrow as pa

    by_feature = np.asarray(parts)[:, :-1]
    groups = _groups(features)
    totals = np.stack([by_feature[:, columns].sum(axis=1) for columns in groups.values()], axis=1)
    strongest = np.stack([_strongest(by_feature, columns) for columns in groups.values()], axis=1)
    order = np.argsort(-np.abs(totals), axis=1, kind="stable")[:, :TOP]
    adds = np.take_along_axis(totals, order, axis=1)
    columns = np.take_along_axis(strongest, order, axis=1)
    texts = _texts(rows, features, labels, columns.ravel(), (adds > 0).ravel())
    present = (adds != 0).ravel()
    offsets = np.concatenate([[0], np.cumsum((adds != 0).sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), texts.filter(pa.array(present)))


def _groups(features: Sequence[str]) -> dict[str, list[int]]:
    """Columns of the features of each reason, by name without its window."""
    groups: dict[str, list[int]] = {}
    for column, feature in enumerate(features):
        groups.setdefault(_WINDOW.sub("", feature), []).append(column)
    return groups


def _strongest(by_feature: Any, columns: Sequence[int]) -> NDArray[np.int64]:
    """Column, among some, that adds most to each row, to either side: shape (rows,)."""
    import numpy as np

    chosen: NDArray[np.int64] = np.asarray(columns)[np.abs(by_feature[:, columns]).argmax(axis=1)]
    return chosen


def _texts(
    rows: pd.DataFrame, features: Sequence[str], labels: Mapping[str, str], columns: NDArray[np.int64],
    rises: NDArray[np.bool_],
) -> Any:  # fmt: skip
    """Words of each reason, row by row: shape (rows * reasons,). Each different text is written once."""
    import numpy as np
    import pyarrow as pa

    each, codes, words = len(columns) // max(len(rows), 1), np.zeros(len(columns), dtype=np.int64), list[str]()
    for column, feature in enumerate(features):
        places = np.flatnonzero(columns == column)
        values = rounded(rows[feature].to_numpy("float64"))
        usual = number(_median(values))
        different, inverse = np.unique(values[places // each] if len(places) else values[:0], return_inverse=True)
        codes[places] = len(words) + 2 * inverse + rises[places]
        for value in different:
            told = f"{labels.get(feature, feature)}: {number(float(value))}, usually {usual}"
            words += [f"{DOWN} {told}", f"{UP} {told}"]
    coded = pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(words, pa.string()))
    return coded.dictionary_decode()


def _median(values: Floats) -> float:
    """Median of the values that there are, rounded; nan if there is none."""
    import numpy as np

    present = values[np.isfinite(values)]
    return float(rounded(np.asarray([np.median(present)]))[0]) if len(present) else float("nan")


def rounded(values: Floats) -> Floats:
    """Values with as many digits as a reader needs: whole above 100, else three significant digits; shape kept."""
    import numpy as np

    size = np.abs(np.where(np.isfinite(values) & (values != 0), values, 1.0))
    digits = np.maximum(DIGITS - 1 - np.floor(np.log10(size)), 0)
    scale = 10.0**digits
    shortened: Floats = np.round(values * scale) / scale
    return shortened


def number(value: float) -> str:
    """A value in words."""
    return f"{value:,.10g}" if value == value else "unknown"
