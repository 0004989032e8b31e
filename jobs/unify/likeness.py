"""Likeness of records on a day: what changed is prepared, blocked and scored anew, the rest is remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.unify import forms, matching, memory, models, texts
from jobs.unify.matching import blocks, fields, scoring, training
from jobs.unify.matching.levels import coded
from jobs.unify.matching.model import Model
from jobs.unify.memory import Memory
from jobs.unify.numbers import mixed
from jobs.unify.records import Names, Staged, salt_of, staged
from quanyu.errors import ConfigError
from quanyu.identity import Match
from quanyu.lake.receipt import Receipt
from quanyu.run import Context

Array = np.ndarray[Any, Any]
PREPARED = (
    "person bigint, email_code bigint, phone_code bigint, name bigint, keys array<bigint>, "
    + ", ".join(f"`{name}` string" for name in fields.FIELDS)
)  # fmt: skip
SCORED = "a bigint, b bigint, levels bigint, weight float, weights array<float>"
# From so many records on the work is shared out; below, it costs more to share than to do.
SHARED = 20_000
# Workers need seconds to get ready.
PREPARED_HERE = 300_000
SCORED_HERE = 500_000
# So many numbers of records are sent to every worker.
BROADCAST = 500_000
PAIRS_A_PART = 1_000_000


@dataclass
class Records:
    """Records of a day, in the order of their numbers: as staged (table, names), `keys` by block, and prepared.

    `name` is the hash of the whole name.
    """

    person: Array
    table: pa.Table
    names: Names
    name: Array
    keys: Array
    prepared: Path | None


def records_of(context: Context, files: Staged, known: Memory) -> Records:
    """Prepare those of the day's records that changed."""
    person, raw = files.records["person"].to_numpy(), files.records["raw"].to_numpy()
    place, there = known.at(person)
    there[there] = known.columns["raw"][place[there]] == raw[there]
    name = np.zeros(len(person), np.int64)
    keys = np.zeros((len(person), known.keys.shape[1]), np.int64)
    name[there], keys[there] = known.columns["called"][place[there]], known.keys[place[there]]
    folder = None
    if not there.all():
        folder = prepare(context, files, ~there)
        fresh = _read(folder, ["person", "name", "keys"])
        at = np.searchsorted(person, fresh["person"].to_numpy())
        name[at] = fresh["name"].to_numpy()
        keys[at] = fresh["keys"].combine_chunks().values.to_numpy(zero_copy_only=False).reshape(len(at), -1)
    whole = folder if folder is not None and not there.any() else None
    return Records(person, files.records, files.names, name, keys, whole)


def _read(folder: Path, columns: list[str]) -> pa.Table:
    from pyarrow import dataset

    return dataset.dataset(folder, format="parquet").to_table(columns=columns)


def prepare(context: Context, files: Staged, chosen: Array, keyed: bool = True) -> Path:
    """Bring the chosen records into the form in which they are compared, with keys if asked. Returns the folder."""
    block = [list(found.same) for found in _match(context).blocks] if keyed else []
    salt = salt_of(context.settings)
    staging, spark = context.lake.staging, context.lake.spark
    places = np.flatnonzero(chosen)
    many = len(places) > SHARED
    table = None if len(places) > PREPARED_HERE else texts.here(context, files, places)
    if table is not None:
        return _prepared_here(context, table, block, salt)
    wanted = files.records.select(fields.PASSED).take(pa.array(places))
    kept = staging.put(spark, wanted, ", ".join(f"{name} bigint" for name in fields.PASSED), 4 if many else 1).rows
    kept = kept if len(wanted) > BROADCAST else kept.hint("broadcast")
    rows = texts.by_spark(context, files, kept).select(*fields.PASSED, *fields.RAW)
    if len(wanted) <= PREPARED_HERE:
        return _prepared_here(context, staging.take(rows).arrow(), block, salt)
    _ship()
    rows = rows.repartition(context.settings.spark.cores * 2)
    return staging.take(rows.mapInArrow(lambda stream: fields.batches(stream, block, salt), PREPARED)).folder


def _prepared_here(context: Context, table: pa.Table, block: list[list[str]], salt: str) -> Path:
    made = pa.Table.from_batches(fields.batches(iter(table.combine_chunks().to_batches()), block, salt))
    return context.lake.staging.lay(made)


def _ship() -> None:
    """Workers have none of our packages: what they run is sent to them."""
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(matching)  # type: ignore[no-untyped-call]


def _match(context: Context) -> Match:
    return context.catalogue.identity.match


def limits(match: Match, groups: Sequence[blocks.Groups], records: int) -> list[int]:
    """How large each block may be, for so many records."""
    return blocks.limits(groups, [block.most for block in match.blocks], match.pairs, records)


@dataclass(frozen=True)
class Likeness:
    """Pairs above the model's floor as places of records (a, b), their weights, and what the run scored itself."""

    a: Array
    b: Array
    weight: Array
    mark: Array
    standing: Array
    batch: Array
    fresh: pa.Table
    scored: int


def likeness(
    context: Context, receipt: Receipt, files: Staged, records: Records, nobodys: Array, known: Memory
) -> Likeness:
    """Score the pairs of records that are other than they were or stand in further blocks; remember the others."""
    match = _match(context)
    groups = blocks.grouped(records.keys)
    most = limits(match, groups, len(records.person))
    mask = blocks.standing(groups, most, len(records.person))
    due, version = models.version(context, len(mask))
    place, there = known.at(records.person)
    hub = [np.isin(records.table[f"{kind}_code"].to_numpy(), nobodys) for kind in ("email", "phone")]
    mark = mixed([records.table["raw"].to_numpy(), *hub, np.full(len(mask), version)])
    touched = ~there | due
    touched[there] |= known.columns["mark"][place[there]] != mark[there]
    # A block that grew too large takes pairs away and changes no other; one that shrank gives pairs back.
    touched[there] |= (mask[there] & ~known.columns["standing"][place[there]]) != 0
    a, b, bits = blocks.candidates(groups, most, touched)
    batch = np.full(len(mask), known.last + 1, np.int64)
    batch[there] = np.where(touched[there], batch[there], known.columns["batch"][place[there]])
    fresh = memory.PAIR.empty_table()
    if len(a):
        paired = np.zeros(len(mask), bool)
        paired[a] = paired[b] = True
        folder = records.prepared or prepare(context, files, paired, keyed=False)
        at = _places(folder, records.person)
        if due:
            model = _trained(context, receipt, folder, (at[a], at[b], bits), len(mask))
        else:
            model = models.load(context, version)
        fresh = _dated(_scored(context, folder, model, nobodys, at[a], at[b]), known.last + 1)
    old = blocks.sharing(memory.places(known.pairs, records.person, batch), records.keys, mask)
    new = memory.places(fresh, records.person, batch)
    left, right = (np.concatenate([x, y]) for x, y in zip(old[:2], new[:2], strict=True))
    weight = np.concatenate([known.pairs["weight"].to_numpy()[old[2]], fresh["weight"].to_numpy()[new[2]]])
    return Likeness(left, right, weight, mark, mask, batch, fresh, len(a))


def _places(folder: Path, person: Array) -> Array:
    """Place in the prepared files of each record, by its place among the day's."""
    order = _read(folder, ["person"])["person"].to_numpy()
    found = np.full(len(person), -1, np.int64)
    found[np.searchsorted(person, order)] = np.arange(len(order))
    return found


def _trained(
    context: Context, receipt: Receipt, folder: Path, pairs: tuple[Array, Array, Array], records: int
) -> Model:
    columns = coded(scoring.read(str(folder)))
    block = [list(found.same) for found in _match(context).blocks]
    model = training.train(columns, pairs, block, salt_of(context.settings))
    models.save(context, receipt, model, records, len(pairs[0]))
    return model


def train_anew(context: Context) -> tuple[int, int]:
    """Train a new version on the records of the context's day. Returns its number and how many records there were."""
    files = staged(context, context.day, forms.seen(context, context.day))
    records = records_of(context, files, memory.forgotten(len(_match(context).blocks)))
    groups, everybody = blocks.grouped(records.keys), np.ones(len(records.person), bool)
    a, b, bits = blocks.candidates(groups, limits(_match(context), groups, len(everybody)), everybody)
    if records.prepared is None or not len(a):
        raise ConfigError(f"there is nothing to train on at {context.day}: no two records that could be compared")
    at = _places(records.prepared, records.person)
    receipt = Receipt("identity.train", context.day.isoformat(), context.run_id, "")
    _trained(context, receipt, records.prepared, (at[a], at[b], bits), len(records.person))
    return int(models.versions(context)[-1]["version"]), len(records.person)


def _scored(context: Context, folder: Path, model: Model, nobodys: Array, a: Array, b: Array) -> pa.Table:
    """Score pairs by their places in the prepared files: here where they are few, on the workers where not."""
    scorer = scoring.Scorer(str(folder), model, tuple(nobodys.tolist()))
    if len(a) <= SCORED_HERE:
        return pa.Table.from_batches([scorer.scored(a, b)])
    _ship()
    table = pa.table({"a": pa.array(a.astype(np.int32)), "b": pa.array(b.astype(np.int32))})
    parts = max(context.settings.spark.cores, -(-len(a) // PAIRS_A_PART))
    staging, spark = context.lake.staging, context.lake.spark
    size = {"spark.sql.execution.arrow.maxRecordsPerBatch": str(scoring.ROWS)}
    with context.lake.session_settings(size):
        return staging.take(staging.put(spark, table, "a int, b int", parts).rows.mapInArrow(scorer, SCORED)).arrow()


def _dated(pairs: pa.Table, batch: int) -> pa.Table:
    """Pairs as the memory has them: the smaller number first, with the run that scored them."""
    one, other = pairs["a"].to_numpy(), pairs["b"].to_numpy()
    columns = [
        pa.array(np.minimum(one, other)), pa.array(np.maximum(one, other)), pairs["levels"], pairs["weight"],
        pairs["weights"], pa.array(np.full(len(pairs), batch, np.int64)),
    ]  # fmt: skip
    return pa.table(dict(zip(memory.PAIR.names, columns, strict=True))).cast(memory.PAIR)
