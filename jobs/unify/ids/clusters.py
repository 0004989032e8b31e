"""Clusters of records: connected components of links, split where they break a limit or an override."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from jobs.unify.ids.split import Component, Edge, split_component
from jobs.unify.records import packing
from quanyu.grammar.declaration import digest
from quanyu.grammar.identity import Identity

Array = np.ndarray[Any, Any]
REMOVED = ["record", "other", "by", "reason"]


@dataclass(frozen=True)
class Graph:
    """All that joins and separates records, by record position.

    `persons` (records, int64) are permanent numbers; `tie_breakers` (records, int64) depend on content and not on the
    home's key. `links` has record, node, rule, tie; `pairs` (links by match score) a, b, weight; `same` and `different`
    (overrides) are (pairs, 2) int64; `limited_identifiers` (those with a limit) has record, kind, scope, value, day.
    """

    persons: Array
    tie_breakers: Array
    links: pd.DataFrame
    pairs: pd.DataFrame
    same: Array
    different: Array
    limited_identifiers: pd.DataFrame


@dataclass(frozen=True)
class Clusters:
    """Clusters of records, signatures of their components, and links that were cut, with reasons.

    `labels` and `component_hashes` are (records,) int64. A component whose signature did not change is not clustered
    again: its records have label -1.
    """

    labels: Array
    component_hashes: Array
    removed: pd.DataFrame


def cluster_records(graph: Graph, identity: Identity, previous: Array) -> Clusters:
    """Cluster the components that changed: by their links, and by limits where these join too much.

    `previous` (records, int64) are the component hashes of the last run, 0 for none.
    """
    count, component = _components(graph)
    signs = _signatures(graph, identity, count, component)
    fresh = np.zeros(count, bool)
    fresh[component[signs[component] != previous]] = True
    labels = np.where(fresh[component], component, -1)
    doubtful = _to_resolve(graph, identity, component, fresh)
    removed: list[tuple[int, int, str, str]] = []
    following = count
    for subgraph in _subgraphs(graph, component, doubtful):
        groups, cut = split_component(subgraph, identity)
        removed += cut
        for group in groups[1:]:
            labels[group] = following
            following += 1
    return Clusters(labels, signs[component], pd.DataFrame(removed, columns=REMOVED))


def _edges(graph: Graph) -> tuple[Array, Array, int]:
    """Both ends of all links as node numbers, records first, and the number of nodes."""
    n = len(graph.persons)
    nodes, at = np.unique(graph.links["node"].to_numpy(), return_inverse=True)
    a = [graph.links["record"].to_numpy(), graph.pairs["a"].to_numpy(), graph.same[:, 0]]
    b = [at + n, graph.pairs["b"].to_numpy(), graph.same[:, 1]]
    return np.concatenate(a).astype(np.int64), np.concatenate(b).astype(np.int64), n + len(nodes)


def _components(graph: Graph) -> tuple[int, Array]:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    a, b, size = _edges(graph)
    _, labels = connected_components(coo_matrix((np.ones(len(a), np.int8), (a, b)), shape=(size, size)), directed=False)
    distinct, labels = np.unique(labels[: len(graph.persons)], return_inverse=True)
    return len(distinct), labels


def _signatures(graph: Graph, identity: Identity, count: int, component: Array) -> Array:
    """Hash all that the clusters of a component depend on to one int64 each, whatever its order."""
    persons, links, pairs, identifiers = graph.persons, graph.links, graph.pairs, graph.limited_identifiers
    sign = np.full(count, int(digest(identity.model_dump(mode="json", include={"kinds", "rules", "cluster"})), 16) >> 1)
    parts: list[tuple[Any, list[Any]]] = [
        (np.arange(len(persons)), [persons, graph.tie_breakers]),
        (links["record"], [persons[links["record"]], links["node"], links["rule"]]),
        (pairs["a"], [persons[pairs["a"]] ^ persons[pairs["b"]], (pairs["weight"] * 1000).astype(np.int64)]),
        (identifiers["record"], [persons[identifiers["record"]], identifiers["value"], identifiers["day"]]),
        (graph.same[:, 0], [persons[graph.same[:, 0]] ^ persons[graph.same[:, 1]], np.ones(len(graph.same), int)]),
        (graph.different[:, 0], [persons[graph.different[:, 0]], persons[graph.different[:, 1]]]),
    ]
    for records, columns in parts:
        with np.errstate(over="ignore"):
            np.add.at(sign, component[np.asarray(records)], packing.hash_rows(map(np.asarray, columns)))
    return sign


def _to_resolve(graph: Graph, identity: Identity, component: Array, fresh: Array) -> Array:
    """Changed components that break a limit or an override, or are so large that their shape matters (bool)."""
    sizes = np.bincount(component, minlength=len(fresh))
    shape = min(identity.cluster.dense_from, 2 * identity.cluster.bridge_sides)
    weakly = (sizes >= shape) & _with_weak_link(graph, identity, len(fresh), component)
    doubtful = (sizes > identity.cluster.most_records) | weakly
    apart = component[graph.different[:, 0]] == component[graph.different[:, 1]]
    doubtful[component[graph.different[apart, 0]]] = True
    identifiers = graph.limited_identifiers[fresh[component[graph.limited_identifiers["record"]]]]
    identifiers = identifiers.assign(component=component[identifiers["record"]])
    values = identifiers.drop_duplicates(["component", "value"])
    many = values.groupby(["component", "kind", "scope"], sort=False).size().reset_index(name="values")
    doubtful[many.loc[many["values"] > many["kind"].map(_holds(identity)), "component"]] = True
    return np.asarray(doubtful & fresh)


def _with_weak_link(graph: Graph, identity: Identity, count: int, component: Array) -> Array:
    """Components with a weak link (bool): by match score, or by a rule that needs a name."""
    has_weak = np.zeros(count, dtype=bool)
    has_weak[component[graph.pairs["a"].to_numpy()]] = True
    weak = [place for place, rule in enumerate(identity.rules) if rule.needs != "nothing"]
    has_weak[component[graph.links.loc[graph.links["rule"].isin(weak), "record"].to_numpy()]] = True
    return has_weak


def _holds(identity: Identity) -> dict[int, int]:
    from quanyu.model.people import KINDS

    return {KINDS.index(name): kind.holds for name, kind in identity.kinds.items() if kind.holds}


def _subgraphs(graph: Graph, component: Array, selected: Array) -> Iterator[Component]:
    """Yield the wanted components one by one."""
    chosen = np.flatnonzero(selected[component])
    if not len(chosen):
        return
    order = chosen[np.lexsort((graph.persons[chosen], component[chosen]))]
    links = _rows_by_component(graph.links, ["record", "node", "rule", "tie"], component, selected)
    pairs = _rows_by_component(graph.pairs, ["a", "b", "weight"], component, selected)
    identifiers = _rows_by_component(
        graph.limited_identifiers, ["record", "kind", "scope", "value", "day"], component, selected
    )
    verdicts = [_pairs_by_component(pairs, component, selected) for pairs in (graph.same, graph.different)]
    starts = np.flatnonzero(np.diff(component[order], prepend=-1))
    for records in np.split(order, starts[1:]):
        number = int(component[records[0]])
        same, different = (by_component.get(number, []) for by_component in verdicts)
        edges = _edges_of(graph, links.get(number, []), pairs.get(number, []), same)
        yield Component(records, edges, identifiers.get(number, []), different)


def _edges_of(graph: Graph, links: list[Any], pairs: list[Any], same: list[tuple[int, int]]) -> list[Edge]:
    """Edges of one component; where ties are equal, permanent numbers of records decide, whatever the order."""

    def both(a: int, b: int) -> tuple[int, ...]:
        own = sorted((int(graph.tie_breakers[at]), int(graph.persons[at])) for at in (a, b))
        return (*(tie for tie, _ in own), *(person for _, person in own))

    return [
        *(
            Edge(rule, 0.0, node, (tie, int(graph.tie_breakers[record]), int(graph.persons[record])), record, -1)
            for record, node, rule, tie in links
        ),
        *(Edge(-1, float(weight), 0, both(a, b), a, b) for a, b, weight in pairs),
        *(Edge(-2, 0.0, 0, both(a, b), a, b) for a, b in same),
    ]


def _rows_by_component(
    table: pd.DataFrame, columns: list[str], component: Array, selected: Array
) -> dict[int, list[tuple[Any, ...]]]:
    """Rows of the wanted components as tuples; the first column is a record position."""
    of = component[table[columns[0]].to_numpy()]
    chosen = np.flatnonzero(selected[of])
    rows: dict[int, list[tuple[Any, ...]]] = {}
    values = (table[name].to_numpy()[chosen].tolist() for name in columns)
    for number, row in zip(of[chosen].tolist(), zip(*values, strict=True), strict=True):
        rows.setdefault(number, []).append(row)
    return rows


def _pairs_by_component(pairs: Array, component: Array, selected: Array) -> dict[int, list[tuple[int, int]]]:
    grouped: dict[int, list[tuple[int, int]]] = {}
    for a, b in pairs.tolist():
        if selected[component[a]] and component[a] == component[b]:
            grouped.setdefault(int(component[a]), []).append((a, b))
    return grouped
