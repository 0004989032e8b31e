"""Members of the audiences of an entity as numbers, read in batches: who is in which, and sizes by day."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

    Ints = NDArray[np.int64]


# The keys of all entities are made a hash table once for so many members.
ROWS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class MemberRows:
    """Members on a day: `audience` and `entity`, the place of each in the names and the profile, and `holdout`.

    All arrays have shape (members,). Members without a profile are left out.
    """

    names: tuple[str, ...]
    audience: Ints
    entity: Ints
    holdout: NDArray[np.bool_]

    def sizes(self) -> Ints:
        """Members by audience, shape (audiences,)."""
        return np.bincount(self.audience, minlength=len(self.names))

    def counts(self, codes: NDArray[np.int32], bands: int, weights: Any = None) -> Any:
        """Members by audience and band, shape (audiences, bands), from the band of each entity, -1 for none."""
        of_members = codes[self.entity]
        inside = of_members >= 0
        places = self.audience[inside] * bands + of_members[inside]
        weights = None if weights is None else weights[self.entity][inside]
        return np.bincount(places, weights, minlength=len(self.names) * bands).reshape(len(self.names), bands)


@dataclass(frozen=True)
class Movements:
    """Entries and exits by day of an audience, and those of members in the holdout."""

    entered: Counter[date] = field(default_factory=Counter)
    exited: Counter[date] = field(default_factory=Counter)
    holdout_entered: Counter[date] = field(default_factory=Counter)
    holdout_exited: Counter[date] = field(default_factory=Counter)

    def first(self) -> date | None:
        """Day of the first entry."""
        return min(self.entered, default=None)

    def day_rows(self, entity: str, audience: str, first: date, last: date) -> list[dict[str, Any]]:
        """Rows of AudienceTrends for days in order: size, entries, exits and holdout."""
        size = _before(self.entered, first) - _before(self.exited, first)
        held_out = _before(self.holdout_entered, first) - _before(self.holdout_exited, first)
        rows = []
        for n in range((last - first).days + 1):
            day = first + timedelta(days=n)
            size += self.entered[day] - self.exited[day]
            held_out += self.holdout_entered[day] - self.holdout_exited[day]
            rows.append({"entity": entity, "audience": audience, "day": day, "size": size,
                         "entered": self.entered[day], "exited": self.exited[day], "held_out": held_out})  # fmt: skip
        return rows


def _before(counts: Counter[date], day: date) -> int:
    return sum(count for on, count in counts.items() if on < day)


def members_on(intervals: Any, key: str, keys: pa.Array, names: tuple[str, ...], day: date) -> MemberRows:
    """Members on a day from the dataset of intervals; `keys` are those of the profile, in its order."""
    import pyarrow as pa
    from pyarrow import compute

    inside = (compute.field("entered_on") <= day) & (
        compute.field("left_on").is_null() | (compute.field("left_on") > day)
    )
    parts: list[list[Any]] = []
    waiting: list[Any] = []
    for batch in intervals.to_batches(columns=["audience", key, "holdout"], filter=inside):
        waiting.append(batch)
        if sum(map(len, waiting)) >= ROWS_AT_ONCE:
            parts.append(_places(pa.Table.from_batches(waiting), key, keys, names))
            waiting = []
    if waiting:
        parts.append(_places(pa.Table.from_batches(waiting), key, keys, names))
    arrays = [np.concatenate([part[n] for part in parts]) if parts else np.zeros(0) for n in range(3)]
    return MemberRows(names, arrays[0].astype(np.int64), arrays[1].astype(np.int64), arrays[2].astype(bool))


def _places(table: pa.Table, key: str, keys: pa.Array, names: tuple[str, ...]) -> list[Any]:
    """Place in the names, place in the keys, and holdout of the rows that have both, each of shape (rows,)."""
    import pyarrow as pa
    from pyarrow import compute

    audience = compute.index_in(table["audience"], value_set=pa.array(names, pa.string()))
    entity = compute.index_in(table[key], value_set=keys)
    both = compute.and_(compute.is_valid(audience), compute.is_valid(entity))
    return [column.filter(both).to_numpy() for column in (audience, entity, table["holdout"])]


def movements(intervals: Any) -> dict[str, Movements]:
    """Entries and exits by audience, from the dataset of intervals, in batches."""
    by_audience: dict[str, Movements] = defaultdict(Movements)
    for batch in intervals.to_batches(columns=["audience", "entered_on", "left_on", "holdout"]):
        for audience, day, is_held_out, count in _counts(batch, "entered_on"):
            by_audience[audience].entered[day] += count
            by_audience[audience].holdout_entered[day] += count if is_held_out else 0
        for audience, day, is_held_out, count in _counts(batch, "left_on"):
            by_audience[audience].exited[day] += count
            by_audience[audience].holdout_exited[day] += count if is_held_out else 0
    return by_audience


def _counts(batch: Any, column: str) -> Iterator[tuple[str, date, bool, int]]:
    """Numbers of intervals by audience, day and holdout; without those that have no such day."""
    import pyarrow as pa

    table = pa.table({"audience": batch["audience"], "day": batch[column], "holdout": batch["holdout"]})
    for row in table.group_by(["audience", "day", "holdout"]).aggregate([([], "count_all")]).to_pylist():
        if row["day"] is not None:
            yield row["audience"], row["day"], row["holdout"], row["count_all"]
