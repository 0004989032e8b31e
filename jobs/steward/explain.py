"""Explains why two records are one customer, or are not, from the links around them, computed as the step does."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from jobs.steward.directory import Directory, RecordKey
from jobs.steward.match_explanation import MatchNeighbourhood, MatchScore
from jobs.steward.verdicts import Verdicts
from jobs.unify.ids import edges as by_identifiers
from jobs.unify.ids import overrides
from jobs.unify.ids.clusters import Clusters, Graph, cluster_records
from jobs.unify.ids.split import LIKENESS, VERDICT
from jobs.unify.matching import name_match
from jobs.unify.records import reader
from quanyu.model.people import KINDS

Array = np.ndarray[Any, Any]
# Largest neighbourhood of two records that is explored.
MOST_RECORDS = 5000


@dataclass(frozen=True)
class PathLink:
    """One link between two records: its rule, with the shared value and its first day, or the match score."""

    one: RecordKey
    other: RecordKey
    rule: str
    value: str = ""
    since: date | None = None
    words: str = ""
    score: MatchScore | None = None


@dataclass(frozen=True)
class Separation:
    """Something that separates two customers: what, and why."""

    what: str
    why: str


class Neighbourhood:
    """All records that links may reach from some, with their links as the step computes them."""

    def __init__(self, directory: Directory, start: Sequence[RecordKey]) -> None:
        self.directory, self.identity = directory, directory.context.catalogue.identity
        self.salt = reader.salt_of(directory.context.settings)
        self.likeness = MatchNeighbourhood(directory)
        self.verdicts = Verdicts(directory)
        self.keys, self.shown, self.values = self._neighbourhood(set(start))
        self.place = {key: at for at, key in enumerate(self.keys)}
        self.links = by_identifiers.link_by_identifiers(self.shown, self.identity)
        self.graph = self._graph()
        self.clusters: Clusters = cluster_records(
            self.graph, self.identity, np.zeros(len(self.graph.persons), np.int64)
        )

    def _neighbourhood(
        self, current: set[RecordKey]
    ) -> tuple[list[RecordKey], by_identifiers.IdentifierRows, dict[int, str]]:
        """Follow links from record to record until no further one is reached."""
        active_overrides = overrides.current_overrides(self.directory.lake)
        pairs = overrides.records_named(active_overrides)
        previous: set[RecordKey] = set()
        while True:
            keys, shown, values = self._with_holders(current)
            links = by_identifiers.link_by_identifiers(shown, self.identity).rows
            inside = np.array([key in current for key in keys], bool)
            nodes = links.loc[inside[links["record"]], "node"]
            reached = {keys[at] for at in links.loc[links["node"].isin(nodes), "record"]} | current
            reached |= {end for pair in pairs if set(pair) & reached for end in pair}
            reached |= self.likeness.linked_records(reached)
            if reached in (current, previous) or len(reached) > MOST_RECORDS:
                return keys, shown, values
            previous, current = current, reached

    def _with_holders(
        self, some: set[RecordKey]
    ) -> tuple[list[RecordKey], by_identifiers.IdentifierRows, dict[int, str]]:
        """Identifiers of these records and of all records that share one, which is what a hub is recognised by."""
        own = self.directory.rows_of(some)
        rows = self.directory.rows_of({*some, *self.directory.records_with_value(set(own["value"]))})
        keys = sorted({RecordKey(*key) for key in zip(rows["source"], rows["person_key"], strict=True)} | some)
        place = {key: at for at, key in enumerate(keys)}
        raw_values = pa.array(rows["told"], pa.string())
        blocked = reader.reasons_blocked(self.directory.context, rows["kind_code"].to_numpy(), raw_values)
        frame = pd.DataFrame({
            "record": [place[RecordKey(*key)] for key in zip(rows["source"], rows["person_key"], strict=True)],
            "kind": rows["kind_code"], "scope": rows["scope_code"], "value": rows["code"], "blocked": blocked,
            "tie": rows["tie"], "day": [(day - date(1970, 1, 1)).days for day in rows["recorded_on"]],
        })  # fmt: skip
        values = {int(code): f"{kind} {value}" for code, kind, value in
                  zip(rows["code"], rows["kind"], rows["value"], strict=True)}  # fmt: skip
        names = name_match.names_of(self.directory.raw(keys))
        numbered = name_match.name_codes(names, self.salt)
        return keys, by_identifiers.IdentifierRows(frame, numbered, lambda at: [names[place] for place in at]), values

    def _graph(self) -> Graph:
        persons = self.directory.persons(self.keys)
        active_overrides = overrides.current_overrides(self.directory.lake)
        pairs = self.likeness.links(self.keys)

        def find(some: Sequence[RecordKey]) -> Array:
            return np.array([self.place.get(record, -1) for record in some], np.int64)

        return Graph(
            persons, self.shown.tie_breakers([key.source for key in self.keys]), self.links.rows, pairs,
            overrides.pair_positions(active_overrides, find, "same"),
            overrides.pair_positions(active_overrides, find, "different"),
            by_identifiers.limits(self.identity, self.shown, self.links.suppressed),
        )  # fmt: skip

    @cached_property
    def edges(self) -> dict[Any, list[tuple[Any, tuple[Any, ...]]]]:
        """Neighbours of each record and each node, with the link to them."""
        neighbours: dict[Any, list[tuple[Any, tuple[Any, ...]]]] = {}

        def add(one: Any, other: Any, what: tuple[Any, ...]) -> None:
            neighbours.setdefault(one, []).append((other, what))
            neighbours.setdefault(other, []).append((one, what))

        for a, b in self.graph.same.tolist():
            add(a, b, (VERDICT,))
        columns = ["record", "node", "rule", "value", "day"]
        for record, node, *what in self.links.rows.sort_values("rule")[columns].to_numpy().tolist():
            add(record, ("node", node), ("rule", *what))
        for a, b in self.graph.pairs[["a", "b"]].to_numpy(int).tolist():
            add(a, b, (LIKENESS,))
        return neighbours

    def chain(self, some: Iterable[RecordKey], others: Iterable[RecordKey], cut: bool) -> list[PathLink]:
        """The shortest chain of links between some and others, within clusters unless `cut` links count."""
        goals = {self.place[key] for key in others}
        previous: dict[Any, tuple[Any, tuple[Any, ...]] | None] = {self.place[key]: None for key in sorted(some)}
        home = {int(self.clusters.labels[at]) for at in previous}
        queue = deque(previous)
        while queue:
            at = queue.popleft()
            if at in goals and not isinstance(at, tuple):
                return self._hops(at, previous)
            for to, what in self.edges.get(at, []):
                inside = isinstance(to, tuple) or int(self.clusters.labels[to]) in home
                if to not in previous and (cut or inside):
                    previous[to] = (at, what)
                    queue.append(to)
        return []

    def _hops(self, at: Any, previous: dict[Any, Any]) -> list[PathLink]:
        hops: list[PathLink] = []
        while previous[at] is not None:
            before, what = previous[at]
            if isinstance(before, tuple):
                first, first_what = previous[before]
                hops.append(self._shared(first, at, first_what, what))
                at = first
            else:
                hops.append(self._direct_hop(before, at, what[0]))
                at = before
        return hops[::-1]

    def _shared(self, one: int, other: int, first: tuple[Any, ...], second: tuple[Any, ...]) -> PathLink:
        since = date(1970, 1, 1) + timedelta(days=max(first[3], second[3]))
        rule = self.identity.rules[first[1]].label
        return PathLink(self.keys[one], self.keys[other], rule, self.values[first[2]], since)

    def _direct_hop(self, one: int, other: int, by: str) -> PathLink:
        a, b = self.keys[one], self.keys[other]
        if by == VERDICT:
            return PathLink(a, b, VERDICT, words=self.verdict_words(a, b))
        return PathLink(a, b, LIKENESS, score=self.likeness.best_score([a], [b]))

    def verdict_words(self, one: RecordKey, other: RecordKey) -> str:
        """The verdict on two records, in the steward's words; empty without one."""
        verdict = self.verdicts.between(one, other)
        return verdict.words if verdict else ""


def separations(around: Neighbourhood, some: Sequence[RecordKey], others: Sequence[RecordKey]) -> list[Separation]:
    """What separates the records of two customers, strongest first."""
    parted = {frozenset(pair) for pair in around.graph.different.tolist()}
    parts = [
        Separation(f"verdict on {a} and {b}", around.verdict_words(a, b))
        for a in some
        for b in others
        if frozenset((around.place[a], around.place[b])) in parted
    ]
    hops = around.chain(some, others, cut=True)
    on_way = {end for hop in hops for end in (hop.one, hop.other)}
    for record, other, by, why in around.clusters.removed.to_numpy().tolist():
        ends = [around.keys[end] for end in (record, other) if end >= 0]
        if on_way & set(ends):
            parts.append(Separation(f"{by} between {' and '.join(map(str, ends))}", f"cut: {why}"))
    return parts + _shared(around, some, others, bool(hops))


def _shared(
    around: Neighbourhood, some: Sequence[RecordKey], others: Sequence[RecordKey], linked: bool
) -> list[Separation]:
    """Values that both have and that do not join them."""
    rows, aside = around.shown.rows, around.links.suppressed
    sides = [{around.place[key] for key in side} for side in (some, others)]
    values = [set(rows.loc[rows["record"].isin(side), "value"]) for side in sides]
    parts = []
    for value in sorted(values[0] & values[1]):
        chosen = (aside["value"] == value) & aside["record"].isin(sides[0] | sides[1])
        why = aside.loc[chosen, "reason"].tolist()
        if why or not linked:
            parts.append(
                Separation(f"both show {around.values[value]}", why[0] if why else _missing_rule(around, value))
            )
    return parts


def _missing_rule(around: Neighbourhood, value: int) -> str:
    rows = around.shown.rows
    kind = KINDS[rows.loc[rows["value"] == value, "kind"].tolist()[0]]
    needs = [rule.label for rule in around.identity.rules if rule.share == kind]
    return f"not enough: the rules ask for {' or '.join(needs)}" if needs else f"no rule joins by {kind}"
