"""A home with the profiles of many customers, copied from those of another home, and nothing that computes them."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from quanyu.config.settings import load_settings
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.entities import Customer
from quanyu.model.identity import Identities
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

PLACE = "gold/profile_customer"
BEGAN = date(2024, 1, 1)


class LargeHome(Context):
    """A day of a home whose steps before those of audiences count as run for the day."""

    def forward_day(self, step: str) -> date | None:
        """The day of the profiles."""
        return self.day

    def is_current(self, step: str) -> bool:
        """The profiles are those of the day."""
        return step == f"profile.{Customer.name}"

    def mark_current(self) -> None:
        """Record every step as run for the day from its inputs as they are."""
        for name, step in self.steps.items():
            key = str(self.day) if step.as_of and not step.forward else ""
            inputs = {place: self.lake.version(place) for place in step.reads}
            depends = {"inputs": inputs, "definition": step.fingerprint()}
            if not name.startswith("memberships"):
                self.store.unchanged_runs.save(name, key, {"day": str(self.day), "depends": depends})


def arguments(describes: str | None) -> argparse.ArgumentParser:
    """Arguments of a benchmark on a large home: that whose profiles are copied, the work folder, conf, day and size."""
    parser = argparse.ArgumentParser(description=describes)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--conf", type=Path, default=Path("conf"))
    parser.add_argument("--day", type=date.fromisoformat, default=date(2025, 2, 3))
    parser.add_argument("--customers", type=int, default=1_000_000)
    return parser


def profiles_of(conf: Path, home: Path, day: date) -> pa.Table:
    """The profiles of a home."""
    source = Context(load_settings(conf, home), day)
    rows = source.lake.arrow(PLACE).to_table()
    source.close()
    return rows


def write_customers(target: LargeHome, profiles: pa.Table, customers: int, moved: float = 0.0) -> None:
    """Write profiles again and again, each time under other ids. A share of the customers has those of others."""
    import pyarrow as pa

    table, spark, count = target.catalogue.tables["profile_customer"], target.lake.spark, profiles.num_rows
    target.lake.prepare(table)
    columns = {name: column.type for name, column in table.schema().items()}
    names = [name for name in profiles.schema.names if name in columns]
    schema = ", ".join(f"`{name}` {columns[name]}" for name in names)
    numbered = profiles.select(names).append_column("place", pa.array(range(count), pa.int64()))
    rows = target.lake.staging.stage_arrow(spark, numbered, f"{schema}, place bigint").rows
    keys = rows.selectExpr("place as base", f"`{Customer.key}` as base_key")
    moves = f"pmod(hash(id), 1000000) < {int(moved * 1_000_000)}"
    ids = spark.range(customers).selectExpr(
        f"id % {count} as base", f"id div {count} as nth", f"(id + if({moves}, 1, 0)) % {count} as place"
    )
    values = {Customer.key: "concat(base_key, '-', nth)", "as_of": f"date'{target.day}'"}
    many = ids.join(keys, "base").join(rows, "place")
    many = many.selectExpr(*(f"{values.get(name, f'`{name}`')} as `{name}`" for name in names))
    receipt = Receipt("profile.customer", str(target.day), target.run_id, "benchmark")
    target.lake.replace(PLACE, many, None, receipt, {"out": customers})


def write_identities(target: LargeHome) -> None:
    """Write one record of each customer."""
    target.lake.prepare(Identities)
    keys: DataFrame = target.lake.read(PLACE).selectExpr(f"`{Customer.key}`")
    rows = keys.selectExpr("'shop' as source", f"sha2(`{Customer.key}`, 256) as person_key", f"`{Customer.key}`",
                           f"date'{BEGAN}' as valid_from", "cast(null as date) as valid_to")  # fmt: skip
    target.lake.replace(
        place_of(Identities), rows, None, Receipt("identities", str(target.day), target.run_id, "b"), {}
    )
