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
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from benchmarks import scale_data, scale_duckdb
from benchmarks.peak import Peak, cpu_seconds
from quanyu.config.settings import load_settings
from quanyu.lake.receipt import Receipt
from quanyu.run.planning.decision import record_run
from quanyu.run.runner import Context, perform

CONF = Path(__file__).parent / "retailer"
BEFORE = ("ingest.members", "ingest.items")
VIEWS = ("recency", "value", "ever", "engagement", "preference", "rhythm", "categories")
STEPS = {
    "ingest.receipts": "receipts", "activity": "activity", **{f"features.{view}": view for view in VIEWS},
    "scores": "scores", "profile.customer": "profile", "memberships.customer": "memberships",
}  # fmt: skip
_SILVER = {
    "order_lines": "order_id, line, ordered_at, kind, status, sku, quantity, amount, unit_price, recorded_on",
    "orders": "order_id, ordered_at, kind, status, amount, pieces, channel, store, recorded_on",
    "identifiers": "value, recorded_on",
}


def measured(context: Context, step: str, force: bool = False) -> dict[str, float]:
    """Run one step of the product; returns seconds, CPU seconds, peak memory in bytes with the engine's, and rows."""
    _ = context.lake.spark
    before = cpu_seconds()
    with Peak() as peak:
        result = perform(context, context.step(step), force)
    outcome = result.outcome
    figures = {
        "seconds": result.seconds,
        "cpu": cpu_seconds() - before,
        "peak": peak.bytes,
        "changed": outcome.rows_out,
    }
    print(f"{step}: {_text(figures)}, {outcome.rows_in} rows, {'; '.join(outcome.notes)}", flush=True)
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
    if lake.version("gold/identities") is not None:
        return as_if_done(context)
    lake.prepare(table)
    persons = lake.rows("silver/identifiers", ["source", "person_key", "value"])
    named = pa.array([f"c{value}" for value in persons["value"].to_pylist()], pa.string())
    since = pa.array([scale_data.FIRST] * len(persons), pa.date32())
    columns = {**{name: persons[name] for name in ("source", "person_key")}, "customer_id": named, "valid_from": since,
               "valid_to": pa.nulls(len(persons), pa.date32())}  # fmt: skip
    receipt = Receipt("identities", context.day.isoformat(), context.run_id, "by member number")
    lake.append_rows("gold/identities", pa.table(columns), receipt, {"out": len(persons)})
    as_if_done(context)


def as_if_done(context: Context) -> None:
    """Record that identities are of the day, for the steps that ask."""
    record_run(context, context.step("identities"), {})


def differences(context: Context, name: str) -> list[str]:
    """Name the results of a step that differ between the two, by number of rows and sum of row hashes."""
    home = context.settings.home
    with scale_duckdb.connected(home) as db:
        uncompared = ("bronze", "quarantine", "activity", *VIEWS)
        compared = [table for table in scale_duckdb.QUERIES.get(name, ()) if table not in uncompared]
        # Features are compared in the profile, where what changes by itself is computed.
        compared += VIEWS if name == "profile" else ()
        return [table for table in compared if not _same(db, context, table)]


def _same(db: duckdb.DuckDBPyConnection, context: Context, table: str) -> bool:
    gold = {"memberships": "memberships_customer", **dict.fromkeys(VIEWS, "profile_customer")}
    place = f"silver/{table}" if table in _SILVER else f"gold/{gold.get(table, table)}"
    ours = _files(context, place)
    theirs = f"read_parquet('{context.settings.home}/duckdb/{table}.parquet')"
    columns = db.sql(f"select * from {theirs} limit 0").columns
    compared = _SILVER.get(table, ", ".join(columns))
    kinds = {name: str(kind) for name, kind in zip(columns, db.sql(f"from {theirs} limit 0").types, strict=True)}
    if table in VIEWS:
        features = ", ".join(f"{table}__{name} as {name}" for name in columns if name != "customer_id")
        ours = f"(select customer_id, {features} from {ours} where customer_id in (select customer_id from {theirs}))"
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


def other_views(context: Context) -> None:
    """Compute the views that have no query by hand: the profile waits for all of them."""
    for name in context.steps:
        if name.startswith("features.") and name not in STEPS:
            measured(context, name)


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
            if step == "scores":
                other_views(context)
            ours = measured(context, step)
            theirs = by_hand(home, name) if name in scale_duckdb.QUERIES else None
            table.append((step, ours, theirs))
            wrong += differences(context, name)
            if step == "ingest.receipts":
                identify(context)
                measured(context, "customers")
    finally:
        context.close()
    for step, ours, theirs in table:
        print(f"{step:20} {_beside(ours, theirs)}")
    print(f"differ: {', '.join(wrong) or 'none'}")
    return not wrong and next_day(home, customers, lines)


def _beside(ours: Mapping[str, float], theirs: Mapping[str, float] | None) -> str:
    if theirs is None:
        return _text(ours)
    ratio, cpu = (ours[name] / theirs[name] for name in ("seconds", "cpu"))
    return f"{ratio:5.2f} x, CPU {cpu:5.2f} x | {_text(ours)} | DuckDB {_text(theirs)}"


def next_day(home: Path, customers: int, lines: int) -> bool:
    """Run a day on which one customer in a hundred buys, and each view in full after it: nothing may differ."""
    day = scale_data.LAST + timedelta(days=1)
    if not (home / "landing" / "receipts" / day.isoformat()).exists():
        scale_data.write_day(home / "landing", customers, lines, customers // 100)
    context = Context(load_settings(CONF, home), day)
    equal = True
    try:
        measured(context, "ingest.receipts")
        as_if_done(context)
        for step in ("customers", "activity"):
            measured(context, step)
        for view in VIEWS:
            one = measured(context, f"features.{view}")
            context.full = True
            whole = measured(context, f"features.{view}", force=True)
            context.full = False
            equal = equal and not whole["changed"]
            print(f"{view:20} {one['seconds'] / whole['seconds']:.0%} of full | {_text(one)} | {_text(whole)}")
        other_views(context)
        for step in ("scores", "profile.customer", "memberships.customer"):
            measured(context, step)
    finally:
        context.close()
    print("a full computation changes rows" if not equal else "a full computation changes nothing")
    return equal


def main() -> None:
    """Measure in a temporary home, or in one that is given and stays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--lines", type=int, default=20_000_000)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--next-day", action="store_true", help="only the further day, in a home measured before")
    chosen = parser.parse_args()
    home = chosen.home or Path(tempfile.mkdtemp(prefix="quanyu-scale-"))
    try:
        run = next_day if chosen.next_day else measure
        equal = run(home, chosen.customers, chosen.lines)
    finally:
        if not chosen.home:
            shutil.rmtree(home, ignore_errors=True)
    sys.exit(0 if equal else "results differ")


if __name__ == "__main__":
    main()
