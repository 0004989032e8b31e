"""Ids of customers: minted once and retained; when clusters change, an id follows its largest overlap."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

EVENTS = ["day", "event", "customer_id", "other_id", "source", "person_key", "person", "cause"]


@dataclass(frozen=True)
class IdChanges:
    """New events of the id log, and how many ids were minted, ended by a merge, and created by a split."""

    events: pd.DataFrame
    minted: int
    merged: int
    split: int


class Log:
    """Events of the id log, in order: person (number of the record), customer_id, other_id, number.

    `last` has the last event of each person, `held` the current id by person.
    """

    def __init__(self, events: pd.DataFrame) -> None:
        self.events = events
        self.last = events.drop_duplicates("person", keep="last")
        ids, persons = (self.last[name].to_numpy() for name in ("customer_id", "person"))
        self.held = pd.Series(ids, index=persons, dtype=object)

    @cached_property
    def keys(self) -> pd.DataFrame:
        """Source and person_key by person."""
        return self.last.set_index("person")[["source", "person_key"]]

    def minted(self, ids: Collection[str]) -> set[str]:
        """Those of some ids that were ever used."""
        customer_ids = self.events["customer_id"]
        return set(customer_ids[customer_ids.isin(ids)])

    def age(self, ids: pd.Series) -> pd.Series:
        """Number of the first event of each id: lower is older."""
        first = self.events.drop_duplicates("customer_id")
        return ids.map(pd.Series(first["number"].to_numpy(), index=first["customer_id"].to_numpy()))

    def former(self, persons: pd.Series) -> pd.DataFrame:
        """Ids that persons had and that nobody has now: person, customer_id, number of the last such event."""
        events = self.events[self.events["person"].isin(persons)]
        alive = self.held[self.held.isin(set(events["customer_id"]))]
        events = events[~events["customer_id"].isin(set(alive))]
        return events.drop_duplicates(["person", "customer_id"], keep="last")[["person", "customer_id", "number"]]


def decide(table: pd.DataFrame, log: Log, day: date) -> IdChanges:
    """Decide which id each cluster carries on, and log the changes.

    `table` has the records under review: person, source, person_key, known_on, cluster, strength (lower is stronger)
    and the causes `joined_by`, `merged_by`, `split_by`. Ids go to the strongest overlap, then the largest, then the
    oldest id, each once: so a merge retains the strongest id, and of a split the strongest part retains it. A part
    without an id gets back the one that it had before a merge; otherwise one is minted.
    """
    table = table.assign(held=table["person"].map(log.held))
    table = table.sort_values(["known_on", "source", "person_key"], kind="stable").reset_index(drop=True)
    keeps = _retained(table, log)
    keeps |= _restored(table[~table["cluster"].isin(keeps)], log, set(keeps.values()))
    table["customer_id"] = table["cluster"].map(keeps)
    fresh = table[table["customer_id"].isna()].drop_duplicates("cluster")
    minted = _mint(fresh, log) if len(fresh) else {}
    table["customer_id"] = table["customer_id"].fillna(table["cluster"].map(minted))
    events = _events(table, set(minted.values()), day)
    merged = events.loc[events["event"] == "merge", "other_id"].nunique()
    split = events.loc[events["event"] == "split", "customer_id"].nunique()
    return IdChanges(events, len(minted), int(merged), int(split))


def _retained(table: pd.DataFrame, log: Log) -> dict[int, str]:
    """Pair clusters with the current ids of their records, strongest pairs first, each at most once."""
    holders = table.dropna(subset=["held"])
    groups = holders.groupby(["cluster", "held"], sort=False)
    pairs = groups.agg(records=("person", "size"), strength=("strength", "min")).reset_index()
    alone = ~pairs["cluster"].duplicated(keep=False) & ~pairs["held"].duplicated(keep=False)
    keeps = dict(zip(pairs.loc[alone, "cluster"], pairs.loc[alone, "held"], strict=True))
    contested = pairs[~alone]
    contested = contested.assign(age=log.age(contested["held"]), order=range(len(contested)))
    contested = contested.sort_values(["strength", "records", "age", "order"], ascending=[True, False, True, True])
    return keeps | _assigned_once(contested["cluster"], contested["held"], set(keeps.values()))


def _assigned_once(clusters: pd.Series, ids: pd.Series, used_ids: set[str]) -> dict[int, str]:
    assigned: dict[int, str] = {}
    for cluster, customer_id in zip(clusters, ids, strict=True):
        if cluster not in assigned and customer_id not in used_ids:
            assigned[cluster] = customer_id
            used_ids.add(customer_id)
    return assigned


def _restored(table: pd.DataFrame, log: Log, used_ids: set[str]) -> dict[int, str]:
    """Ids that ended in a merge, given back to the clusters of their former holders."""
    parted = table.dropna(subset=["held"])
    if parted.empty:
        return {}
    former = log.former(parted["person"]).merge(parted[["person", "cluster"]], on="person")
    pairs = former.groupby(["cluster", "customer_id"]).agg(records=("person", "size"), number=("number", "max"))
    pairs = pairs.reset_index().sort_values(["records", "number", "customer_id"], ascending=[False, False, True])
    return _assigned_once(pairs["cluster"], pairs["customer_id"], used_ids)


def _mint(fresh: pd.DataFrame, log: Log) -> dict[int, str]:
    """Mint an id for each cluster without one, seeded by its first record so that a repeated run mints the same."""
    seeds = [f"{source}/{key}" for source, key in zip(fresh["source"], fresh["person_key"], strict=True)]
    ids, number = [_id(f"{seed}/0") for seed in seeds], 0
    while collisions := log.minted(ids) | {one for one, times in Counter(ids).items() if times > 1}:
        number += 1
        ids = [
            _id(f"{seed}/{number}") if minted in collisions else minted for seed, minted in zip(seeds, ids, strict=True)
        ]
    return dict(zip(fresh["cluster"].astype(int), ids, strict=True))


def _id(seed: str) -> str:
    digest = hashlib.sha256(f"customer/{seed}".encode()).digest()[:10]
    return "c" + base64.b32encode(digest).decode().lower()


def _events(table: pd.DataFrame, minted: set[str], day: date) -> pd.DataFrame:
    """One event for each record whose id changes: mint (the first), join, merge (its id ended), split (it left)."""
    changed = table[table["held"] != table["customer_id"]].copy()
    # No record outside the table has one of these ids: all holders of an id are decided together.
    alive = set(table["customer_id"])
    is_new = changed["held"].isna()
    first = is_new & changed["customer_id"].isin(minted) & ~changed["customer_id"].duplicated()
    parted = ~is_new & changed["held"].isin(alive)
    changed["event"] = np.select([first, is_new, parted], ["mint", "join", "split"], "merge")
    changed["other_id"] = changed["held"].astype(object).mask(is_new, None)
    causes = {"mint": pd.Series("first seen", changed.index), "join": changed["joined_by"],
            "split": changed["split_by"], "merge": changed["merged_by"]}  # fmt: skip
    changed["cause"] = np.select([changed["event"] == name for name in causes], list(causes.values()), "")
    changed["day"] = [day] * len(changed)
    return changed[EVENTS].reset_index(drop=True)
