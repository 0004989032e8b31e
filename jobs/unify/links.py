"""Links by identifiers: which shared values make records one customer by the declared rules, and what is set aside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from jobs.unify import numbers
from quanyu.identity import FOREVER, Identity, Kind
from quanyu.model.people import KINDS

Array = np.ndarray[Any, Any]
BLOCKED = ("", "blocked value", "blocked pattern", "a number of the house")


@dataclass(frozen=True)
class Shown:
    """Identifiers as records show them, one row each, as whole numbers.

    Columns of `rows`: record (its place), kind (place in KINDS), scope and value (hashes, the value's with kind and
    scope), day (since 1970), blocked (place in BLOCKED). `names` is the hash of each record's whole name, 0 for none.
    """

    rows: pd.DataFrame
    names: Array

    @property
    def records(self) -> int:
        """How many records there are."""
        return len(self.names)


@dataclass(frozen=True)
class Links:
    """What joins: `rows` with record, node, rule (place in the rules), day, kind, scope, value; and what was set aside.

    Records at one node are one customer. `aside` has record, kind, scope, value and reason. `hubs` are values.
    """

    rows: pd.DataFrame
    aside: pd.DataFrame
    hubs: Array


def linked(shown: Shown, identity: Identity) -> Links:
    """Guard the values, then apply the rules in order."""
    rows = shown.rows.assign(name=shown.names[shown.rows["record"].to_numpy()])
    ruled = {KINDS.index(rule.share) for rule in identity.rules}
    rows = rows[rows["kind"].isin(ruled)]
    blocked = rows[rows["blocked"] > 0]
    aside = [blocked.assign(reason=np.array(BLOCKED)[blocked["blocked"]])]
    rows = rows[rows["blocked"] == 0]
    # What one record alone shows joins nobody, and is no hub.
    shared = rows[rows["value"].duplicated(keep=False)]
    hubs = _all_hubs(shared, rows, ruled, identity)
    is_hub = shared["value"].isin(hubs.keys())
    aside.append(shared[is_hub].assign(reason=shared.loc[is_hub, "value"].map(hubs)))
    shared = shared[~is_hub]
    alone = [KINDS.index(rule.share) for rule in identity.rules if rule.needs == "nothing"]
    strong = rows[rows["kind"].isin(alone) & ~rows["value"].isin(hubs.keys())]
    made = []
    for place, rule in enumerate(identity.rules):
        within = identity.kinds.get(rule.share, Kind()).within
        joined, left = _ruled(shared[shared["kind"] == KINDS.index(rule.share)], rule.needs, strong, within)
        made.append(joined.assign(rule=place))
        aside.append(left)
    found = pd.concat(made) if made else rows.assign(node=0, rule=0).iloc[:0]
    found = found.assign(node=numbers.mixed((found["node"].to_numpy(), found["rule"].to_numpy())))
    joining = found["node"].duplicated(keep=False)
    columns = ["record", "node", "rule", "day", "kind", "scope", "value"]
    told = pd.concat(aside)[["record", "kind", "scope", "value", "reason"]].reset_index(drop=True)
    # Empty parts have columns of no type, which would make floats of the rest.
    kept = found.loc[joining, columns].astype(np.int64).reset_index(drop=True)
    return Links(kept, told, np.array(sorted(hubs), dtype=np.int64))


def _ruled(rows: pd.DataFrame, needs: str, strong: pd.DataFrame, within: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Nodes of one rule, and the rows that it cannot place: those who could be either of several persons."""
    none = rows.iloc[:0].assign(reason="")
    if needs == "nothing":
        return rows.assign(node=rows["value"].to_numpy()), none
    if needs == "same_name":
        named = rows[rows["name"] != 0]
        return named.assign(node=numbers.mixed((named["value"].to_numpy(), named["name"].to_numpy()))), none
    pairs = rows.loc[rows["name"] != 0, ["value", "name"]].drop_duplicates()
    several = rows["value"].isin(pairs.loc[pairs["value"].duplicated(), "value"])
    kept = rows[~several].assign(node=rows.loc[~several, "value"].to_numpy())
    lost = rows[several & (rows["name"] == 0)].assign(reason="several names show this value")
    # A value changes hands: two logins that came to it further apart than its window are two people's.
    shared = _of_several(kept, strong) if needs == "one_person" else _in_turn(kept, strong, within)
    more = kept[shared].drop(columns="node").assign(reason="several persons show this value")
    return kept[~shared], pd.concat([lost, more])


def _of_several(rows: pd.DataFrame, strong: pd.DataFrame) -> pd.Series:
    """Rows whose value is shown by records with different values of one strong kind in one scope."""
    near = strong.loc[strong["record"].isin(rows["record"]), ["record", "kind", "scope", "value"]]
    held = rows[["record", "value"]].merge(near.rename(
        columns={"value": "holds"}), on="record").drop_duplicates(["value", "kind", "scope", "holds"])  # fmt: skip
    many = held.loc[held.duplicated(["value", "kind", "scope"]), "value"]
    return rows["value"].isin(many)


def _in_turn(rows: pd.DataFrame, strong: pd.DataFrame, within: int) -> pd.Series:
    """Rows whose value different values of one strong kind in one scope came to more than so many days apart."""
    days = rows.groupby("value")["day"]
    long = (days.transform("max") - days.transform("min")) > within
    near = strong.loc[strong["record"].isin(rows.loc[long, "record"]), ["record", "kind", "scope", "value"]]
    seen = rows.loc[long, ["record", "value", "day"]].merge(near.rename(columns={"value": "holds"}), on="record")
    first = seen.groupby(["value", "kind", "scope", "holds"])["day"].min().groupby(["value", "kind", "scope"])
    spans = (first.max() - first.min()) > within
    return rows["value"].isin(spans.index.get_level_values("value")[spans.to_numpy()])


def _all_hubs(shared: pd.DataFrame, rows: pd.DataFrame, ruled: Iterable[int], identity: Identity) -> dict[int, str]:
    """Values that too many show, of all kinds that rules name, with the words for it."""
    member = rows.loc[rows["kind"] == KINDS.index("member"), ["record", "value"]]
    found: dict[int, str] = {}
    for kind in sorted(ruled):
        found |= _hubs(shared[shared["kind"] == kind], member, identity.kinds.get(KINDS[kind], Kind()))
    return found


def _hubs(rows: pd.DataFrame, member: pd.DataFrame, kind: Kind) -> dict[int, str]:
    """Values of one kind that more records, names or members show within the window than the kind allows."""
    most = kind.most
    seen = rows["value"].map(rows["value"].value_counts()) if len(rows) else rows["value"]
    often = rows[seen > min(most.records, most.names, most.members)]
    found: dict[int, str] = {}
    members = often[["record", "value", "day"]].merge(member.rename(columns={"value": "what"}), on="record")
    named = often.loc[often["name"] != 0, ["value", "day"]].assign(what=often.loc[often["name"] != 0, "name"])
    looks: list[tuple[pd.DataFrame, int, str]] = [
        (members, most.members, "members"), (named, most.names, "names"),
        (often.assign(what=often["record"]), most.records, "records"),
    ]  # fmt: skip
    for table, limit, word in looks:
        within = "" if most.within == FOREVER else f" within {most.within} days"
        for value in _crowded(table, limit, most.within):
            found[int(value)] = f"a hub: more than {limit} {word} show it{within}"
    return found


def _crowded(table: pd.DataFrame, limit: int, within: int) -> Array:
    """Values that show more than `limit` different things first seen within so many days."""
    first = table.groupby(["value", "what"], sort=False)["day"].min().reset_index().sort_values(["value", "day"])
    values, days = first["value"].to_numpy(), first["day"].to_numpy()
    if len(values) <= limit:
        return np.zeros(0, dtype=np.int64)
    together = (values[limit:] == values[:-limit]) & (days[limit:] - days[:-limit] < within)
    return np.unique(values[limit:][together])


def limits(identity: Identity, shown: Shown, aside: pd.DataFrame) -> pd.DataFrame:
    """Values that count towards how many a customer holds: record, kind, scope, value, day.

    Several values of a kind on one record are one: the source itself says that they are the same person's.
    """
    kinds = [KINDS.index(name) for name, kind in identity.kinds.items() if kind.holds]
    rows = shown.rows[shown.rows["kind"].isin(kinds)]
    gone = pd.MultiIndex.from_frame(aside[["record", "value"]])
    rows = rows[~pd.MultiIndex.from_frame(rows[["record", "value"]]).isin(gone)] if len(gone) else rows
    single = [KINDS.index(name) for name, kind in identity.kinds.items() if kind.holds == 1]
    return rows.assign(value=_one_of(rows, single)).drop_duplicates(["record", "value"])


def _one_of(rows: pd.DataFrame, kinds: Sequence[int]) -> Array:
    """Put values that stand together on a record under the smallest of them."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    values = rows["value"].to_numpy().copy()
    some = rows["kind"].isin(kinds).to_numpy()
    held = rows[some].sort_values(["record", "kind", "scope"])
    keys = held[["record", "kind", "scope"]].to_numpy()
    again = np.flatnonzero((keys[1:] == keys[:-1]).all(axis=1)) if len(keys) else np.zeros(0, int)
    if not len(again):
        return values
    known, at = np.unique(held["value"].to_numpy(), return_inverse=True)
    graph = coo_matrix((np.ones(len(again)), (at[again], at[again + 1])), shape=(len(known), len(known)))
    _, group = connected_components(graph, directed=False)
    smallest = np.full(group.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(smallest, group, known)
    place = np.searchsorted(known, values[some])
    values[some] = smallest[group[place]]
    return values
