"""The rows that a version learned from and was tested on, as a Delta table whose version its record names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml.lifecycle.train import inputs
from quanyu.grammar.model_spec import ModelSpec
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.outcomes import training_of
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def write(
    context: Context, receipt: Receipt, spec: type[ModelSpec], training: pd.DataFrame, test: pd.DataFrame
) -> dict[str, Any]:
    """Set the model's rows in the table of its entity. Returns the table, its version, and the number of rows.

    Both frames have the entity's key, cutoff, the features, label, and campaign where rows are assignments.
    """
    table, lake = training_of(spec.entity), context.lake
    parts = [_rows(spec, rows, use) for rows, use in ((training, "training"), (test, "test"))]
    columns = {name: column.type for name, column in table.columns.items() if name != "trained_on"}
    staged = lake.staging.stage_columns(lake.spark, parts, columns).rows
    rows = staged.selectExpr("*", f"date'{context.day}' as trained_on")
    lake.sync(table, rows, receipt, part=f"model = '{spec.name}'")
    place = place_of(table)
    return {"table": place, "version": lake.version(place), "rows": len(training) + len(test)}


def _rows(spec: type[ModelSpec], rows: pd.DataFrame, use: str) -> pa.Table:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    matrix = inputs(rows, spec.features)
    offsets = pa.array(np.arange(len(rows) + 1, dtype=np.int32) * matrix.shape[1], pa.int32())
    values = pa.array(matrix.ravel(), pa.float64(), mask=np.isnan(matrix.ravel()))
    campaign = rows["campaign"] if "campaign" in rows else pd.Series("", rows.index)
    return pa.table({
        "model": pa.repeat(spec.name, len(rows)),
        spec.entity.key: pa.array(rows[spec.entity.key], pa.string()),
        "cutoff": pa.array(pd.to_datetime(rows["cutoff"]).dt.date, pa.date32()),
        "campaign": pa.array(campaign, pa.string()),
        "use": pa.repeat(use, len(rows)),
        "label": pa.array(rows["label"], pa.float64(), from_pandas=True),
        "features": pa.ListArray.from_arrays(offsets, values),
    })  # fmt: skip
