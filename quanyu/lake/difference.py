"""The difference between the current rows of a table and the wanted ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from quanyu.grammar.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def row_hash(columns: Sequence[str]) -> str:
    """SQL of a row's hash over these columns. Nulls count, so that (null, 'a') differs from ('a', null)."""
    return f"xxhash64({', '.join(f'`{name}`, `{name}` is null' for name in columns)})"


def has_repeats(rows: DataFrame, columns: Sequence[str]) -> bool:
    """Whether two rows have equal hashes over these columns. Collects 8 bytes per row."""
    import numpy as np

    # Sorted, since numpy's own unique is ten times slower if nearly all values are unique.
    hashes = np.sort(rows.selectExpr(f"{row_hash(columns)} as _hash").toArrow()["_hash"].to_numpy())
    return bool((hashes[1:] == hashes[:-1]).any())


def merge_changes(table: type[Table], rows: DataFrame, current: DataFrame) -> DataFrame:
    """Rows to insert, update or delete (column `_op`) to turn the current rows into `rows`."""
    columns = list(table.schema())
    new = rows.selectExpr("*", f"{row_hash(columns)} as _new")
    old = current.select(*columns).selectExpr("*", f"{row_hash(columns)} as _old")
    joined = new.alias("n").join(old.alias("o"), list(table.keys), "full_outer").where("not (_new <=> _old)")
    op = "case when _old is null then 'insert' when _new is null then 'delete' else 'update' end as _op"
    keys = set(table.keys)
    output_columns = [
        f"`{name}`" if name in keys else f"if(_new is null, o.`{name}`, n.`{name}`) as `{name}`" for name in columns
    ]
    return joined.selectExpr(*output_columns, op)
