"""Match scores of a day: changed records are prepared, blocked and scored; the rest is read from the stored state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.unify.matching import (
    blocks,
    fields,
    households,
    levels,
    model_versions,
    scoring,
    training,
)
from jobs.unify.matching import model as weights
from jobs.unify.matching.comparison import CROWD_KINDS
from jobs.unify.matching.model import Model
from jobs.unify.records import match_state
from jobs.unify.records.match_state import State
from jobs.unify.records.packing import hash_rows
from jobs.unify.records.reader import DayRecords, salt_of, stage_records
from quanyu.errors import ConfigError
from quanyu.fingerprint import fingerprint
from quanyu.grammar.declaration import digest
from quanyu.grammar.identity import Match
from quanyu.lake.receipt import Receipt
from quanyu.run.runner import Context

Array = np.ndarray[Any, Any]
# Records that are prepared at a time.
BATCH = 100_000


@dataclass(frozen=True)
class Records:
    """Records of a day, sorted by number, as staged, with hashes of the compared fields (`raw_hash`) and of names.

    `person`, `raw_hash` and `name_hash` are (records,) int64; `block_keys` (records by blocks, int64) are their
    blocking keys. `prepared` has all records as they are compared, where all had to be prepared.
    """

    day_records: DayRecords
    person: Array
    raw_hash: Array
    name_hash: Array
    block_keys: Array
    prepared: pa.Table | None


def records_of(context: Context, files: DayRecords, previous: State) -> Records:
    """Prepare those of the day's records that changed."""
    person, match = files.table["person"].to_numpy(), _match(context)
    raw = hash_rows([files.table["raw"].to_numpy(), np.full(len(person), _fingerprint(match))])
    place, unchanged = previous.at(person)
    unchanged[unchanged] = previous.columns["raw"][place[unchanged]] == raw[unchanged]
    name = np.zeros(len(person), np.int64)
    keys = np.zeros((len(person), len(match.blocks)), np.int64)
    name[unchanged], keys[unchanged] = previous.columns["called"][place[unchanged]], previous.keys[place[unchanged]]
    prepared = None
    if not unchanged.all():
        prepared = prepare(context, files, ~unchanged)
        name[~unchanged] = prepared["name"].to_numpy()
        keys[~unchanged] = prepared["keys"].combine_chunks().flatten().to_numpy().reshape(prepared.num_rows, -1)
    return Records(files, person, raw, name, keys, prepared if not unchanged.any() else None)


def _fingerprint(match: Match) -> int:
    """Fingerprint of the code that prepares and compares records: what other code stored is of no use."""
    code = fingerprint(fields, levels, households, weights, scoring)
    return int(digest([code, [block.same for block in match.blocks]]), 16) >> 1


def prepare(context: Context, files: DayRecords, chosen: Array, keyed: bool = True) -> pa.Table:
    """Convert the chosen records to the form that is compared, in order, with blocking keys if `keyed`."""
    block_fields = [list(block.same) for block in _match(context).blocks] if keyed else []
    batches = files.compared_columns(chosen).combine_chunks().to_batches(max_chunksize=BATCH)
    return pa.Table.from_batches(fields.batches(iter(batches), block_fields, salt_of(context.settings)))


def _match(context: Context) -> Match:
    return context.catalogue.identity.match


def limits(match: Match, groups: Sequence[blocks.RecordBlocks], records: int) -> list[int]:
    """Largest size of each block, for so many records."""
    return blocks.limits(groups, [block.most for block in match.blocks], match.pairs, records)


@dataclass(frozen=True)
class PairScores:
    """Pairs above the model's floor as record positions (a, b), their weights in bits, and what the run scored itself.

    `relatives` (pairs, bool) are pairs with names of two persons: at most for review, however similar the rest is.
    `input_hash`, `block_bits` and `run_number` (records, int64) are stored for the next run; `scored` is the number of
    candidates.
    """

    a: Array
    b: Array
    weight: Array
    relatives: Array
    input_hash: Array
    block_bits: Array
    run_number: Array
    new_rows: pa.Table
    scored: int


def score_pairs(
    context: Context, receipt: Receipt, records: Records, non_identifying: Array, previous: State
) -> PairScores:
    """Score the pairs of records that changed or entered further blocks; read the others from the stored state."""
    match = _match(context)
    groups = blocks.grouped(records.block_keys)
    most = limits(match, groups, len(records.person))
    mask = blocks.block_bits(groups, most, len(records.person))
    due, version = model_versions.version(context, len(mask))
    place, recalled = previous.at(records.person)
    hub = [np.isin(records.day_records.table[f"{kind}_code"].to_numpy(), non_identifying) for kind in CROWD_KINDS]
    mark = hash_rows([records.raw_hash, *hub, np.full(len(mask), version)])
    touched = ~recalled | due
    touched[recalled] |= previous.columns["mark"][place[recalled]] != mark[recalled]
    # A block that grew too large removes pairs and changes no others; one that shrank adds pairs.
    touched[recalled] |= (mask[recalled] & ~previous.columns["standing"][place[recalled]]) != 0
    a, b, bits = blocks.candidates(groups, most, touched)
    batch = np.full(len(mask), previous.last + 1, np.int64)
    batch[recalled] = np.where(touched[recalled], batch[recalled], previous.columns["batch"][place[recalled]])
    fresh = match_state.PAIR.empty_table()
    if len(a):
        prepared = _prepared(context, records, a, b)
        at = np.searchsorted(prepared["person"].to_numpy(), records.person)
        if due:
            model = _trained(context, receipt, prepared, (at[a], at[b], bits), len(mask))
        else:
            model = model_versions.load(context, version)
        scores = scoring.PreparedRecords(prepared, model, non_identifying).scored(at[a], at[b])
        fresh = _stored_pairs(scores, previous.last + 1)
    old = blocks.in_shared_block(
        match_state.valid_pair_positions(previous.pairs, records.person, batch), records.block_keys, mask
    )
    new = match_state.valid_pair_positions(fresh, records.person, batch)
    left, right = (np.concatenate([x, y]) for x, y in zip(old[:2], new[:2], strict=True))
    weight, level = (
        np.concatenate([previous.pairs[name].to_numpy()[old[2]], fresh[name].to_numpy()[new[2]]])
        for name in ("weight", "levels")
    )
    return PairScores(left, right, weight, scoring.are_relatives(level), mark, mask, batch, fresh, len(a))


def _prepared(context: Context, records: Records, a: Array, b: Array) -> pa.Table:
    """The records at positions `a` and `b` in the form that is compared, or all records if these are prepared."""
    if records.prepared is not None:
        return records.prepared
    paired = np.zeros(len(records.person), bool)
    paired[a] = paired[b] = True
    return prepare(context, records.day_records, paired, keyed=False)


def _trained(
    context: Context, receipt: Receipt, prepared: pa.Table, pairs: tuple[Array, Array, Array], records: int
) -> Model:
    columns = levels.coded(prepared)
    block_fields = [list(block.same) for block in _match(context).blocks]
    model = training.train(columns, pairs, block_fields, salt_of(context.settings))
    model_versions.save(context, receipt, model, records, len(pairs[0]))
    return model


def train_version(context: Context) -> tuple[int, int]:
    """Train a new version on the records of the context's day. Returns its number and the number of records."""
    records = records_of(
        context, stage_records(context, context.day), match_state.empty_state(len(_match(context).blocks))
    )
    groups, everybody = blocks.grouped(records.block_keys), np.ones(len(records.person), bool)
    a, b, bits = blocks.candidates(groups, limits(_match(context), groups, len(everybody)), everybody)
    if records.prepared is None or not len(a):
        raise ConfigError(f"there is nothing to train on at {context.day}: no two records share a block")
    receipt = Receipt("identity.train", context.day.isoformat(), context.run_id, "")
    _trained(context, receipt, records.prepared, (a, b, bits), len(records.person))
    return int(model_versions.versions(context)[-1]["version"]), len(records.person)


def _stored_pairs(pairs: pa.Table, batch: int) -> pa.Table:
    """Pairs as they are stored: the smaller number first, with the batch that scored them."""
    one, other = pairs["a"].to_numpy(), pairs["b"].to_numpy()
    columns = [
        pa.array(np.minimum(one, other)), pa.array(np.maximum(one, other)), pairs["levels"], pairs["weight"],
        pairs["weights"], pa.array(np.full(len(pairs), batch, np.int64)),
    ]  # fmt: skip
    return pa.table(dict(zip(match_state.PAIR.names, columns, strict=True))).cast(match_state.PAIR)
