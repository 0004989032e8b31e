"""Causes of id changes: the rule by which a record joined, what merged two customers, and what split them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from jobs.unify.ids.clusters import Graph
from jobs.unify.ids.split import LIKENESS, VERDICT
from quanyu.grammar.identity import Identity

Array = np.ndarray[Any, Any]
GONE = "a link ended"


def causes(table: pd.DataFrame, graph: Graph, removed: pd.DataFrame, identity: Identity) -> pd.DataFrame:
    """Add `joined_by`, `merged_by` and `split_by` to records: `record` (position), cluster, held (old id or null)."""
    names = pd.Series([*(rule.label for rule in identity.rules), LIKENESS, VERDICT])
    links = _links(graph, len(identity.rules), table["record"].to_numpy())
    links = links.merge(table[["record", "cluster", "held"]], on="record")
    best = links.groupby("record")["rule"].min()
    joined = table["record"].map(best).map(names).fillna("first seen")
    crossing = links.dropna(subset=["held"]).groupby(["node", "cluster"])["held"].nunique()
    across = links.set_index(["node", "cluster"]).index.isin(crossing.index[crossing > 1])
    merges = links[across].groupby(["cluster", "held"])["rule"].min()
    keys = pd.MultiIndex.from_frame(table[["cluster", "held"]])
    merged = pd.Series(merges.reindex(keys).to_numpy(), table.index).map(names).fillna("what joins them in between")
    return table.assign(joined_by=joined, merged_by=merged, split_by=_split_causes(table, graph, removed))


def _links(graph: Graph, rules: int, records: Array) -> pd.DataFrame:
    """Links of records as rows of record, node and rule; a link by match score or override has a node of its own."""
    selected = np.zeros(len(graph.persons), bool)
    selected[records] = True
    pairs = [(graph.pairs["a"].to_numpy(), graph.pairs["b"].to_numpy(), rules),
             (graph.same[:, 0], graph.same[:, 1], rules + 1)]  # fmt: skip
    rows = [graph.links.loc[selected[graph.links["record"].to_numpy()], ["record", "node", "rule"]]]
    for left, right, rule in pairs:
        node = -2 * np.arange(1, len(left) + 1, dtype=np.int64) - (rule - rules)
        rows += [pd.DataFrame({"record": ends[selected[ends]], "node": node[selected[ends]], "rule": rule})
                 for ends in (left, right)]  # fmt: skip
    return pd.concat(rows)


def _split_causes(table: pd.DataFrame, graph: Graph, removed: pd.DataFrame) -> pd.Series:
    """What splits the records of an id: an override, a limit that cut one of their links, or a link that ended."""
    split_by = pd.Series(GONE, table.index)
    cut = pd.concat([removed[["record", "reason"]], removed.loc[removed["other"] >= 0, ["other", "reason"]].rename(
        columns={"other": "record"})])  # fmt: skip
    why = cut.merge(table[["record", "held"]], on="record").dropna(subset=["held"])
    reasons = why.drop_duplicates("held").set_index("held")["reason"]
    split_by = table["held"].map(reasons).fillna(split_by)
    apart = table.loc[table["record"].isin(graph.different.ravel()), "held"].dropna()
    return split_by.mask(table["held"].isin(apart), VERDICT)
