"""Likeness of records on a day: what changed is prepared, blocked and scored anew, the rest is remembered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from jobs.unify import matching, memory, models
from jobs.unify.matching import blocks, fields, scoring, training
from jobs.unify.matching.levels import coded
from jobs.unify.matching.model import Model
from jobs.unify.memory import Memory
from jobs.unify.records import Staged, salt_of, staged
from quanyu.errors import ConfigError
from quanyu.identity import Match
from quanyu.receipt import Receipt
from quanyu.run import Context

Array = np.ndarray[Any, Any]
PREPARED = (
    "person bigint, email_code bigint, phone_code bigint, name bigint, keys array<bigint>, "
    + ", ".join(f"`{name}` string" for name in fields.FIELDS)
)  # fmt: skip
SCORED = "a bigint, b bigint, levels bigint, weight float, weights array<float>"
# From so many records on the work is shared out; below, it costs more to share than to do.
SHARED = 20_000
PAIRS_A_PART = 1_000_000


@dataclass
class Records:
    """Records of a day, in the order of their numbers; `keys` by block, `name` is the hash of the whole name."""

    person: Array
    table: pa.Table
    raw: Array
    name: Array
    keys: Array
    prepared: Path | None


def records_of(context: Context, files: Staged, known: Memory) -> Records:
    """Read the day's records, and prepare those that changed."""
    table = files.records.arrow()
    table = table.take(pa.array(np.argsort(table["person"].to_numpy(), kind="stable")))
    person, raw = table["person"].to_numpy(), table["raw"].to_numpy()
    place, there = known.at(person)
    there[there] = known.columns["raw"][place[there]] == raw[there]
    name = np.zeros(len(person), np.int64)
    keys = np.zeros((len(person), known.keys.shape[1]), np.int64)
    name[there], keys[there] = known.columns["called"][place[there]], known.keys[place[there]]
    folder = None
    if not there.all():
        folder = prepare(context, files, person[~there] if there.any() else None)
        fresh = _read(folder, ["person", "name", "keys"])
        at = np.searchsorted(person, fresh["person"].to_numpy())
        name[at] = fresh["name"].to_numpy()
        keys[at] = fresh["keys"].combine_chunks().values.to_numpy(zero_copy_only=False).reshape(len(at), -1)
    return Records(person, table, raw, name, keys, folder if folder is not None and not there.any() else None)


def _read(folder: Path, columns: list[str]) -> pa.Table:
    from pyarrow import dataset

    return dataset.dataset(folder, format="parquet").to_table(columns=columns)


def prepare(context: Context, files: Staged, persons: Array | None) -> Path:
    """Bring records (all, or some by their numbers) into the form in which they are compared. Returns the folder."""
    block, salt = [list(found.same) for found in _match(context).blocks], salt_of(context.settings)
    columns, staging, spark = [*fields.PASSED, *fields.RAW], context.lake.staging, context.lake.spark
    if (files.records.count if persons is None else len(persons)) <= SHARED:
        table = files.records.arrow().select(columns)
        table = table if persons is None else table.filter(compute.is_in(table["person"], pa.array(persons)))
        made = pa.Table.from_batches(fields.batches(iter(table.combine_chunks().to_batches()), block, salt))
        return staging.put(spark, made, PREPARED).folder
    rows = files.records.rows.select(*columns)
    if persons is not None:
        wanted = staging.put(spark, pa.table({"person": pa.array(persons)}), "person bigint").rows
        rows = rows.join(wanted.hint("broadcast"), "person", "left_semi")
    _ship()
    rows = rows.repartition(context.settings.spark.cores * 2)
    return staging.take(rows.mapInArrow(lambda stream: fields.batches(stream, block, salt), PREPARED)).folder


def _ship() -> None:
    """Workers have none of our packages: what they run is sent to them."""
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(matching)  # type: ignore[no-untyped-call]


def _match(context: Context) -> Match:
    return context.catalogue.identity.match


@dataclass(frozen=True)
class Likeness:
    """Pairs above the model's floor as places of records (a, b), their weights, what the run scored, and all
    that is current, as the memory has it."""

    a: Array
    b: Array
    weight: Array
    mark: Array
    batch: Array
    fresh: pa.Table
    current: pa.Table
    scored: int


def likeness(
    context: Context, receipt: Receipt, files: Staged, records: Records, nobodys: Array, known: Memory
) -> Likeness:
    """Score the pairs of records whose mark is another than it was, and take the others from memory."""
    match = _match(context)
    most = [block.most for block in match.blocks]
    mask = blocks.standing(records.keys, most)
    due, version = models.version(context, len(mask))
    place, there = known.at(records.person)
    hub = [np.isin(records.table[f"{kind}_code"].to_numpy(), nobodys) for kind in ("email", "phone")]
    mark = _mark([records.raw, mask, *hub, np.full(len(mask), version)])
    touched = ~there | due
    touched[there] |= known.columns["mark"][place[there]] != mark[there]
    a, b, bits = blocks.candidates(records.keys, most, touched)
    batch = np.full(len(mask), known.last + 1, np.int64)
    batch[there] = np.where(touched[there], batch[there], known.columns["batch"][place[there]])
    fresh = memory.forgotten(0).pairs
    if len(a):
        folder = records.prepared or prepare(context, files, records.person[np.unique(np.concatenate([a, b]))])
        at = _places(folder, records.person)
        if due:
            model = _trained(context, receipt, folder, (at[a], at[b], bits), len(mask))
        else:
            model = models.load(context, version)
        fresh = _dated(_scored(context, folder, model, nobodys, at[a], at[b]), known.last + 1)
    old = memory.current(known.pairs, records.person, batch)
    pairs = pa.concat_tables([old, fresh])
    left, right = (np.searchsorted(records.person, pairs[name].to_numpy()) for name in ("a", "b"))
    return Likeness(left, right, pairs["weight"].to_numpy(), mark, batch, fresh, pairs, len(a))


def _mark(columns: list[Array]) -> Array:
    found = np.zeros(len(columns[0]), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in columns:
            found = (found ^ column.astype(np.int64).view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
            found ^= found >> np.uint64(32)
    return found.view(np.int64)


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
    files = staged(context, context.day)
    records = records_of(context, files, memory.forgotten(len(_match(context).blocks)))
    most = [block.most for block in _match(context).blocks]
    a, b, bits = blocks.candidates(records.keys, most, np.ones(len(records.person), bool))
    if records.prepared is None or not len(a):
        raise ConfigError(f"there is nothing to train on at {context.day}: no two records that could be compared")
    at = _places(records.prepared, records.person)
    receipt = Receipt("identity.train", context.day.isoformat(), context.run_id, "")
    _trained(context, receipt, records.prepared, (at[a], at[b], bits), len(records.person))
    return int(models.versions(context)[-1]["version"]), len(records.person)


def _scored(context: Context, folder: Path, model: Model, nobodys: Array, a: Array, b: Array) -> pa.Table:
    """Score pairs by their places in the prepared files: here where they are few, on the workers where not."""
    scorer = scoring.Scorer(str(folder), model, tuple(nobodys.tolist()))
    if len(a) <= SHARED:
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
