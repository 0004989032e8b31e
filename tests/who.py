"""Identity resolution without an engine: small tables of records to clusters and ids, by the functions of the step."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jobs.unify.ids.assignment import IdChanges, Log, decide
from jobs.unify.ids.causes import causes
from jobs.unify.ids.clusters import Clusters, Graph, cluster_records
from jobs.unify.ids.edges import IdentifierRows, Links, limits, link_by_identifiers
from jobs.unify.matching import name_match
from quanyu.grammar.identity import Identity
from quanyu.model.people import KINDS

HOUSE = Identity.load(Path(__file__).parents[1] / "conf" / "identity.yml")
START, SALT = date(2024, 7, 1), "0123456789abcdef"
Records = Mapping[str, Iterable[str]]


def number(text: str) -> int:
    """An integer for a text, 0 for the empty one."""
    return zlib.crc32(text.encode()) * 1_000_003 + 1 if text else 0


def rules(**changed: Any) -> Identity:
    """The house's rules with some parts changed."""
    base: Identity = HOUSE.model_copy(update={})
    return Identity.model_validate({**base.model_dump(), **changed})


def shown(records: Records, seed: int | None = None) -> tuple[list[str], IdentifierRows]:
    """Parse `{"crm/1": ["member:brand=7", "phone=138", "name=Ann"]}`; `!` before a value blocks it, `@9` is its day."""
    keys = list(records)
    if seed is not None:
        np.random.default_rng(seed).shuffle(keys)
    rows, names = [], []
    for place, key in enumerate(keys):
        name = next((t.removeprefix("name=") for t in records[key] if t.startswith("name=")), None)
        names.append(name_match.parsed(None, None, name))
        for text in records[key]:
            left, _, right = text.partition("=")
            kind, _, scope = left.partition(":")
            if kind != "name":
                value, _, day = right.partition("@")
                rows.append((place, KINDS.index(kind), number(scope), number(f"{left}={value.lstrip('!')}"),
                             int(day or 0), int(value.startswith("!")), number(f"{left}={value}")))  # fmt: skip
    columns = ["record", "kind", "scope", "value", "day", "blocked", "tie"]
    frame = pd.DataFrame(rows, columns=columns).astype(np.int64)
    frame = frame if seed is None else frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    return keys, IdentifierRows(frame, name_match.name_codes(names, SALT), lambda at: [names[place] for place in at])


class Who:
    """Processes days one after the other and updates the id log, as the step does."""

    def __init__(self, identity: Identity = HOUSE) -> None:
        self.identity, self.day = identity, START
        self.log = Log(pd.DataFrame({name: pd.Series(dtype=object) for name in
                                     ("number", "customer_id", "other_id", "person", "cause", "event")}))  # fmt: skip
        self.signs: dict[int, int] = {}
        self.found: IdChanges
        self.links: Links
        self.clusters: Clusters

    def take(
        self,
        records: Records,
        likely: Mapping[tuple[str, str], float] | None = None,
        same: Any = (),
        different: Any = (),
        seed: int | None = None,
    ) -> dict[str, str]:
        """Process a day's records; `likely` are pairs by match score with weights. Returns the id of each record."""
        self.day += timedelta(days=1)
        keys, identifiers = shown(records, seed)
        graph = self._graph(keys, identifiers, likely or {}, same, different)
        previous_signs = np.array([self.signs.get(int(p), 0) for p in graph.persons], np.int64)
        self.clusters = cluster_records(graph, self.identity, previous_signs)
        self.signs |= dict(zip(graph.persons.tolist(), self.clusters.component_hashes.tolist(), strict=True))
        selected = np.flatnonzero(self.clusters.labels >= 0)
        table = pd.DataFrame({
            "person": graph.persons[selected], "source": [keys[i].split("/")[0] for i in selected],
            "person_key": [keys[i].split("/")[1] for i in selected], "known_on": START, "record": selected,
            "cluster": self.clusters.labels[selected], "strength": 0,
        })  # fmt: skip
        table = causes(
            table.assign(held=table["person"].map(self.log.held)), graph, self.clusters.removed, self.identity
        )
        self.found = decide(table, self.log, self.day)
        first = len(self.log.events)
        events = self.found.events.assign(number=range(first, first + len(self.found.events)))
        if len(events):
            self.log = Log(pd.concat([self.log.events, events], ignore_index=True) if first else events)
        return {key: str(self.log.held[number(key)]) for key in sorted(keys)}

    def _graph(self, keys: list[str], identifiers: IdentifierRows, likely: Any, same: Any, different: Any) -> Graph:
        place = {key: at for at, key in enumerate(keys)}
        self.links = link_by_identifiers(identifiers, self.identity)
        pairs = [(place[a], place[b], weight) for (a, b), weight in likely.items() if a in place and b in place]
        verdicts = [
            np.array([(place[a], place[b]) for a, b in some if a in place and b in place], np.int64).reshape(-1, 2)
            for some in (same, different)
        ]
        columns = pd.DataFrame(pairs, columns=["a", "b", "weight"])
        likeness = columns.astype({"a": np.int64, "b": np.int64, "weight": float})
        persons = np.array([number(key) for key in keys], np.int64)
        limited = limits(self.identity, identifiers, self.links.suppressed)
        ties = identifiers.tie_breakers([key.split("/")[0] for key in keys])
        return Graph(persons, ties, self.links.rows, likeness, *verdicts, limited)


def groups(ids: Mapping[str, str]) -> set[frozenset[str]]:
    """Records grouped by id, as a set of sets."""
    by_customer: dict[str, set[str]] = {}
    for record, customer in ids.items():
        by_customer.setdefault(customer, set()).add(record)
    return set(map(frozenset, by_customer.values()))
