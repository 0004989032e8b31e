"""Which persons are one customer, with ids that are minted once and stay: edges and clusters anew, ids from the log."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

# Weak kinds name somebody only together with others; the identity rules proper will tell them apart by conf.
STRONG = (
    "member",
    "customer_no",
    "phone",
    "email",
    "unionid",
    "openid",
    "external_userid",
    "phone_sha256",
    "email_sha256",
)
# A value that so many persons share names a shop, a family or a dummy, not a person.
MOST_PERSONS = 20


@dataclass(frozen=True)
class Found:
    """New events of the id log, and how the customers changed."""

    events: pd.DataFrame
    customers: int
    minted: int
    merged: int
    split: int


@dataclass(frozen=True)
class Clustered:
    """Persons (person, source, person_key, known_on), each one's cluster by number, and how many values are hubs."""

    persons: pd.DataFrame
    labels: pd.Series
    hubs: int


def clustered(known: pd.DataFrame) -> Clustered:
    """Cluster the persons of identifiers: source, person_key, value (null for a weak one) and recorded_on."""
    known = known.assign(person=known["source"] + "/" + known["person_key"])
    persons = known.groupby(["person", "source", "person_key"]).agg(known_on=("recorded_on", "min")).reset_index()
    labels, hubs = clusters(known.dropna(subset=["value"]))
    # Who has no strong identifier is a customer alone; negative numbers are no cluster's.
    alone = pd.Index(persons["person"]).difference(labels.index)
    labels = labels.reindex(labels.index.append(alone))
    labels[alone] = range(-len(alone), 0)
    return Clustered(persons, labels, hubs)


def clusters(links: pd.DataFrame) -> tuple[pd.Series, int]:
    """Number the cluster of each person. `links` has person and value; returns person to number, and the hubs."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    persons, person_index = np.unique(links["person"].to_numpy(), return_inverse=True)
    values, value_index = np.unique(links["value"].to_numpy(), return_inverse=True)
    sharing = np.bincount(value_index, minlength=len(values))
    kept = (sharing <= MOST_PERSONS)[value_index]
    size = len(persons) + len(values)
    ones = np.ones(int(kept.sum()), dtype=np.int8)
    graph = coo_matrix((ones, (person_index[kept], value_index[kept] + len(persons))), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    return pd.Series(labels[: len(persons)], index=persons), int((sharing > MOST_PERSONS).sum())


def decide(persons: pd.DataFrame, labels: pd.Series, holds: pd.Series, minted: set[str], day: date) -> Found:
    """Decide which id each cluster carries on, and log what that changes.

    `persons` has person, source, person_key, known_on; `holds` maps persons to the id they hold by the log; `minted`
    holds every id that ever was. The survivor of a merge is the id with most persons, then the smallest; of a split
    the strongest part keeps the id.
    """
    table = persons.assign(cluster=persons["person"].map(labels), held=persons["person"].map(holds))
    table = table.sort_values(["known_on", "source", "person_key"], kind="stable").reset_index(drop=True)
    keeps = _keeper_of_cluster(table)
    table["customer_id"] = table["cluster"].map(keeps)
    fresh = table[table["customer_id"].isna()].drop_duplicates("cluster")
    made = _mint(fresh, minted)
    table["customer_id"] = table["customer_id"].fillna(table["cluster"].map(made))
    events = _events(table, set(made.values()), day)
    merged = events.loc[events["event"] == "merge", "other_id"].nunique()
    split = int((events["event"] == "split").sum())
    return Found(events, table["customer_id"].nunique(), len(made), int(merged), split)


def _keeper_of_cluster(table: pd.DataFrame) -> dict[int, str]:
    """Pair clusters with the ids that their persons hold, strongest pairs first, each at most once."""
    held = table.dropna(subset=["held"])
    pairs = held.groupby(["cluster", "held"]).size().reset_index(name="persons")
    alone = ~pairs["cluster"].duplicated(keep=False) & ~pairs["held"].duplicated(keep=False)
    keeps = dict(zip(pairs.loc[alone, "cluster"], pairs.loc[alone, "held"], strict=True))
    first = held.drop_duplicates(["cluster", "held"])[["cluster", "held"]].reset_index(names="order")
    contested = pairs[~alone].merge(first, on=["cluster", "held"])
    contested = contested.sort_values(["persons", "held", "order"], ascending=[False, True, True])
    taken = set(keeps.values())
    for cluster, held_id in zip(contested["cluster"], contested["held"], strict=True):
        if cluster not in keeps and held_id not in taken:
            keeps[cluster] = held_id
            taken.add(held_id)
    return keeps


def _mint(fresh: pd.DataFrame, minted: set[str]) -> dict[int, str]:
    """Mint an id for each cluster without one, seeded by its first person so that a repeated run mints the same."""
    made: dict[int, str] = {}
    used = set(minted)
    for cluster, source, person_key in zip(fresh["cluster"], fresh["source"], fresh["person_key"], strict=True):
        number = 0
        while (found := _id(f"{source}/{person_key}/{number}")) in used:
            number += 1
        used.add(found)
        made[int(cluster)] = found
    return made


def _id(seed: str) -> str:
    digest = hashlib.sha256(f"customer/{seed}".encode()).digest()[:10]
    return "c" + base64.b32encode(digest).decode().lower()


def _events(table: pd.DataFrame, made: set[str], day: date) -> pd.DataFrame:
    """One event for each person whose id changes: mint (the first), join, merge (its id ended), split (it moved)."""
    changed = table[table["held"] != table["customer_id"]].copy()
    alive = set(table["customer_id"])
    is_new = changed["held"].isna()
    first = is_new & changed["customer_id"].isin(made) & ~changed["customer_id"].duplicated()
    moved_to_new = ~is_new & changed["held"].isin(alive)
    changed["event"] = np.select([first, is_new, moved_to_new], ["mint", "join", "split"], "merge")
    changed["other_id"] = changed["held"].astype(object).mask(is_new, None)
    changed["cause"] = np.where(is_new, "first seen", "identifiers")
    changed["day"] = [day] * len(changed)
    return changed[["day", "event", "customer_id", "other_id", "source", "person_key", "cause"]]
