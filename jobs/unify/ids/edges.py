"""Links by identifiers: which shared values join records by the declared rules, and which values are set aside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from jobs.unify.matching.name_match import PART, WHOLE, Name, compatible
from jobs.unify.records import packing
from quanyu.grammar.identity import FOREVER, Identity, Kind
from quanyu.model.people import KINDS

Array = np.ndarray[Any, Any]
BLOCKED = ("", "blocked value", "blocked pattern", "a number of the house")


@dataclass(frozen=True)
class IdentifierRows:
    """Identifiers on records, one row each, as integers.

    Columns of `rows`: record (its position), kind (index in KINDS), scope and value (hashes; that of the value includes
    kind and scope), day (since 1970), blocked (index in BLOCKED), tie (a number of the value that does not depend on
    the home's key). `names` (records, int64) are codes of each record's name with its form (name_match), 0 for none;
    `names_of` reads the names of records at some positions.
    """

    rows: pd.DataFrame
    names: Array
    names_of: Callable[[Array], Sequence[Name | None]]

    def tie_breakers(self, sources: Sequence[str]) -> Array:
        """A number of each record (int64), from its source and identifiers, that does not depend on the home's key."""
        codes: Array = pd.util.hash_array(np.array(sources, object)).view(np.int64).copy()
        with np.errstate(over="ignore"):
            np.add.at(codes, self.rows["record"].to_numpy(), packing.hash_rows([self.rows["tie"].to_numpy()]))
        return codes

    @property
    def records(self) -> int:
        """Number of records."""
        return len(self.names)


@dataclass(frozen=True)
class Links:
    """Links between records, and identifiers that are set aside.

    `rows` has record, node, rule (its index), day, kind, scope, value and tie; records at one node are one customer.
    `suppressed` has record, kind, scope, value and reason. `hubs` (int64) are codes of values.
    """

    rows: pd.DataFrame
    suppressed: pd.DataFrame
    hubs: Array


def link_by_identifiers(identifiers: IdentifierRows, identity: Identity) -> Links:
    """Set blocked values and hubs aside, then apply the rules in order."""
    rows = identifiers.rows.assign(name=identifiers.names[identifiers.rows["record"].to_numpy()])
    ruled = {KINDS.index(rule.share) for rule in identity.rules}
    rows = rows[rows["kind"].isin(ruled)]
    blocked = rows[rows["blocked"] > 0]
    aside = [blocked.assign(reason=np.array(BLOCKED)[blocked["blocked"]])]
    rows = rows[rows["blocked"] == 0]
    # A value on one record alone joins nobody and is no hub.
    shared = rows[rows["value"].duplicated(keep=False)]
    hubs = _all_hubs(shared, rows, ruled, identity)
    is_hub = shared["value"].isin(hubs.keys())
    aside.append(shared[is_hub].assign(reason=shared.loc[is_hub, "value"].map(hubs)))
    shared = shared[~is_hub]
    alone = [KINDS.index(rule.share) for rule in identity.rules if rule.needs == "nothing"]
    strong = rows[rows["kind"].isin(alone) & ~rows["value"].isin(hubs.keys())]
    several = _of_several_names(shared, identifiers)
    frames = []
    for place, rule in enumerate(identity.rules):
        some = shared[shared["kind"] == KINDS.index(rule.share)]
        within = identity.kinds.get(rule.share, Kind()).most.within
        joined, left = _nodes_of_rule(some, rule.needs, some["value"].isin(several), strong, within)
        frames.append(joined.assign(rule=place))
        aside.append(left)
    nodes = pd.concat(frames) if frames else rows.assign(node=0, rule=0).iloc[:0]
    nodes = nodes.assign(node=packing.hash_rows((nodes["node"].to_numpy(), nodes["rule"].to_numpy())))
    joining = nodes["node"].duplicated(keep=False)
    columns = ["record", "node", "rule", "day", "kind", "scope", "value", "tie"]
    set_aside = pd.concat(aside)[["record", "kind", "scope", "value", "reason"]].reset_index(drop=True)
    # Columns of empty frames have no type, which would turn the others into floats.
    joining_rows = nodes.loc[joining, columns].astype(np.int64).reset_index(drop=True)
    return Links(joining_rows, set_aside, np.array(sorted(hubs), dtype=np.int64))


def _form(name: pd.Series) -> pd.Series:
    return name & 3


def _of_several_names(shared: pd.DataFrame, identifiers: IdentifierRows) -> Array:
    """Values (int64) on records whose names cannot belong to one person."""
    named = shared[shared["name"] != 0].drop_duplicates(["value", "name"])
    named = named[named["value"].duplicated(keep=False)].assign(form=lambda rows: _form(rows["name"]))
    # Complete names are compared by their codes; where another form is among them, by their texts.
    complete = named.groupby("value")["form"].transform("max") == WHOLE
    values = [named.loc[complete, "value"].to_numpy()]
    others = named[~complete]
    if len(others):
        first = others.drop_duplicates("name").sort_values("record")
        texts = dict(zip(first["name"], identifiers.names_of(first["record"].to_numpy()), strict=True))
        by_value = others.groupby("value")["name"].agg(list)
        values.append(np.array([value for value, names in by_value.items() if _are_different(names, texts)], np.int64))
    return np.unique(np.concatenate(values))


def _are_different(names: Sequence[int], texts: Mapping[int, Name | None]) -> bool:
    parsed = [name for number in names if (name := texts[number])]
    return any(not compatible(one, other) for one, other in combinations(parsed, 2))


def _nodes_of_rule(
    rows: pd.DataFrame, needs: str, several: pd.Series, strong: pd.DataFrame, within: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Nodes of one rule, and the rows that it cannot assign because they could belong to several persons."""
    none = rows.iloc[:0].assign(reason="")
    if needs == "nothing":
        return rows.assign(node=rows["value"].to_numpy()), none
    # A part of a name identifies nobody, however often it is delivered.
    loose = (rows["name"] == 0) | (_form(rows["name"]) == PART)
    if needs == "same_name":
        named = rows[~loose]
        return named.assign(node=packing.hash_rows((named["value"].to_numpy(), named["name"].to_numpy()))), none
    usable = rows[~several].assign(node=rows.loc[~several, "value"].to_numpy())
    unassigned = rows[several & loose].assign(reason="several names show this value")
    # Carriers reassign numbers: for a value that changed hands, only a name tells its holders apart.
    shared = _of_several_persons(usable, strong) if needs == "one_person" else _reassigned(usable, strong, within)
    # A record whose name others share is joined by that name, so the value stays with it.
    unplaced = shared if needs == "one_person" else shared & loose[~several]
    ambiguous = usable[unplaced].drop(columns="node").assign(reason="several persons show this value")
    return usable[~shared], pd.concat([unassigned, ambiguous])


def _reassigned(rows: pd.DataFrame, strong: pd.DataFrame, within: int) -> pd.Series:
    """Rows whose value came to different values of one strong kind in one scope, at least `within` days apart."""
    days = rows.groupby("value")["day"]
    long = rows[days.transform("max") - days.transform("min") >= within]
    holders = strong.loc[strong["record"].isin(long["record"]), ["record", "kind", "scope", "value"]]
    pairs = long[["record", "value", "day"]].merge(holders.rename(columns={"value": "holds"}), on="record")
    first = pairs.groupby(["value", "kind", "scope", "holds"])["day"].min().groupby(["value", "kind", "scope"])
    apart = first.max() - first.min() >= within
    return rows["value"].isin(apart.index[apart.to_numpy()].get_level_values("value"))


def _of_several_persons(rows: pd.DataFrame, strong: pd.DataFrame) -> pd.Series:
    """Rows whose value is on records with different values of one strong kind in one scope."""
    holders = strong.loc[strong["record"].isin(rows["record"]), ["record", "kind", "scope", "value"]]
    pairs = rows[["record", "value"]].merge(holders.rename(
        columns={"value": "holds"}), on="record").drop_duplicates(["value", "kind", "scope", "holds"])  # fmt: skip
    many = pairs.loc[pairs.duplicated(["value", "kind", "scope"]), "value"]
    return rows["value"].isin(many)


def _all_hubs(shared: pd.DataFrame, rows: pd.DataFrame, ruled: Iterable[int], identity: Identity) -> dict[int, str]:
    """Hubs of all kinds that rules use: values that too many records, names or members share, with the reason."""
    member = rows.loc[rows["kind"] == KINDS.index("member"), ["record", "value"]]
    hubs: dict[int, str] = {}
    for kind in sorted(ruled):
        hubs |= _hubs(shared[shared["kind"] == kind], member, identity.kinds.get(KINDS[kind], Kind()))
    return hubs


def _hubs(rows: pd.DataFrame, member: pd.DataFrame, kind: Kind) -> dict[int, str]:
    """Values of one kind that more records, names or members share within the window than the kind allows."""
    most = kind.most
    counts = rows["value"].map(rows["value"].value_counts()) if len(rows) else rows["value"]
    often = rows[counts > min(most.records, most.names, most.members)]
    hubs: dict[int, str] = {}
    members = often[["record", "value", "day"]].merge(member.rename(columns={"value": "what"}), on="record")
    named = often[often["name"] != 0]
    named = named.assign(what=named["name"])
    # Parts of names are counted separately: each may belong to a complete name that is counted already.
    part = _form(named["name"]) == PART
    looks: list[tuple[pd.DataFrame, int, str]] = [
        (members, most.members, "members"), (named[~part], most.names, "names"), (named[part], most.names, "names"),
        (often.assign(what=often["record"]), most.records, "records"),
    ]  # fmt: skip
    for table, limit, word in looks:
        within = "" if most.within == FOREVER else f" within {most.within} days"
        for value in _crowded(table, limit, most.within):
            hubs[int(value)] = f"a hub: more than {limit} {word} show it{within}"
    return hubs


def _crowded(table: pd.DataFrame, limit: int, within: int) -> Array:
    """Values (int64) with more than `limit` different things first seen within so many days."""
    first = table.groupby(["value", "what"], sort=False)["day"].min().reset_index().sort_values(["value", "day"])
    values, days = first["value"].to_numpy(), first["day"].to_numpy()
    if len(values) <= limit:
        return np.zeros(0, dtype=np.int64)
    together = (values[limit:] == values[:-limit]) & (days[limit:] - days[:-limit] < within)
    return np.unique(values[limit:][together])


def limits(identity: Identity, identifiers: IdentifierRows, aside: pd.DataFrame) -> pd.DataFrame:
    """Values that count towards the limits of a customer: record, kind, scope, value, day.

    Several values of a kind on one record count as one: the source itself says that they belong to one person.
    """
    kinds = [KINDS.index(name) for name, kind in identity.kinds.items() if kind.holds]
    rows = identifiers.rows[identifiers.rows["kind"].isin(kinds)]
    excluded = pd.MultiIndex.from_frame(aside[["record", "value"]])
    rows = rows[~pd.MultiIndex.from_frame(rows[["record", "value"]]).isin(excluded)] if len(excluded) else rows
    single = [KINDS.index(name) for name, kind in identity.kinds.items() if kind.holds == 1]
    return rows.assign(value=_merged_values(rows, single)).drop_duplicates(["record", "value"])


def _merged_values(rows: pd.DataFrame, kinds: Sequence[int]) -> Array:
    """Replace values that occur together on a record by the smallest of them."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    values = rows["value"].to_numpy().copy()
    some = rows["kind"].isin(kinds).to_numpy()
    limited = rows[some].sort_values(["record", "kind", "scope"])
    keys = limited[["record", "kind", "scope"]].to_numpy()
    repeats = np.flatnonzero((keys[1:] == keys[:-1]).all(axis=1)) if len(keys) else np.zeros(0, int)
    if not len(repeats):
        return values
    distinct, at = np.unique(limited["value"].to_numpy(), return_inverse=True)
    graph = coo_matrix((np.ones(len(repeats)), (at[repeats], at[repeats + 1])), shape=(len(distinct), len(distinct)))
    _, group = connected_components(graph, directed=False)
    smallest = np.full(group.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(smallest, group, distinct)
    place = np.searchsorted(distinct, values[some])
    values[some] = smallest[group[place]]
    return values
