"""Writes an identity state: first the id log, then the state that follows from it, then the state of the next run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from jobs.unify.ids import change_limits as gates
from jobs.unify.ids.assignment import Log
from jobs.unify.ids.change_limits import IdentityDifference
from jobs.unify.matching import training
from jobs.unify.records import match_state
from jobs.unify.records.match_state import State
from quanyu.grammar.table import Table
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.run.runner import Context

Array = np.ndarray[Any, Any]

if TYPE_CHECKING:
    from jobs.unify.identify import IdentityState

LOG, STATE, CUTS = "gold/identity_events", "gold/identities", "gold/identity_cuts"
ACCEPTED, DAYS = "gold/identity_acceptances", "gold/identity_days"
COLUMNS = ["number", "day", "event", "customer_id", "other_id", "source", "person_key", "person", "cause"]
# No longer than people can work through.
MOST_REVIEWS = 5000
# Comparing fewer records again is faster than storing them.
REMEMBERED = 5000
# Outdated rows of the stored state are removed when there are so many times the current ones.
MOST_DEAD = 1.0


def read_log(context: Context) -> Log:
    """Read the id log, in order."""
    if not context.lake.exists(LOG):
        return Log(pd.DataFrame({name: pd.Series(dtype=object) for name in COLUMNS}))
    table = context.lake.arrow(LOG).to_table()
    if "person" not in table.column_names or table["person"].null_count:
        # Written before records were numbered.
        rows = context.lake.table(context.catalogue.tables["identity_events"])
        named = "coalesce(person, xxhash64(source, person_key)) as person"
        table = rows.selectExpr(*(c if c != "person" else named for c in COLUMNS)).toArrow()
    return Log(table.select(COLUMNS).sort_by("number").to_pandas())


def extend_log(log: Log, events: pd.DataFrame) -> Log:
    """The log with further events appended."""
    if events.empty:
        return log
    first = int(log.events["number"].max()) + 1 if len(log.events) else 0
    numbered = events.assign(number=range(first, first + len(events)))[COLUMNS]
    return Log(pd.concat([log.events, numbered], ignore_index=True) if len(log.events) else numbered)


def gate(context: Context, receipt: Receipt, events: pd.DataFrame, log: Log, difference: IdentityDifference) -> None:
    """Let a difference pass, or store it for review and stop. Raises ContractError."""
    reasons = difference.exceeded_limits(context.catalogue.identity.gate)
    if not reasons:
        return
    mark = gates.fingerprint(events, difference)
    if context.lake.exists(ACCEPTED) and mark in context.lake.values(ACCEPTED, "difference"):
        return
    table = context.catalogue.tables["identity_proposals"]
    rows = log.events.tail(len(events)).assign(difference=mark, reasons="; ".join(reasons))
    context.lake.prepare(table)
    context.lake.replace_rows(place_of(table), _arrow_rows(table, rows), receipt, {"out": len(rows)})
    raise gates.gate_error(reasons, mark)


def _arrow_rows(table: type[Table], rows: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(rows[list(table.columns)], _arrow(table), preserve_index=False)


def _arrow(table: type[Table]) -> pa.Schema:
    kinds = {"bigint": pa.int64(), "string": pa.string(), "date": pa.date32(), "double": pa.float64()}
    return pa.schema([(name, kinds[column.type]) for name, column in table.columns.items()])


def publish(context: Context, receipt: Receipt, events: int, log: Log, days: list[IdentityState]) -> int:
    """Append the last `events` of the log, then update the state by it. Returns how many assignments changed.

    Events that a killed run appended and did not publish are published by the next.
    """
    lake, tables = context.lake, context.catalogue.tables
    if events:
        lake.prepare(tables["identity_events"])
        rows = log.events.tail(events)
        lake.append_rows(LOG, _arrow_rows(tables["identity_events"], rows), receipt, {"out": len(rows)})
    changed = _update_state(context, receipt, log.events)
    _write_explanations(context, receipt, days[-1])
    _write_days(context, receipt, log.events, days)
    return changed


def _write_days(context: Context, receipt: Receipt, log: pd.DataFrame, days: list[IdentityState]) -> None:
    """Store the figures of the processed days; changes are counted from the log, so that a rerun reports them too."""
    lake, table = context.lake, context.catalogue.tables["identity_days"]
    rows = pd.DataFrame([_figures(one, log[log["day"] == one.day]) for one in days])
    lake.prepare(table)
    lake.upsert_rows(table, _arrow_rows(table, rows), receipt, {"out": len(rows)})


def _figures(one: IdentityState, events: pd.DataFrame) -> dict[str, Any]:
    changed = {"merged": ("merge", "other_id"), "split": ("split", "customer_id"), "minted": ("mint", "customer_id")}
    counts = {name: int(events.loc[events["event"] == event, of].nunique()) for name, (event, of) in changed.items()}
    return {
        "day": one.day, "records": int(one.non_identifying.sum()), "customers": len(one.sizes), **counts,
        "moved": int(events["event"].isin(["merge", "split"]).sum()),
        "largest": int(one.sizes.max(initial=0)), "hubs": len(one.links.hubs), "pairs": one.pairs.scored,
        "match_rate": one.rate,
    }  # fmt: skip


def _update_state(context: Context, receipt: Receipt, log: pd.DataFrame) -> int:
    lake, table = context.lake, context.catalogue.tables["identities"]
    upto = int(log["number"].max()) if len(log) else -1
    before = lake.receipt(STATE)
    applied = int(before["counts"].get("log", -1)) if before else -1
    fresh = log[log["number"] > applied]
    if fresh.empty and before:
        return 0
    lake.prepare(table)
    everything = applied < 0 or len(fresh) > 0.2 * len(log)
    rows = _assignments(log if everything else log[log["person"].isin(fresh["person"])])
    counts = {"out": len(fresh), "log": upto}
    assignments = _arrow_rows(table, rows)
    if everything:
        lake.replace_rows(STATE, assignments, receipt, counts)
    else:
        lake.upsert_rows(table, assignments, receipt, counts)
    return int(fresh["person"].nunique())


def _assignments(log: pd.DataFrame) -> pd.DataFrame:
    """Assignments by the log: each is valid from its event's day to that of the record's next one."""
    ordered = log.drop_duplicates(["person", "day"], keep="last")
    following_day = ordered.groupby("person", sort=False)["day"].shift(-1)
    return pd.DataFrame({
        "source": ordered["source"], "person_key": ordered["person_key"], "customer_id": ordered["customer_id"],
        "valid_from": ordered["day"], "valid_to": following_day.astype(object).mask(following_day.isna(), None),
    })  # fmt: skip


def _write_explanations(context: Context, receipt: Receipt, last: IdentityState) -> None:
    """Write what was set aside, pairs for review, and cuts."""
    tables = context.catalogue.tables
    _replace_if_changed(context, receipt, tables["identity_aside"], _aside(last))
    _replace_if_changed(context, receipt, tables["identity_reviews"], _reviews(context, last))
    # What was stopped before is settled: accepted, or gone with the data that it came from.
    proposals = tables["identity_proposals"]
    _replace_if_changed(context, receipt, proposals, pd.DataFrame(columns=list(proposals.columns)))
    _log_cuts(context, receipt, _cuts(last))


def _log_cuts(context: Context, receipt: Receipt, cuts: pd.DataFrame) -> None:
    """Append the cuts that are not logged yet: each is logged on the first day on which it occurs."""
    lake, table = context.lake, context.catalogue.tables["identity_cuts"]
    named = [name for name in table.columns if name != "day"]
    cuts = cuts.drop_duplicates(named)
    if lake.exists(CUTS) and len(cuts):
        logged = lake.arrow(CUTS).to_table(columns=named).to_pandas()
        cuts = cuts[~_row_texts(cuts[named]).isin(set(_row_texts(logged)))]
    if len(cuts):
        lake.prepare(table)
        lake.append_rows(CUTS, _arrow_rows(table, cuts), receipt, {"out": len(cuts)})


def _row_texts(rows: pd.DataFrame) -> pd.Series:
    return pd.Series([str(row) for row in rows.itertuples(index=False, name=None)], rows.index, dtype=object)


def _replace_if_changed(context: Context, receipt: Receipt, table: type[Table], rows: pd.DataFrame) -> None:
    """Replace the rows of a list, unless it has exactly these rows already."""
    lake, place = context.lake, place_of(table)
    new = pa.Table.from_pandas(rows[list(table.columns)], _arrow(table), preserve_index=False)
    order = [(name, "ascending") for name in table.keys]
    if not lake.exists(place):
        if not len(new):
            return
        lake.prepare(table)
    elif lake.arrow(place).to_table().select(table.columns).cast(_arrow(table)).sort_by(order) == new.sort_by(order):
        return
    lake.replace_rows(place, _arrow_rows(table, rows), receipt, {"out": len(rows)})


def _aside(last: IdentityState) -> pd.DataFrame:
    from quanyu.model.people import KINDS

    rows = last.links.suppressed.drop_duplicates(["record", "kind", "value"])
    keys = last.records.day_records.names(rows["record"].to_numpy())
    return keys.assign(
        kind=np.array(KINDS)[rows["kind"]], value_hash=rows["value"].to_numpy(), reason=rows["reason"].to_numpy()
    )


def _reviews(context: Context, last: IdentityState) -> pd.DataFrame:
    match = context.catalogue.identity.match
    sure = training.probability(last.pairs.weight, last.rate)
    chosen = np.flatnonzero(sure >= match.review)
    # Two records without an id are not one customer.
    ids = np.where(last.ids < 0, -1 - np.arange(len(last.ids)), last.ids)
    chosen = chosen[ids[last.pairs.a[chosen]] != ids[last.pairs.b[chosen]]]
    settled = pd.MultiIndex.from_arrays(list(last.graph.different.T))
    ends = np.sort(np.stack([last.pairs.a[chosen], last.pairs.b[chosen]], axis=1), axis=1)
    order = np.lexsort((ends[:, 1], ends[:, 0], -sure[chosen]))[: MOST_REVIEWS + len(settled)]
    chosen, ends = chosen[order], ends[order]
    undecided = ~pd.MultiIndex.from_arrays(list(ends.T)).isin(settled) if len(settled) else np.ones(len(chosen), bool)
    chosen, ends = chosen[undecided][:MOST_REVIEWS], ends[undecided][:MOST_REVIEWS]
    one, other = (last.records.day_records.names(ends[:, side]) for side in (0, 1))
    why = np.where(sure[chosen] >= match.link, "linked by likeness, but a limit parts them", "in the band of review")
    apart = last.pairs.relatives[chosen]
    why = np.where(apart, "names of two persons, however like the rest is", why)
    return pd.DataFrame({
        "a_source": one["source"], "a_key": one["person_key"], "b_source": other["source"],
        "b_key": other["person_key"], "reason": why,
        # What two members of a household share does not say how likely they are one person.
        "probability": np.where(apart, np.nan, sure[chosen].round(2)),
    })  # fmt: skip


def _cuts(last: IdentityState) -> pd.DataFrame:
    cut = last.clusters.removed
    one = last.records.day_records.names(cut["record"].to_numpy(int))
    others = cut["other"].to_numpy(int)
    other = last.records.day_records.names(np.maximum(others, 0))
    present = others >= 0
    return pd.DataFrame({
        "day": [last.day] * len(cut), "a_source": one["source"], "a_key": one["person_key"],
        "b_source": other["source"].where(present, ""), "b_key": other["person_key"].where(present, ""),
        "rule": cut["by"].to_numpy(), "reason": cut["reason"].to_numpy(),
    })  # fmt: skip


def store_match_state(
    context: Context, receipt: Receipt, before: State, after: State, days: list[IdentityState]
) -> None:
    """Write what changed since `before`: pairs first, because a record's row says that its pairs are stored."""
    lake, tables, last = context.lake, context.catalogue.tables, days[-1]
    if len(after.person) < REMEMBERED and not lake.exists(match_state.RECORDS):
        return
    for name in ("identity_pairs", "identity_records"):
        lake.prepare(tables[name])
    everybody = np.ones(len(after.person), bool)
    fresh = _rows(after, _changed(before, after), last.written)
    changed = pa.concat_tables([fresh, _deleted(before, after, last.written)])
    pairs, live = pa.concat_tables([one.pairs.new_rows for one in days]), None
    if len(before.pairs) > (1 + MOST_DEAD) * max(len(last.pairs.a), 10_000):
        everything = pa.concat_tables([match_state.read_pairs(lake, match_state.PAIR), pairs])
        live = match_state.valid_pairs(everything, last.records.person, after.columns["batch"])
    match_state.append_rows(lake, receipt, match_state.PAIRS, pairs, live)
    crowded = before.rows > (1 + MOST_DEAD) * max(len(after.person), 10_000)
    live = _rows(after, everybody, last.written) if crowded else None
    match_state.append_rows(lake, receipt, match_state.RECORDS, changed, live)


def _changed(before: State, after: State) -> Array:
    """Records (bool) that differ from what was stored."""
    place, present = before.at(after.person)
    same = present.copy()
    for name in match_state.RECORD:
        same[present] &= before.columns[name][place[present]] == after.columns[name][present]
    return ~same


def _rows(after: State, chosen: Array, written: int) -> pa.Table:
    columns = {name: column[chosen] for name, column in after.columns.items()}
    return match_state.records_table(after.person[chosen], columns, after.keys[chosen], written)


def _deleted(before: State, after: State, written: int) -> pa.Table:
    """Rows that mark deleted records: if they come back, they are compared again."""
    deleted = ~after.at(before.person)[1] & (before.columns["mark"] != 0)
    zeros = {name: np.zeros(int(deleted.sum()), np.int64) for name in match_state.RECORD}
    return match_state.records_table(before.person[deleted], zeros, before.keys[deleted], written)
