"""The profile of all audiences of an entity against all its entities, a few columns of the profile at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.insight.bands import Bands, as_numbers, cut, is_number
from jobs.insight.memberships import MemberRows
from jobs.insight.significance import FALSE_DISCOVERIES, p_values, q_values

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

# Counts by band of the reference day, with that day.
Reference = tuple[date, list[int]]
COLUMNS_AT_ONCE = 16
DIGITS = 12


@dataclass(frozen=True)
class NameCounts:
    """Members by audience and band of a name, shape (audiences, bands), and all entities by band, shape (bands,)."""

    name: str
    bands: Bands
    members: Ints
    entities: Ints


@dataclass
class Profiled:
    """What one pass over the profile gives: counts of each name, and rows of numbers."""

    entities: int
    counts: list[NameCounts] = field(default_factory=list)
    numbers: list[dict[str, Any]] = field(default_factory=list)


def profiled(
    profile: Any, columns: Mapping[str, tuple[str, str]], before: Mapping[str, Bands], members: MemberRows, day: date
) -> Profiled:
    """Count the members of all audiences by band; `columns` has the profile's column and type of each name.

    Bands of an earlier day stay while they stand. Few columns are in memory at a time.
    """
    result = Profiled(profile.count_rows())
    listed = list(columns)
    for start in range(0, len(listed), COLUMNS_AT_ONCE):
        some = listed[start : start + COLUMNS_AT_ONCE]
        table = profile.to_table(columns=[columns[name][0] for name in some])
        for name in some:
            column, type_ = table[columns[name][0]], columns[name][1]
            bands = before.get(name)
            if bands is None or not bands.stands(type_, day):
                bands = cut(column, type_, day)
            result.counts.append(_counted(name, bands, column, members))
            if is_number(type_):
                result.numbers += _numbers(name, column, members)
    return result


def _counted(name: str, bands: Bands, column: pa.ChunkedArray, members: MemberRows) -> NameCounts:
    size = len(bands.labels)
    of_members = np.zeros((len(members.names), size), np.int64)
    of_entities = np.zeros(size, np.int64)
    for codes in bands.codes(column):
        of_members += members.counts(codes, size)
        of_entities += np.bincount(codes[codes >= 0], minlength=size)
    return NameCounts(name, bands, of_members, of_entities)


def _numbers(name: str, column: pa.ChunkedArray, members: MemberRows) -> Iterator[dict[str, Any]]:
    numbers = as_numbers(column)
    known = np.isfinite(numbers)
    codes = np.where(known, 0, -1).astype(np.int32)
    with_value = members.counts(codes, 1)[:, 0]
    totals = members.counts(codes, 1, numbers)[:, 0]
    base_mean = _rounded(numbers[known].mean()) if known.any() else None
    for audience, count, total in zip(members.names, with_value, totals, strict=True):
        mean = _rounded(total / count) if count else None
        yield {"audience": audience, "tag": name, "with_value": int(count), "total": _rounded(total), "mean": mean,
               "base_mean": base_mean}  # fmt: skip


def _rounded(number: float) -> float:
    """The number to 12 digits, so that it does not depend on the order in which it was summed."""
    return float(f"{number:.{DIGITS}g}")


def band_rows(entity: str, result: Profiled, day: date) -> Iterator[dict[str, Any]]:
    """Rows of AudienceBands."""
    for counts in result.counts:
        for band, label in enumerate(counts.bands.labels):
            low, high = counts.bands.limits(band)
            entities = int(counts.entities[band])
            yield {"entity": entity, "tag": counts.name, "band": band, "label": label, "low": low, "high": high,
                   "entities": entities, "share": entities / max(result.entities, 1), "cut_on": counts.bands.cut_on,
                   "day": day}  # fmt: skip


def profile_rows(
    entity: str, result: Profiled, members: MemberRows, follows: Sequence[set[str]],
    references: Mapping[tuple[str, str], Reference], day: date,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Rows of AudienceProfile; `follows` are the names that follow from each audience's rule."""
    bands = [(counts, band) for counts in result.counts for band in range(len(counts.bands.labels))]
    base = np.concatenate([counts.entities for counts in result.counts])
    for place, (audience, size) in enumerate(zip(members.names, members.sizes().tolist(), strict=True)):
        both = np.concatenate([counts.members[place] for counts in result.counts])
        columns = _of_audience(both, base, size, result.entities)
        values = zip(*(column.tolist() for column in columns.values()), strict=True)
        for (counts, band), row in zip(bands, values, strict=True):
            reference_on, reference = references[audience, counts.name]
            yield {
                "entity": entity, "audience": audience, "tag": counts.name, "band": band,
                "label": counts.bands.labels[band], **dict(zip(columns, row, strict=True)),
                "follows_from_rule": counts.name in follows[place], "reference_members": reference[band],
                "reference_on": reference_on, "day": day,
            }  # fmt: skip


def _of_audience(both: Ints, base: Ints, size: int, entities: int) -> dict[str, Any]:
    """Columns of one audience, each of shape (rows,), from members and entities by band."""
    share, base_share = both / max(size, 1), base / max(entities, 1)
    p = p_values(both, entities, base, np.full_like(both, size))
    q = q_values(p)
    index = np.full(len(both), None, object)
    if size:
        index[base > 0] = 100 * share[base > 0] / base_share[base > 0]
    return {"members": both, "share": share, "base_share": base_share, "index": index, "p_value": p, "q_value": q,
            "significant": q < FALSE_DISCOVERIES}  # fmt: skip
