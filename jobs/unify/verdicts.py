"""Verdicts of stewards: two records are one person, or are not. They outrank every rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from jobs.unify.directory import Record
from quanyu.lake import Lake

PLACE = "gold/identity_verdicts"
ENDS = ["a_source", "a_key", "b_source", "b_key"]
Array = np.ndarray[Any, Any]


def standing(lake: Lake) -> pd.DataFrame:
    """The newest verdict of each pair, whichever way round it was given, those taken back left out."""
    if not lake.exists(PLACE):
        return pd.DataFrame({name: pd.Series(dtype=object) for name in (*ENDS, "verdict", "why", "decided_at")})
    rows: pd.DataFrame = lake.arrow(PLACE).to_table().to_pandas().sort_values("number")
    ends = [sorted([(r.a_source, r.a_key), (r.b_source, r.b_key)]) for r in rows.itertuples()]
    rows = rows.assign(pair=[str(pair) for pair in ends]).drop_duplicates("pair", keep="last")
    return rows[rows["verdict"] != "open"].drop(columns="pair").reset_index(drop=True)


def places(verdicts: pd.DataFrame, records: pd.DataFrame, verdict: str) -> Array:
    """Pairs of places of the records that verdicts of a kind name, as far as both are known today."""
    chosen = verdicts[verdicts["verdict"] == verdict]
    known = records[["source", "person_key"]].assign(place=range(len(records)))
    if chosen.empty:
        return np.zeros((0, 2), np.int64)
    found = chosen[ENDS]
    for end in ("a", "b"):
        found = found.merge(
            known.rename(columns={"source": f"{end}_source", "person_key": f"{end}_key", "place": end}),
            on=[f"{end}_source", f"{end}_key"],
        )
    return np.unique(np.sort(found[["a", "b"]].to_numpy(np.int64), axis=1), axis=0)


def ends(verdicts: pd.DataFrame) -> list[tuple[Record, Record]]:
    """The two records of each verdict."""
    rows = verdicts[ENDS].to_numpy(object).tolist()
    return [(Record(a_source, a_key), Record(b_source, b_key)) for a_source, a_key, b_source, b_key in rows]
