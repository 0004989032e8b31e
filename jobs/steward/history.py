"""What happened to a customer's id: records that joined, merges and splits, seen from both sides."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from jobs.steward.directory import Directory, RecordKey


def events_of(directory: Directory, customer: str, records: list[RecordKey]) -> pd.DataFrame:
    """Events of the id log that concern a customer: of its records, of its id and of ids that were merged into it.

    One row for all records of one change: day, event, customer_id, other_id, cause, records (number), record (one).
    """
    events, ids = directory.log.events, {customer, *directory.former(customer)}
    keys = pd.MultiIndex.from_tuples([tuple(key) for key in records], names=["source", "person_key"])
    own = pd.MultiIndex.from_frame(events[["source", "person_key"]]).isin(keys)
    rows = events[own | events["customer_id"].isin(ids) | events["other_id"].isin(ids)]
    rows = rows.assign(other_id=rows["other_id"].fillna(""), record=rows["source"] + "/" + rows["person_key"])
    change = ["day", "event", "customer_id", "other_id", "cause"]
    grouped = rows.sort_values("number").groupby(change, sort=False, dropna=False)
    return grouped.agg(records=("record", "nunique"), record=("record", "first")).reset_index()


def words(row: Mapping[Hashable, Any], customer: str) -> str:
    """What an event did, as this customer sees it."""
    into, other = str(row["customer_id"]), str(row["other_id"])
    here = "this customer" if into == customer else into
    if row["event"] == "merge":
        return f"{other} merged into {here}"
    if row["event"] == "split":
        return f"split off to {into}" if other == customer else f"split from {other}, to {here}"
    return f"minted {here}" if row["event"] == "mint" else f"joined {here}"


def ended(directory: Directory, customer: str) -> str:
    """When and why an id ended, and in which one it continues; empty for one that is current."""
    events = directory.log.events
    rows = events[(events["event"] == "merge") & (events["other_id"] == customer)]
    if rows.empty or directory.redirect(customer) == customer:
        return ""
    last = rows.iloc[-1]
    return f"{customer} was merged into {last['customer_id']} on {last['day']}, by {last['cause']}"
