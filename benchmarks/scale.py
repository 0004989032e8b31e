"""A large retailer: each step of the product and hand-written DuckDB for the same result, measured in one run.

`python -m benchmarks.scale [--customers N] [--lines M]`. Identities are customer numbers alone: One ID has a benchmark
of its own. Prints a table: ratios, seconds and peaks of memory of both. Ends with an error where results differ.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from benchmarks import scale_data, scale_duckdb
from benchmarks.peak import Peak, cpu_seconds
from quanyu.config.settings import load_settings
from quanyu.lake.receipt import Receipt
from quanyu.run.runner import Context, perform

CONF = Path(__file__).parent / "retailer"
BEFORE = ("ingest.members", "ingest.items")
STEPS = {
    "ingest.receipts": "receipts", "features.recency": "recency", "features.value": "value",
    "features.engagement": "engagement", "features.preference": "preference", "memberships.customer": "memberships",
}  # fmt: skip
_SILVER = {
    "order_lines": "order_id, line, ordered_at, kind, status, sku, quantity, amount, unit_price, recorded_on",
    "orders": "order_id, ordered_at, kind, status, amount, pieces, channel, store, recorded_on",
    "identifiers": "value, recorded_on",
}


def measured(context: Context, step: str) -> dict[str, float]:
    """Run one step of the product; returns seconds, CPU seconds, and peak memory in bytes with the engine's."""
    _ = context.lake.spark
    before = cpu_seconds()
    with Peak() as peak:
        result = perform(context, context.step(step))
    figures = {"seconds": result.seconds, "cpu": cpu_seconds() - before, "peak": peak.bytes}
    print(f"{step}: {_text(figures)}, {result.outcome.rows_in} rows", flush=True)
    return figures


def _text(figures: Mapping[str, float]) -> str:
    return f"{figures['seconds']:.1f} s, {figures['cpu']:.1f} s of CPU, {figures['peak'] / 2**30:.2f} GB"


def by_hand(home: Path, name: str) -> dict[str, float]:
    """Run DuckDB for the same, in a process of its own."""
    line = [sys.executable, "-m", "benchmarks.scale_duckdb", str(home), name]
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    print(done.stderr, end="")
    figures: dict[str, float] = json.loads(done.stdout)
    print(f"  DuckDB: {_text(figures)}", flush=True)
    return figures


def identify(context: Context) -> None:
    """Publish identities by member number: a customer for each."""
    lake, table = context.lake, context.catalogue.tables["identities"]
    lake.prepare(table)
    persons = lake.rows("silver/identifiers", ["source", "person_key", "value"])
    named = pa.array([f"c{value}" for value in persons["value"].to_pylist()], pa.string())
    since = pa.array([scale_data.FIRST] * len(persons), pa.date32())
    columns = {**{name: persons[name] for name in ("source", "person_key")}, "customer_id": named, "valid_from": since,
               "valid_to": pa.nulls(len(persons), pa.date32())}  # fmt: skip
    receipt = Receipt("identities", context.day.isoformat(), context.run_id, "by member number")
    lake.append_rows("gold/identities", pa.table(columns), receipt, {"out": len(persons)})


def differences(context: Context, name: str) -> list[str]:
    """Name the results of a step that differ between the two, by number of rows and sum of row hashes."""
    home = context.settings.home
    with scale_duckdb.connected(home) as db:
        compared = [table for table in scale_duckdb.QUERIES[name] if table not in ("bronze", "quarantine")]
        return [table for table in compared if not _same(db, context, table)]


def _same(db: duckdb.DuckDBPyConnection, context: Context, table: str) -> bool:
    place = f"silver/{table}" if table in _SILVER else f"gold/{table}"
    ours = _files(context, place)
    theirs = f"read_parquet('{context.settings.home}/duckdb/{table}.parquet')"
    columns = db.sql(f"select * from {theirs} limit 0").columns
    compared = _SILVER.get(table, ", ".join(columns))
    kinds = {name: str(kind) for name, kind in zip(columns, db.sql(f"from {theirs} limit 0").types, strict=True)}
    sums = []
    for rows in (ours, theirs):
        values = ", ".join(_rounded(name, kinds[name]) for name in compared.split(", "))
        only = " where source = 'receipts'" if table in _SILVER and rows is ours else ""
        sums.append(db.execute(f"select count(*), sum(hash({values})::hugeint) from {rows}{only}").fetchone())
    print(f"  {table}: {sums[0]} {'=' if sums[0] == sums[1] else '<>'} {sums[1]}", flush=True)
    return sums[0] == sums[1]


def _rounded(name: str, kind: str) -> str:
    return f"round({name}::double, 9)" if kind == "DOUBLE" else f"{name}::{kind}"


def _files(context: Context, place: str) -> str:
    files = [uri.removeprefix("file://") for uri in context.lake.delta(place).file_uris()]
    return f"read_parquet({files}, hive_partitioning = true)"


def measure(home: Path, customers: int, lines: int) -> bool:
    """Generate the retailer, run every step on both sides, and print the table. Returns whether results are equal."""
    began = time.monotonic()
    if not (home / "landing").exists():
        scale_data.write(home / "landing", customers, lines)
    print(f"{customers} customers, {lines} lines made in {time.monotonic() - began:.0f} s", flush=True)
    context = Context(load_settings(CONF, home), scale_data.LAST)
    wrong, table = [], []
    try:
        for step in BEFORE:
            measured(context, step)
        for step, name in STEPS.items():
            ours, theirs = measured(context, step), by_hand(home, name)
            table.append((step, ours, theirs))
            wrong += differences(context, name)
            if step == "ingest.receipts":
                identify(context)
                measured(context, "customers")
    finally:
        context.close()
    for step, ours, theirs in table:
        ratio, cpu = (ours[name] / theirs[name] for name in ("seconds", "cpu"))
        print(f"{step:20} {ratio:5.2f} x, CPU {cpu:5.2f} x | {_text(ours)} | DuckDB {_text(theirs)}")
    print(f"differ: {', '.join(wrong) or 'none'}")
    return not wrong


def main() -> None:
    """Measure in a temporary home, or in one that is given and stays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--lines", type=int, default=20_000_000)
    parser.add_argument("--home", type=Path)
    chosen = parser.parse_args()
    home = chosen.home or Path(tempfile.mkdtemp(prefix="quanyu-scale-"))
    try:
        equal = measure(home, chosen.customers, chosen.lines)
    finally:
        if not chosen.home:
            shutil.rmtree(home, ignore_errors=True)
    sys.exit(0 if equal else "results differ")


if __name__ == "__main__":
    main()
