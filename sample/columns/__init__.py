"""Columns of a day or of a person: drawn by counters, grouped, and written as text."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
