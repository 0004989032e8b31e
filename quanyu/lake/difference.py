"""What differs between the rows of a table as it stands and as it should be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def row_hash(columns: Sequence[str]) -> str:
    """SQL of a row's hash over these columns; nulls count, so that (null, 'a') differs from ('a', null)."""
    return f"xxhash64({', '.join(f'`{name}`, `{name}` is null' for name in columns)})"


def has_repeats(rows: DataFrame, columns: Sequence[str]) -> bool:
    """Whether two rows seem to agree in all these columns: their hashes do. Rows of 8 bytes each come here."""
    import numpy as np

    # Sorted: numpy's own search for unique values takes ten times as long where nearly all are.
    hashes = np.sort(rows.selectExpr(f"{row_hash(columns)} as _hash").toArrow()["_hash"].to_numpy())
    return bool((hashes[1:] == hashes[:-1]).any())


def difference(table: type[Table], rows: DataFrame, current: DataFrame) -> DataFrame:
    """Rows to insert, update or delete, marked in `_op`, to get from the current rows to the given ones."""
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
