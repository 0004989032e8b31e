"""Layout of a table in Delta: columns with comments, partitions, properties and constraints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from quanyu.grammar.table import Column, Table

if TYPE_CHECKING:
    from deltalake import DeltaTable

# Types without statistics in Delta.
_WITHOUT_STATISTICS = ("array", "boolean")
STATISTICS = "delta.dataSkippingStatsColumns"
LOG_RETENTION = "delta.logRetentionDuration"
# By default Delta removes commits, with their receipts, after 30 days.
LOG_CLEANUP = "delta.enableExpiredLogCleanup"
# A value in a constraint that lists those that are allowed.
_VALUE = re.compile(r"'([^']*)'")


@dataclass(frozen=True)
class LayoutColumn:
    """One column: its Spark type, whether a value is required, and its meaning."""

    type: str
    required: bool = False
    comment: str = ""


@dataclass(frozen=True)
class TableLayout:
    """Properties of a new table. `constraints` maps names to conditions; null violates them too."""

    columns: Mapping[str, LayoutColumn]
    partitioned_by: tuple[str, ...] = ()
    description: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    constraints: Mapping[str, str] = field(default_factory=dict)


def layout_of(table: type[Table]) -> TableLayout:
    """Layout of a declared table. Silver is partitioned by source. Personal columns and texts have no statistics."""
    required = {name for name, column in table.schema().items() if column.required or name in table.identity()}
    columns = {name: layout_column(column, name in required) for name, column in table.schema().items()}
    rules = {name: column.constraint(name) for name, column in table.columns.items() if not column.own}
    return TableLayout(
        columns=columns,
        partitioned_by=("source",) if table.layer == "silver" else (),
        description=table.about(),
        properties={
            "delta.enableChangeDataFeed": "true",
            STATISTICS: ",".join(_counted_columns(table)),
            LOG_CLEANUP: "false",
            "quanyu.owner": table.owner,
        },
        constraints={name: f"{name} is null or {rule}" for name, rule in rules.items() if rule},
    )


def layout_column(column: Column, required: bool = False) -> LayoutColumn:
    """Layout of one declared column."""
    return LayoutColumn(column.type, required, column.comment)


def plain_layout(columns: Mapping[str, str], statistics: tuple[str, ...]) -> TableLayout:
    """Layout of a table that no class declares, such as a feed's bronze table, by its columns' types."""
    properties = {STATISTICS: ",".join(statistics), LOG_CLEANUP: "false"}
    return TableLayout({name: LayoutColumn(kind) for name, kind in columns.items()}, properties=properties)


def _counted_columns(table: type[Table]) -> list[str]:
    """Columns with statistics: keys and days, by which queries filter. Free text and personal data have none."""
    asked = {*table.keys, table.event_time, table.overwrite_by, "feed_day", "recorded_on", "replaced_on", "customer_id"}
    return [
        name
        for name, column in table.schema().items()
        if name in asked and not column.pii and not column.type.startswith(_WITHOUT_STATISTICS)
    ]


def log_interval(retention: timedelta) -> str:
    """Write a retention in the format of Delta's properties."""
    return f"interval {retention.days} days"


def same_type(declared: str, stored: str) -> bool:
    """Whether a declared type equals the stored one, by Delta's type names."""
    if declared.startswith("array"):
        return "array" in stored
    return DELTA_NAMES.get(declared, declared) == stored


DELTA_NAMES = {"int": "integer", "bigint": "long"}
SPARK_NAMES = {delta: spark for spark, delta in DELTA_NAMES.items()}


def widened_constraints(stored: DeltaTable, table: type[Table]) -> dict[str, str]:
    """Constraints of a stored table whose column is declared with more values now, each with its new rule."""
    configuration, rules = stored.metadata().configuration, layout_of(table).constraints
    widened = {}
    for name, rule in rules.items():
        values = set(_VALUE.findall(configuration.get(f"delta.constraints.{name}", "")))
        if values and values < set(table.columns[name].values):
            widened[name] = rule
    return widened
