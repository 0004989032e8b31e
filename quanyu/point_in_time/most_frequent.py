"""Most frequent values by groups of equal ones: over many rows several times as fast as an engine's `mode`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from quanyu.lake.staging import Staging

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def most_frequent(
    staging: Staging, rows: DataFrame, by: Sequence[str], values: Mapping[str, str]
) -> list[DataFrame]:  # fmt: skip
    """The most frequent of the values of each name: `by`, name; without a row where there is no value.

    Of several, the smallest. `values` are SQL over a row.
    """
    columns = (f"{sql} as `{name}`" for name, sql in values.items())
    # They are read once for each name.
    rows = staging.materialize(rows.selectExpr(*by, *columns))
    return [staging.materialize(_of(rows, by, name)) for name in values]


def _of(rows: DataFrame, by: Sequence[str], name: str) -> DataFrame:
    from pyspark.sql import functions as F  # noqa: N812

    counts = rows.where(f"`{name}` is not null").groupBy(*by, name).agg(F.expr("count(*)").alias("_count"))
    entity = ", ".join(f"`{column}`" for column in by)
    nth = f"row_number() over (partition by {entity} order by _count desc, `{name}`) as _nth"
    return counts.selectExpr(*by, f"`{name}`", nth).where("_nth = 1").drop("_nth")
