"""Overrides by stewards: two records are one person (must-link), or are not (cannot-link). They outrank every rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from jobs.steward.directory import RecordKey
from quanyu.lake import Lake

PLACE = "gold/identity_verdicts"
ENDS = ["a_source", "a_key", "b_source", "b_key"]
Array = np.ndarray[Any, Any]


def current_overrides(lake: Lake) -> pd.DataFrame:
    """The newest verdict of each pair, whichever record it names first; revoked ones are left out."""
    if not lake.exists(PLACE):
        return pd.DataFrame({name: pd.Series(dtype=object) for name in (*ENDS, "verdict", "why", "decided_at")})
    rows: pd.DataFrame = lake.arrow(PLACE).to_table().to_pandas().sort_values("number")
    ends = [sorted([(r.a_source, r.a_key), (r.b_source, r.b_key)]) for r in rows.itertuples()]
    rows = rows.assign(pair=[str(pair) for pair in ends]).drop_duplicates("pair", keep="last")
    return rows[rows["verdict"] != "open"].drop(columns="pair").reset_index(drop=True)


def pair_positions(verdicts: pd.DataFrame, find: Callable[[Sequence[RecordKey]], Array], verdict: str) -> Array:
    """Pairs of positions (pairs, 2) that verdicts of a kind name, where both records exist.

    `find` returns positions of records, -1 for absent ones.
    """
    chosen = records_named(verdicts[verdicts["verdict"] == verdict])
    if not chosen:
        return np.zeros((0, 2), np.int64)
    pairs = np.stack([find(records) for records in zip(*chosen, strict=True)], axis=1)
    return np.unique(np.sort(pairs[(pairs >= 0).all(axis=1)].astype(np.int64), axis=1), axis=0)


def records_named(verdicts: pd.DataFrame) -> list[tuple[RecordKey, RecordKey]]:
    """The two records of each verdict."""
    rows = verdicts[ENDS].to_numpy(object).tolist()
    return [(RecordKey(a_source, a_key), RecordKey(b_source, b_key)) for a_source, a_key, b_source, b_key in rows]


def contradicted(
    verdicts: pd.DataFrame, verdict: str, one: RecordKey, other: RecordKey
) -> list[tuple[RecordKey, RecordKey]]:
    """Current verdicts that a new one on two records contradicts; none where they are consistent.

    "Same" is transitive: a chain of such verdicts counts as one.
    """
    pair = {one, other}
    same, apart = (
        [e for e in records_named(verdicts[verdicts["verdict"] == verdict_name]) if set(e) != pair]
        for verdict_name in ("same", "different")
    )
    if verdict == "different":
        return _chain(same, one, other)
    if verdict != "same":
        return []
    mine, theirs = ({one, *_reached(same, one)}, {other, *_reached(same, other)})
    joined = mine | theirs
    return [e for e in apart if set(e) <= joined]


def _reached(
    same: Sequence[tuple[RecordKey, RecordKey]], start: RecordKey
) -> dict[RecordKey, tuple[RecordKey, RecordKey]]:
    """Records that chains of verdicts reach, each with the verdict by which it was reached."""
    reached: dict[RecordKey, tuple[RecordKey, RecordKey]] = {}
    queue = [start]
    while queue:
        at = queue.pop()
        for pair in same:
            to = pair[1] if pair[0] == at else pair[0] if pair[1] == at else None
            if to is not None and to != start and to not in reached:
                reached[to] = pair
                queue.append(to)
    return reached


def _chain(
    same: Sequence[tuple[RecordKey, RecordKey]], one: RecordKey, other: RecordKey
) -> list[tuple[RecordKey, RecordKey]]:
    reached, at, path = _reached(same, one), other, []
    while at in reached:
        path.append(reached[at])
        at = next(end for end in reached[at] if end != at)
    return path[::-1]
