"""A test lake: two tables, rows by their keys, and every way of writing them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from spark_server import JVM

from quanyu.config.sections import Spark
from quanyu.config.settings import Settings
from quanyu.engine.session import Engine
from quanyu.grammar.table import Column, Table
from quanyu.lake import Lake, place_of
from quanyu.lake.receipt import Receipt


class Sales(Table):
    """One sale."""

    layer, keys, event_time, owner = "silver", ("number",), "sold_at", "trade"
    number = Column("string", "Number of the sale.")
    phone = Column("string", "Phone of the buyer.", pii=True)
    sold_at = Column("timestamp", "When it was sold.", required=True)
    amount = Column("decimal(18,2)", "What was paid.", unit="currency", at_least=0)
    channel = Column("string", "Where it was sold.", values=("web", "shop"))
    coupons = Column("array<string>", "Coupons.")


class Totals(Table):
    """What one customer bought."""

    layer, keys = "gold", ("customer_id",)
    customer_id = Column("string", "Customer.")
    orders = Column("bigint", "Number of orders.", unit="orders", at_least=0)
    spend = Column("decimal(18,2)", "What was paid.", unit="currency")


SALES, TOTALS = place_of(Sales), place_of(Totals)
KINDS = {table: {name: column.type for name, column in table.schema().items()} for table in (Sales, Totals)}
DAY = date(2024, 6, 30)
RECEIPT = Receipt("sell", DAY.isoformat(), "run-1", "definition")


def sale(number: str, **values: Any) -> dict[str, Any]:
    """A sale with default values, except `values`."""
    columns = {
        "source": "pos", "number": number, "phone": "13800000001", "amount": Decimal("12.34"), "channel": "web",
        "sold_at": datetime(2024, 6, 30, 16, 30, 0, 123456, UTC), "coupons": ["a", None],
        "feed_day": DAY, "recorded_on": DAY, "replaced_on": None, "_file": "sales.csv", "_row": 1,
    }  # fmt: skip
    return {**columns, **values}


def total(customer: str | None, orders: int | None = 1, spend: str = "1.00") -> dict[str, Any]:
    """A customer's total."""
    return {"customer_id": customer, "orders": orders, "spend": Decimal(spend)}


class Desk:
    """One client of a lake."""

    def __init__(self, home: Path, engine: str, committer: str) -> None:
        self.settings = Settings(home=home, conf=home, data=home, landing=home, engine=engine, spark=Spark(conf=JVM))
        if not (self.settings.lake / "_committer").exists():
            self.settings.lake.mkdir(parents=True, exist_ok=True)
            (self.settings.lake / "_committer").write_text(f"{committer}\n")
        self.lake = Lake(self.settings, Engine(self.settings))

    def prepare(self) -> None:
        """Create both tables."""
        self.lake.prepare(Sales)
        self.lake.prepare(Totals)

    def frame(self, table: type[Table], rows: Sequence[Mapping[str, Any]], **more: str) -> Any:
        """Rows as a DataFrame of the engine."""
        kinds = {**KINDS[table], **more}
        types = {"date": pa.date32(), "timestamp": pa.timestamp("us", "UTC"), "bigint": pa.int64(),
                 "decimal(18,2)": pa.decimal128(18, 2), "array<string>": pa.list_(pa.string())}  # fmt: skip
        schema = pa.schema([(name, types.get(kind, pa.string())) for name, kind in kinds.items()])
        folder = self.lake.staging.write_arrow(pa.Table.from_pylist([dict(row) for row in rows], schema))
        declared = ", ".join(f"`{name}` {kind}" for name, kind in kinds.items())
        return self.lake.spark.read.schema(declared).parquet(str(folder))

    def arrow(self, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        """Rows as a pyarrow table."""
        schema = self.lake.arrow(place_of(table)).schema
        return pa.Table.from_pylist([dict(row) for row in rows], schema)

    def append(self, *rows: Mapping[str, Any], table: type[Table] = Sales, **receipt: Any) -> int:
        """Append a DataFrame."""
        return self.lake.append(place_of(table), self.frame(table, rows), replace(RECEIPT, **receipt), {"out": 1})

    def replace(self, *rows: Mapping[str, Any], where: str | None = None, table: type[Table] = Sales) -> int:
        """Replace the rows of a condition, or all, by a DataFrame."""
        return self.lake.replace(place_of(table), self.frame(table, rows), where, RECEIPT, {"out": 1})

    def merge(self, *rows: Mapping[str, Any], on: Sequence[str] = ("source", "number")) -> int:
        """Merge sales by their column `_op`."""
        staged = self.lake.staging.stage(self.frame(Sales, rows, _op="string"))
        return self.lake.merge(Sales, staged, on, RECEIPT, {"out": 1})

    def append_rows(self, *rows: Mapping[str, Any], table: type[Table] = Totals) -> int:
        """Append a pyarrow table."""
        return self.lake.append_rows(place_of(table), self.arrow(table, rows), RECEIPT, {"out": 1})

    def replace_rows(self, *rows: Mapping[str, Any], table: type[Table] = Totals) -> int:
        """Replace all rows by a pyarrow table."""
        return self.lake.replace_rows(place_of(table), self.arrow(table, rows), RECEIPT, {"out": 1})

    def upsert_rows(self, *rows: Mapping[str, Any]) -> int:
        """Upsert totals from a pyarrow table."""
        return self.lake.upsert_rows(Totals, self.arrow(Totals, rows), RECEIPT, {"out": 1})

    def sync(self, *rows: Mapping[str, Any], part: str | None = None) -> Any:
        """Set the totals to just these rows."""
        return self.lake.sync(Totals, self.frame(Totals, rows), RECEIPT, part)

    def rows(self, table: type[Table] = Sales, *columns: str) -> list[Any]:
        """Rows as the engine reads them, by source and key; with one column, its values."""
        wanted = columns or tuple(table.schema())
        read = self.lake.read(place_of(table)).toArrow().to_pylist()
        read.sort(key=lambda row: str([row[name] for name in table.identity()]))
        return [row[wanted[0]] if len(wanted) == 1 else {name: row[name] for name in wanted} for row in read]

    def log(self, place: str) -> list[dict[str, Any]]:
        """Every action in a table's log, as JSON."""
        files = sorted((Path(self.lake.path(place)) / "_delta_log").glob("*.json"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def changes(self, place: str, version: int) -> list[tuple[str, str]]:
        """The change feed of one version: kinds of change and keys."""
        from deltalake import DeltaTable

        key = "number" if place == SALES else "customer_id"
        feed = DeltaTable(self.lake.path(place)).load_cdf(starting_version=version, ending_version=version)
        return sorted((row["_change_type"], row[key]) for row in pa.table(feed.read_all()).to_pylist())
