"""Drift of a tag as population stability index (PSI) between the reference week and a day.

PSI = sum((p - q) ln(p / q)) over bins, with shares p of the day and q of the reference (Siddiqi 2006, Credit Risk
Scorecards, where 0.1 to 0.25 is a minor shift and more is a major one). Where nothing has changed, it is about
(1/N + 1/M) times a chi-squared with one degree of freedom fewer than bins, for N and M entities (Yurdakul and
Naranjo 2020, Journal of Risk Model Validation 14-4): with few entities, chance alone exceeds any threshold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from jobs.catalogue.statistics import MOST_VALUES
from quanyu.catalogue.definitions import is_same

WARNED_ABOVE = 0.2
# A larger index than this chance gives is taken for drift.
CHANCE = 0.001
REFERENCE_DAYS = 7
# After a quarter a new reference week begins: tags that grow with time would else be warned of for ever.
REFERENCE_VALID = timedelta(days=91)
# Added to each bin, so that an empty one has a logarithm.
SMOOTHING = 0.5
UNKNOWN, OTHER = "unknown", "other"

Row = Mapping[str, Any]
Counts = Mapping[str, float]


def continues(last: Row | None, definition: str, day: date) -> bool:
    """Whether a day is still measured against the reference week of the last row."""
    if last is None or not is_same(last["definition_digest"], definition):
        return False
    return bool(day - last["reference_from"] <= REFERENCE_VALID)


def unmeasured(row: Row, moves: bool) -> str:
    """Why no drift is measured of a name, whatever its reference week; empty if it is.

    `moves` says whether the day alone changes its number. Of a text with more values than are listed, such as a name,
    the frequent ones differ between days by chance.
    """
    if moves:
        return "it moves with the day"
    if row["values"] is not None:
        # Each value that is not listed has an entity of its own, unless as many are listed as may be.
        others = max(row["with_value"] - sum(row["counts"]), 0)
        if len(row["values"]) + others >= MOST_VALUES:
            return "it has more values than are compared"
    return ""


def drift(row: Row, reference: Sequence[Row]) -> tuple[float | None, float | None]:
    """Index of a day's row against those of its reference week, and the index that chance alone gives.

    Both are null while the reference week lasts, and where nothing is counted.
    """
    if row["day"] < row["reference_from"] + timedelta(days=REFERENCE_DAYS) or not reference:
        return None, None
    day, before = _shares(row), [_shares(one) for one in reference]
    names = sorted({name for counts in (day, *before) for name in counts})
    mean = {name: sum(counts.get(name, 0) for counts in before) / len(before) for name in names}
    if len(names) < 2 or not sum(day.values()) or not sum(mean.values()):
        return None, None
    return psi(day, mean), by_chance(sum(day.values()), sum(mean.values()), len(names))


def _shares(row: Row) -> Counts:
    """Number of entities by bin or value, and of those without a known value."""
    unknown = {UNKNOWN: row["entities"] - row["with_value"]}
    if row["bins"] is not None:
        return unknown | {str(place): count for place, count in enumerate(row["bins"])}
    if row["values"] is None:
        return unknown | {"with a value": row["with_value"]}
    listed = dict(zip((f"={value}" for value in row["values"]), row["counts"], strict=True))
    return unknown | listed | {OTHER: max(row["with_value"] - sum(row["counts"]), 0)}


def psi(day: Counts, reference: Counts) -> float:
    """Population stability index of counts by bin against those of a reference; bins that one lacks count as empty."""
    names = {*day, *reference}
    p, q = (_smoothed(counts, names) for counts in (day, reference))
    # Exact, since a set has another order in every process.
    return math.fsum((p[name] - q[name]) * math.log(p[name] / q[name]) for name in names)


def _smoothed(counts: Counts, names: set[str]) -> dict[str, float]:
    total = sum(counts.values()) + SMOOTHING * len(names)
    return {name: (counts.get(name, 0) + SMOOTHING) / total for name in names}


def by_chance(entities: float, reference: float, bins: int, comparisons: int = 1) -> float:
    """Index that two samples of one population exceed with the probability CHANCE, in any of several comparisons."""
    from scipy.stats import chi2

    return float((1 / entities + 1 / reference) * chi2.ppf(1 - CHANCE / comparisons, bins - 1))


def has_drifted(row: Row) -> bool:
    """Whether a row is to be warned of: above the threshold, and above what chance gives."""
    return row["drift"] is not None and row["drift"] > max(WARNED_ABOVE, row["drift_by_chance"])
