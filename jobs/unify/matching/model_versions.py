"""Versions of the match model in the lake: pinned by number, with term frequencies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from jobs.unify.matching import training
from jobs.unify.matching.comparison import TERMS
from jobs.unify.matching.model import Model, read
from jobs.unify.records.reader import salt_of
from quanyu.errors import ConfigError
from quanyu.lake.receipt import Receipt
from quanyu.run.runner import Context

MODELS, SHARES, DAYS = "gold/identity_models", "gold/identity_terms", "gold/identity_days"

# Fewest records to train on, and the growth after which the next version is trained.
LEAST, GROWN = 1000, 4


def versions(context: Context) -> list[dict[str, Any]]:
    """Every trained version, oldest first."""
    if not context.lake.exists(MODELS):
        return []
    return sorted(context.lake.arrow(MODELS).to_table().to_pylist(), key=lambda row: int(row["version"]))


def pinned(context: Context) -> int | None:
    """The version to use: the one that the rules pin, or the newest. None where none is trained yet.

    Raises ConfigError for a version that does not exist.
    """
    trained = [int(row["version"]) for row in versions(context)]
    pin = context.catalogue.identity.match.model
    if pin is not None and pin not in trained:
        file = context.catalogue.identity.file
        raise ConfigError(f"{file}: match.model: there is no version {pin}; trained so far: {trained or 'none'}")
    return pin or (trained[-1] if trained else None)


def rate(context: Context) -> float:
    """Probability that two random records match, as the last run estimated it."""
    if not context.lake.exists(DAYS):
        return 1e-4
    return float(context.lake.arrow(DAYS).to_table().sort_by("day")["match_rate"][-1].as_py())


def version(context: Context, records: int) -> tuple[bool, int]:
    """Whether to train a version now, and the number of the one to use: 0 for assumed parameters.

    The first is trained when there are enough records, the next when there are GROWN times as many.
    """
    trained = versions(context)
    current = pinned(context)
    enough = LEAST if current is None else GROWN * int(trained[-1]["records"])
    due = context.catalogue.identity.match.model is None and records >= enough
    return due, (current or 0) + due


def load(context: Context, version: int) -> Model:
    """Read a version; 0 is the model of assumed parameters."""
    assumed = training.assumed(salt_of(context.settings))
    if not version:
        return assumed
    text = next(row["parameters"] for row in versions(context) if row["version"] == version)
    table = context.lake.rows(SHARES, where=compute.field("version") == version)
    terms = {}
    for term in TERMS:
        rows = table.filter(compute.equal(table["term"], term)).sort_by("value_hash")
        terms[term] = (rows["value_hash"].to_numpy(), rows["share"].to_numpy())
    return read(text, terms, assumed)


def save(context: Context, receipt: Receipt, model: Model, records: int, pairs: int) -> int:
    """Write a new version, term frequencies first: without its row a version does not exist. Returns its number."""
    lake, tables = context.lake, context.catalogue.tables
    version = max((int(row["version"]) for row in versions(context)), default=0) + 1
    lake.prepare(tables["identity_terms"])
    lake.prepare(tables["identity_models"])
    hashes, shares = (np.concatenate([model.terms[term][part] for term in TERMS]) for part in (0, 1))
    names = [term for term in TERMS for _ in model.terms[term][0]]
    rows = pa.table({
        "version": pa.array(np.full(len(names), version)), "term": pa.array(names, pa.string()),
        "value_hash": pa.array(hashes, pa.int64()), "share": pa.array(shares, pa.float64()),
    })  # fmt: skip
    schema = "version bigint, term string, value_hash bigint, share double"
    # Replaces what a killed run left under this number.
    staged = lake.staging.stage_arrow(lake.spark, rows, schema)
    lake.replace(SHARES, staged, f"version = {version}", receipt, {"out": len(rows)})
    row = pa.table({
        "version": [version], "trained_on": [context.day], "records": [records], "pairs": [pairs],
        "parameters": [model.text()],
    })  # fmt: skip
    lake.append_rows(MODELS, row, receipt, {"out": 1})
    return version
