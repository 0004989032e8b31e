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
    """Set all rows of a table, of which columns that are not given are null; only differences are committed."""
    table, lake = context.catalogue.tables[declared.name], context.lake
    columns = {name: column.type for name, column in table.columns.items()}
    return lake.sync(table, lake.staging.stage_columns(lake.spark, [rows], columns).rows, receipt)
