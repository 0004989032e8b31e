"""Sets the rows of a table of next items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quanyu.grammar.table import Table
from quanyu.lake import WriteCounts
from quanyu.lake.receipt import Receipt
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pyarrow as pa


def write_rows(context: Context, declared: type[Table], rows: pa.Table, receipt: Receipt) -> WriteCounts:
    """Set all rows of a table, given in its columns; only differences are committed."""
    from pyspark.sql.pandas.types import to_arrow_schema

    table, lake = context.catalogue.tables[declared.name], context.lake
    schema = ", ".join(f"`{name}` {column.type}" for name, column in table.columns.items() if name in rows.column_names)
    # An empty frame of pandas does not know that its columns are texts.
    types = to_arrow_schema(lake.spark.createDataFrame([], schema).schema)
    typed = rows.select(types.names).cast(types)
    staged = lake.staging.stage_arrow(lake.spark, typed, schema).rows
    added = (f"cast(null as {column.type}) as `{name}`" for name, column in table.columns.items()
             if name not in rows.column_names)  # fmt: skip
    return lake.sync(table, staged.selectExpr("*", *added), receipt)
