"""What Delta is told of a Table: columns with comments, properties and constraints."""

from __future__ import annotations

from quanyu.literals import quoted
from quanyu.table import Column, Table

# Types that Delta keeps no statistics of.
_WITHOUT = ("array", "boolean")


def body(table: type[Table]) -> tuple[str, str]:
    """SQL of a declared table's columns, and of what stands behind its format: partition, comment, properties."""
    lines = [
        f"`{name}` {column.type}{_null(table, name, column)} comment {quoted(column.comment)}"
        for name, column in table.schema().items()
    ]
    properties = ", ".join(f"{quoted(key)}={quoted(value)}" for key, value in _properties(table).items())
    parted = " partitioned by (source)" if table.layer == "silver" else ""
    rest = f"{parted} comment {quoted(table.about())} tblproperties ({properties})"
    return ", ".join(lines), rest


def _null(table: type[Table], name: str, column: Column) -> str:
    return " not null" if column.required or name in table.identity() else ""


def _properties(table: type[Table]) -> dict[str, str]:
    # Statistics are for what tables are asked by: keys and days. Free text and people's own words have none.
    asked = {*table.keys, table.happens, table.slice_by, "feed_day", "recorded_on", "replaced_on", "customer_id"}
    clear = [n for n, c in table.schema().items() if n in asked and not c.pii and not c.type.startswith(_WITHOUT)]
    rules = {name: column.constraint(name) for name, column in table.columns.items()}
    return {
        "delta.enableChangeDataFeed": "true",
        "delta.dataSkippingStatsColumns": ",".join(clear),
        "quanyu.owner": table.owner,
        # Delta takes a null result for a violation.
        **{f"delta.constraints.{name}": f"{name} is null or {rule}" for name, rule in rules.items() if rule},
    }


def same_type(declared: str, there: str) -> bool:
    """Whether a declared type is the one that lies there, by Delta's own names."""
    names = {"int": "integer", "bigint": "long"}
    if declared.startswith("array"):
        return "array" in there
    return names.get(declared, declared) == there
