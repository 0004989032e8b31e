"""The step of identity resolution: links, clusters and ids of a day, checked by the gate and published."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from jobs.unify.facts import IdentityFacts
from jobs.unify.ids import edges as by_identifiers
from jobs.unify.ids import overrides, publish
from jobs.unify.ids.assignment import IdChanges, Log, decide
from jobs.unify.ids.causes import causes
from jobs.unify.ids.change_limits import IdentityDifference
from jobs.unify.ids.clusters import Clusters, Graph, cluster_records
from jobs.unify.ids.pairs import PairScores, Records, records_of, score_pairs
from jobs.unify.matching import name_match, training
from jobs.unify.records import match_state
from jobs.unify.records.match_state import State
from jobs.unify.records.reader import IDENTIFIERS, PEOPLE, stage_records
from quanyu.grammar.identity import Identity
from quanyu.lake.receipt import Receipt
from quanyu.plurals import number_of
from quanyu.run.runner import Context, Outcome

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class IdentityState:
    """Identity state of one day: records, links, pairs, clusters, the customer of each record, and new events."""

    day: date
    records: Records
    identifiers: by_identifiers.IdentifierRows
    links: by_identifiers.Links
    pairs: PairScores
    rate: float
    clusters: Clusters
    non_identifying: Array
    graph: Graph
    changes: IdChanges
    log: Log
    customers: pd.Series
    written: int

    @cached_property
    def ids(self) -> Array:
        """Customer of each record as an integer (records, int64), -1 for none."""
        return pd.factorize(self.customers)[0]

    @cached_property
    def sizes(self) -> Array:
        """Number of records of each customer (customers, int64)."""
        return np.bincount(self.ids[self.ids >= 0])


def identify(context: Context, receipt: Receipt) -> Outcome:
    """Resolve identities at the end of the day, and publish them where the gate lets them pass.

    Days without a run are processed first, one by one, as far back as `catch_up_days`, so that ids do not depend on
    when runs happened.
    """
    with _without_gc():
        return _resolve_days(context, receipt)


@contextmanager
def _without_gc() -> Iterator[None]:
    """Exempt existing objects from garbage collection: scanning them again and again would cost a tenth of the time."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _resolve_days(context: Context, receipt: Receipt) -> Outcome:
    log = publish.read_log(context)
    before = remembered = match_state.load_state(context.lake, len(context.catalogue.identity.match.blocks))
    published = log.held.copy()
    days = days_to_process(context, log)
    states: list[IdentityState] = []
    for day in days:
        state = _day_state(context, receipt, day, log, remembered)
        log = state.log
        remembered = _memory_after(state, remembered)
        states.append(state)
    last = states[-1]
    events = pd.concat([state.changes.events for state in states], ignore_index=True)
    difference = _difference(last, events, published)
    publish.gate(context, receipt, events, log, difference)
    written = publish.publish(context, receipt, len(events), log, states)
    publish.store_match_state(context, receipt, before, remembered, states)
    return _outcome(last, states, written, difference)


def days_to_process(context: Context, log: Log) -> list[date]:
    """Days since the last event on which identifiers or people changed, and the day of the run."""
    if log.events.empty:
        return [context.day]
    last = max(log.events["day"])
    first = max(last, context.day - timedelta(days=context.settings.catch_up_days + 1))
    dates: set[date] = set()
    for place in (IDENTIFIERS, PEOPLE):
        if context.lake.exists(place):
            dates |= context.lake.values(place, "recorded_on") | context.lake.values(place, "replaced_on")
    return [*sorted(day for day in dates if day and first < day < context.day), context.day]


def _day_state(context: Context, receipt: Receipt, day: date, log: Log, remembered: State) -> IdentityState:
    identity = context.catalogue.identity
    files = stage_records(context, day)
    records = records_of(context, files, remembered)
    identifiers = by_identifiers.IdentifierRows(
        files.identifiers, records.name_hash, lambda at: name_match.names_of(files.compared_columns(at).to_pandas())
    )
    links = by_identifiers.link_by_identifiers(identifiers, identity)
    pairs = score_pairs(context, receipt, records, non_identifying_values(identifiers, links), remembered)
    rate = training.prior(pairs.weight, int((records.block_keys != 0).any(axis=1).sum()))
    graph = _graph(context, records, identifiers, links, pairs, rate)
    place, recalled = remembered.at(records.person)
    # A component with an unchanged signature was clustered before, and its records have their ids.
    signs = np.zeros(len(place), np.int64)
    signs[recalled] = remembered.columns["sign"][place[recalled]]
    clusters = cluster_records(graph, identity, signs)
    named, person = _with_evidence(identifiers, links), pd.Series(records.person)
    labels = _with_holders(clusters.labels, named, person.map(log.held))
    selected = np.flatnonzero((labels >= 0) & named)
    table = files.names(selected).assign(
        person=records.person[selected], known_on=files.table["known_on"].to_numpy()[selected], record=selected,
        cluster=labels[selected], strength=_strength(identifiers, identity)[selected],
    )  # fmt: skip
    table = causes(table.assign(held=table["person"].map(log.held)), graph, clusters.removed, identity)
    decision = decide(table, log, day)
    log = publish.extend_log(log, decision.events)
    customers, written = person.map(log.held), remembered.last + 1
    return IdentityState(
        day, records, identifiers, links, pairs, rate, clusters, named, graph, decision, log, customers, written
    )


def _with_holders(labels: Array, named: Array, customers: pd.Series) -> Array:
    """Labels of clusters, -1 where nothing changed; unchanged records that share an id with changed ones form clusters.

    A record whose identifiers ended retains its id. When it shows an identifier again, unchanged records may have its
    id.
    """
    changed = (labels >= 0) & named
    rest = (labels < 0) & named & customers.isin(customers[changed].dropna().unique()).to_numpy()
    if not rest.any():
        return labels
    numbers, _ = pd.factorize(customers[rest])
    labels = labels.copy()
    labels[rest] = labels.max() + 1 + numbers
    return labels


def _graph(
    context: Context, records: Records, identifiers: by_identifiers.IdentifierRows, links: by_identifiers.Links,
    pairs: PairScores, rate: float,
) -> Graph:  # fmt: skip
    identity = context.catalogue.identity
    sure = (training.probability(pairs.weight, rate) >= identity.match.link) & ~pairs.relatives
    likely = pd.DataFrame({"a": pairs.a[sure], "b": pairs.b[sure], "weight": pairs.weight[sure]})
    active_overrides = overrides.current_overrides(context.lake)
    return Graph(
        records.person, identifiers.tie_breakers(records.day_records.table["source"].to_pylist()), links.rows, likely,
        overrides.pair_positions(active_overrides, records.day_records.find, "same"),
        overrides.pair_positions(active_overrides, records.day_records.find, "different"),
        by_identifiers.limits(identity, identifiers, links.suppressed),
    )  # fmt: skip


def _with_evidence(identifiers: by_identifiers.IdentifierRows, links: by_identifiers.Links) -> Array:
    """Records (bool) with any evidence of a person: not just values that identify nobody."""
    named: Array = identifiers.names != 0
    blocked = identifiers.rows["blocked"].to_numpy() > 0
    named[identifiers.rows.loc[~blocked, "record"].to_numpy()] = True
    return named


def non_identifying_values(identifiers: by_identifiers.IdentifierRows, links: by_identifiers.Links) -> Array:
    """Codes (int64) of values that say nothing about identity: hubs and blocked values."""
    return np.union1d(links.hubs, identifiers.rows.loc[identifiers.rows["blocked"] > 0, "value"].to_numpy())


def _strength(identifiers: by_identifiers.IdentifierRows, identity: Identity) -> Array:
    """Index of the strongest rule that an identifier of each record can serve (records, int64): lower is stronger."""
    from quanyu.model.people import KINDS

    ranks = np.full(len(KINDS), len(identity.rules), np.int64)
    for place, rule in reversed(list(enumerate(identity.rules))):
        ranks[KINDS.index(rule.share)] = place
    strongest: Array = np.full(identifiers.records, len(identity.rules), np.int64)
    np.minimum.at(strongest, identifiers.rows["record"].to_numpy(), ranks[identifiers.rows["kind"].to_numpy()])
    return strongest


def _memory_after(state: IdentityState, remembered: State) -> State:
    """State that the next day builds upon, after this day is written."""
    import pyarrow as pa

    records, pairs = state.records, state.pairs
    columns = {"raw": records.raw_hash, "called": records.name_hash, "mark": pairs.input_hash,
               "standing": pairs.block_bits, "batch": pairs.run_number,
               "sign": state.clusters.component_hashes}  # fmt: skip
    scored = pa.concat_tables([remembered.pairs, pairs.new_rows.select(match_state.BRIEF.names)])
    return State(records.person, columns, records.block_keys, scored, state.written, remembered.rows)


def _difference(last: IdentityState, events: pd.DataFrame, published: pd.Series) -> IdentityDifference:
    before = np.bincount(pd.factorize(published)[0])
    ended = events.loc[events["event"] == "merge", "other_id"].nunique()
    parted = events.loc[events["event"] == "split", "customer_id"].nunique()
    return IdentityDifference(
        customers_before=len(before), records_before=len(published),
        minted=int((events["event"] == "mint").sum()), merged=int(ended), split=int(parted),
        moved=int(events["event"].isin(["merge", "split"]).sum()),
        largest=int(last.sizes.max(initial=0)), largest_before=int(before.max(initial=0)),
        hubs=len(last.links.hubs), values=int(last.identifiers.rows["value"].nunique()),
        records=int(last.non_identifying.sum()), named=int((last.ids[last.non_identifying] >= 0).sum()),
    )  # fmt: skip


def _outcome(last: IdentityState, states: list[IdentityState], written: int, difference: IdentityDifference) -> Outcome:
    blocked = last.links.suppressed.drop_duplicates(["record", "value"])
    cuts = last.clusters.removed
    notes = [f"{number_of(difference.hubs, 'value')} joined nobody, being too common (hubs)"] if difference.hubs else []
    notes += [f"{number_of(len(blocked), 'identifier')} set aside, see identity_aside"] if len(blocked) else []
    notes += [f"{number_of(len(cuts), 'link')} cut, see identity_cuts"] if len(cuts) else []
    notes += [f"{number_of(len(states) - 1, 'skipped day')} processed first"] if len(states) > 1 else []
    facts = IdentityFacts(len(last.sizes), difference.minted, difference.merged, difference.split)
    records = len(last.records.person)
    return Outcome(records, written, unchanged=records - written, notes=tuple(notes), facts=facts)
