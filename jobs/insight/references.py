"""The reference day of each audience and name, and the drift of an audience since: has its profile moved?

An edited rule has other members at once, which is no drift: it begins a new reference.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import numpy as np

from jobs.catalogue.drift import WARNED_ABOVE, by_chance, psi
from jobs.insight.profile_index import Profiled, Reference

Drift = Mapping[str, float]


def references(rows: list[dict[str, Any]]) -> dict[tuple[str, str], Reference]:
    """References by audience and name, from the rows of an entity in the table."""
    counts: dict[tuple[str, str], Reference] = {}
    for row in sorted(rows, key=lambda row: int(row["band"])):
        _, listed = counts.setdefault((row["audience"], row["tag"]), (row["reference_on"], []))
        listed.append(row["reference_members"])
    return counts


def continued(
    result: Profiled, names: tuple[str, ...], before: Mapping[tuple[str, str], Reference], day: date,
    edited: Collection[str],
) -> dict[tuple[str, str], Reference]:  # fmt: skip
    """The reference of each audience and name: the earlier one, if its bands are the same; else the day itself.

    It is the day itself for audiences whose rule was `edited` too.
    """
    after: dict[tuple[str, str], Reference] = {}
    for counts in result.counts:
        for place, audience in enumerate(names):
            key = audience, counts.name
            since, reference = before.get(key, (day, []))
            stands = counts.bands.cut_on <= since < day and len(reference) == len(counts.bands.labels)
            if not stands or not sum(reference) or audience in edited:
                since, reference = day, [int(number) for number in counts.members[place]]
            after[key] = since, reference
    return after


def drifts(
    result: Profiled, names: tuple[str, ...], after: Mapping[tuple[str, str], Reference], moving: Collection[str]
) -> dict[str, tuple[float, Drift]]:
    """By audience, the largest index of a name, and the names that drifted by more than a threshold and than chance.

    The names in `moving` move with the day by themselves, and say nothing; an entity is in several bands of a list.
    """
    compared = [counts for counts in result.counts if counts.name not in moving and not counts.bands.is_list]
    indexes: dict[str, tuple[float, Drift]] = {}
    for place, audience in enumerate(names):
        largest, drifted = 0.0, {}
        for counts in compared:
            today, reference = counts.members[place], np.asarray(after[audience, counts.name][1])
            if not today.sum() or not reference.sum() or np.array_equal(today, reference):
                continue
            index = psi(_by_band(today), _by_band(reference))
            largest = max(largest, index)
            chance = by_chance(today.sum(), reference.sum(), len(today), len(compared))
            if index > max(WARNED_ABOVE, chance):
                drifted[counts.name] = index
        indexes[audience] = largest, dict(sorted(drifted.items(), key=lambda one: -one[1]))
    return indexes


def _by_band(counts: Any) -> dict[str, float]:
    return {str(band): float(count) for band, count in enumerate(counts)}
