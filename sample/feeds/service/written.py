"""Flaws that all feeds of written texts share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from sample.columns import Array
from sample.write import Out


def tell_signs(out: Out, path: str, keys: Any, signs: Mapping[str, Array]) -> None:
    """Record in the truth which rows of a file contain emoji, traditional characters or spam."""
    for kind, which in signs.items():
        rows = np.flatnonzero(which)
        out.flaws(path, rows + 1, keys.take(pa.array(rows)), kind, "accepted")
