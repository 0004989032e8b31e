"""One component whose links join too much: the strongest links are applied first, and none that breaks a limit.

The outcome depends on the links alone, never on their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from quanyu.grammar.identity import Identity, Kind
from quanyu.model.people import KINDS

Cut = tuple[int, int, str, str]
VERDICT = "verdict"
LIKENESS = "likeness"


class Edge(NamedTuple):
    """A record at a node (other is -1), or two records by match score (rule is -1) or by an override (rule is -2).

    `tie_breaker` orders edges of equal strength by content, not by any key.
    """

    rule: int
    weight: float
    node: int
    tie_breaker: tuple[int, ...]
    record: int
    other: int


class Component(NamedTuple):
    """Records, their edges, their identifiers with a limit (record, kind, scope, value, day), and cannot-link pairs."""

    records: Any
    edges: list[Edge]
    limited_identifiers: list[Any]
    different: list[tuple[int, int]]


@dataclass
class Sets:
    """Union-find over records and nodes, with the identifiers of each set."""

    parent: dict[Any, Any]
    sizes: dict[Any, int]
    identifiers: dict[Any, dict[tuple[int, int], dict[int, int]]]

    def find(self, one: Any) -> Any:
        """Root of the set that contains a record or node."""
        while self.parent[one] != one:
            self.parent[one] = self.parent[self.parent[one]]
            one = self.parent[one]
        return one

    def join(self, one: Any, other: Any) -> None:
        """Merge two sets."""
        if self.sizes[one] < self.sizes[other]:
            one, other = other, one
        self.parent[other] = one
        self.sizes[one] += self.sizes[other]
        for key, values in self.identifiers.pop(other, {}).items():
            into = self.identifiers.setdefault(one, {}).setdefault(key, {})
            for value, day in values.items():
                into[value] = min(day, into.get(value, day))


def split_component(component: Component, identity: Identity) -> tuple[list[list[int]], list[Cut]]:
    """Return the groups of records, and each link that was cut: record, other (or -1), by which rule, why."""
    edges = sorted(component.edges, key=lambda e: _strength(e, identity))
    cut: list[Cut] = []
    accepted = _accepted_edges(component, edges, identity, cut)
    while True:
        groups = _groups(component.records, accepted)
        weak = [edge for group in groups for edge in _edges_to_cut(group, accepted, identity, cut)]
        if not weak:
            return sorted(groups, key=lambda group: (-len(group), group)), cut
        removed = set(weak)
        accepted = [edge for edge in accepted if edge not in removed]


def _strength(edge: Edge, identity: Identity) -> tuple[Any, ...]:
    rank = edge.rule if edge.rule != -1 else len(identity.rules)
    return (rank, -edge.weight, edge.tie_breaker)


def _ends(edge: Edge) -> tuple[Any, Any]:
    return edge.record, (edge.other if edge.other >= 0 else ("node", edge.node))


def _rule_name(edge: Edge, identity: Identity) -> str:
    return {-1: LIKENESS, -2: VERDICT}.get(edge.rule) or identity.rules[edge.rule].label


def _accepted_edges(component: Component, edges: Sequence[Edge], identity: Identity, cut: list[Cut]) -> list[Edge]:
    ends = {end for edge in edges for end in _ends(edge)} | {int(record) for record in component.records}
    sets = Sets({end: end for end in ends}, {end: int(not isinstance(end, tuple)) for end in ends}, {})
    for record, kind, scope, value, day in component.limited_identifiers:
        values = sets.identifiers.setdefault(record, {}).setdefault((kind, scope), {})
        values[value] = min(day, values.get(value, day))
    accepted = []
    for edge in edges:
        one, other = (sets.find(end) for end in _ends(edge))
        why = "" if one == other else _forbidden(sets, one, other, component, identity)
        if why and edge.rule != -2:
            cut.append((edge.record, edge.other, _rule_name(edge, identity), why))
            continue
        accepted.append(edge)
        if one != other:
            sets.join(one, other)
    return accepted


def _forbidden(sets: Sets, one: Any, other: Any, component: Component, identity: Identity) -> str:
    """Say why two sets must not be merged; empty where they may."""
    for a, b in component.different:
        if {sets.find(a), sets.find(b)} == {one, other}:
            return "a verdict keeps two of its records apart"
    if sets.sizes[one] + sets.sizes[other] > identity.cluster.most_records:
        return f"more than {identity.cluster.most_records} records"
    mine, theirs = sets.identifiers.get(one, {}), sets.identifiers.get(other, {})
    for key in sorted(mine.keys() & theirs.keys()):
        kind = identity.kinds[KINDS[key[0]]]
        both = {value: min(mine[key].get(value, day), day) for value, day in theirs[key].items()}
        merged = {**mine[key], **both}
        if len(merged) > max(len(mine[key]), len(theirs[key])) and _too_many(merged.values(), kind):
            return f"more than {kind.holds} {KINDS[key[0]]} of one scope"
    return ""


def _too_many(days: Iterable[int], kind: Kind) -> bool:
    ordered, most = sorted(days), kind.holds or len(list(days))
    return any(late - early < kind.within for early, late in zip(ordered, ordered[most:], strict=False))


def _groups(records: Iterable[int], edges: Sequence[Edge]) -> list[list[int]]:
    ends = {end for edge in edges for end in _ends(edge)} | {int(record) for record in records}
    sets = Sets({end: end for end in ends}, dict.fromkeys(ends, 1), {})
    for edge in edges:
        one, other = (sets.find(end) for end in _ends(edge))
        if one != other:
            sets.join(one, other)
    groups: dict[Any, list[int]] = {}
    for record in records:
        groups.setdefault(sets.find(int(record)), []).append(int(record))
    return list(groups.values())


def _edges_to_cut(group: list[int], edges: Sequence[Edge], identity: Identity, cut: list[Cut]) -> list[Edge]:
    """Weak links to cut in a group: a single one between two large sides, or the weakest of a sparse group."""
    rules = identity.cluster
    if len(group) < min(rules.dense_from, 2 * rules.bridge_sides):
        return []
    inside = set(group)
    own = [edge for edge in edges if edge.record in inside]
    weak = [edge for edge in own if _is_weak(edge, identity)]
    if len(group) >= 2 * rules.bridge_sides:
        bridges = _bridges(own, inside, rules.bridge_sides)
        for edge in sorted(weak, key=lambda e: _strength(e, identity), reverse=True):
            if edge in bridges:
                cut.append(
                    (edge.record, edge.other, _rule_name(edge, identity), "a single weak link between two groups")
                )
                return [edge]
    likely = [edge for edge in own if edge.rule == -1]
    if len(group) >= rules.dense_from and likely and _density(group, own) < rules.density:
        edge = max(likely, key=lambda e: _strength(e, identity))
        cut.append((edge.record, edge.other, LIKENESS, "the weakest link of a group that hangs loosely together"))
        return [edge]
    return []


def _is_weak(edge: Edge, identity: Identity) -> bool:
    return edge.rule == -1 or (edge.rule >= 0 and identity.rules[edge.rule].needs != "nothing")


def _density(group: list[int], edges: Sequence[Edge]) -> float:
    """Share of the pairs of a group that are linked directly."""
    at: dict[int, list[int]] = {}
    pairs: set[tuple[int, int]] = set()
    for edge in edges:
        if edge.other >= 0:
            pairs.add((min(edge.record, edge.other), max(edge.record, edge.other)))
        else:
            at.setdefault(edge.node, []).append(edge.record)
    for records in at.values():
        pairs.update((min(a, b), max(a, b)) for place, a in enumerate(records) for b in records[:place])
    return 2 * len(pairs) / (len(group) * (len(group) - 1))


def _bridges(edges: Sequence[Edge], records: set[int], sides: int) -> set[Edge]:
    """Edges whose removal leaves two parts of at least `sides` records each."""
    import networkx as nx

    start, graph = min(records), nx.MultiGraph()
    graph.add_node(start)
    graph.add_edges_from((*_ends(edge), {"edge": edge}) for edge in edges)
    # Records behind each edge of a search tree, which contains every bridge.
    behind = {node: int(node in records) for node in graph}
    large = set()
    for before, node in reversed([*nx.dfs_edges(graph, start)]):
        behind[before] += behind[node]
        if sides <= behind[node] <= len(records) - sides:
            large |= {(before, node), (node, before)}
    return {graph.edges[one, other, 0]["edge"] for one, other in nx.bridges(graph, start) if (one, other) in large}
