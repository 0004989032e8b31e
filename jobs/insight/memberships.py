"""Members of the audiences of an entity as numbers, read in batches: who is in which, and sizes by day."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

    Ints = NDArray[np.int64]


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
    """Entries and exits by audience and day, and those of members in the holdout."""

    entered: Counter[tuple[str, date]]
    exited: Counter[tuple[str, date]]
    holdout_entered: Counter[tuple[str, date]]
    holdout_exited: Counter[tuple[str, date]]

    def first(self, audience: str) -> date | None:
        """Day of the first entry."""
        return min((day for name, day in self.entered if name == audience), default=None)

    def day_rows(self, entity: str, audience: str, first: date, last: date) -> list[dict[str, Any]]:
        """Rows of AudienceTrends for days in order: size, entries, exits and holdout."""
        rows, size, held_out = [], self._before(audience, first), self._before(audience, first, holdout=True)
        for n in range((last - first).days + 1):
            key = audience, first + timedelta(days=n)
            size += self.entered[key] - self.exited[key]
            held_out += self.holdout_entered[key] - self.holdout_exited[key]
            rows.append({"entity": entity, "audience": audience, "day": key[1], "size": size,
                         "entered": self.entered[key], "exited": self.exited[key], "held_out": held_out})  # fmt: skip
        return rows

    def _before(self, audience: str, day: date, holdout: bool = False) -> int:
        entered, exited = (self.holdout_entered, self.holdout_exited) if holdout else (self.entered, self.exited)
        return _up_to(entered, audience, day) - _up_to(exited, audience, day)


def _up_to(counts: Counter[tuple[str, date]], audience: str, day: date) -> int:
    return sum(count for (name, on), count in counts.items() if name == audience and on < day)


def members_on(intervals: Any, key: str, keys: pa.Array, names: tuple[str, ...], day: date) -> MemberRows:
    """Members on a day from the dataset of intervals; `keys` are those of the profile, in its order."""
    import pyarrow as pa
    from pyarrow import compute

    inside = (compute.field("entered_on") <= day) & (
        compute.field("left_on").is_null() | (compute.field("left_on") > day)
    )
    parts: list[tuple[Any, Any, Any]] = []
    listed = pa.array(names, pa.string())
    for batch in intervals.to_batches(columns=["audience", key, "holdout"], filter=inside):
        audience = compute.index_in(batch["audience"], value_set=listed)
        entity = compute.index_in(batch[key], value_set=keys)
        both = compute.and_(audience.is_valid(), entity.is_valid())
        columns = (audience, entity, batch["holdout"])
        parts.append(tuple(column.filter(both).to_numpy(zero_copy_only=False) for column in columns))
    arrays = [np.concatenate([part[n] for part in parts]) if parts else np.zeros(0) for n in range(3)]
    return MemberRows(names, arrays[0].astype(np.int64), arrays[1].astype(np.int64), arrays[2].astype(bool))


def movements(intervals: Any) -> Movements:
    """Entries and exits of all audiences by day, from the dataset of intervals, in batches."""
    entered, exited, holdout_entered, holdout_exited = (Counter[tuple[str, date]]() for _ in range(4))
    for batch in intervals.to_batches(columns=["audience", "entered_on", "left_on", "holdout"]):
        _count(batch, "entered_on", entered, holdout_entered)
        _count(batch, "left_on", exited, holdout_exited)
    return Movements(entered, exited, holdout_entered, holdout_exited)


def _count(
    batch: Any, column: str, counts: Counter[tuple[str, date]], of_holdout: Counter[tuple[str, date]]
) -> None:  # fmt: skip
    import pyarrow as pa

    table = pa.table({"audience": batch["audience"], "day": batch[column], "holdout": batch["holdout"]})
    for row in table.group_by(["audience", "day", "holdout"]).aggregate([([], "count_all")]).to_pylist():
        if row["day"] is not None:
            counts[row["audience"], row["day"]] += row["count_all"]
            of_holdout[row["audience"], row["day"]] += row["count_all"] if row["holdout"] else 0
