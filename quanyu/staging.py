"""Rows that one process looks at more than once: written to a place of its own, read back, and counted on the way."""

from __future__ import annotations

import shutil
import uuid
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quanyu.guard import guard

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Staging:
    """A folder of parquet files below the lake's root that lives as long as a run."""

    def __init__(self, lake: Path) -> None:
        self._root = lake / "_staging"
        self._folder: Path | None = None

    def keep(self, df: DataFrame) -> DataFrame:
        """Write rows and read them back, so that what is looked at twice is computed once."""
        return self.counted(df)[0]

    def counted(self, df: DataFrame, by: str | None = None) -> tuple[DataFrame, dict[Any, int]]:
        """Keep rows, and count them by the values of a column (all under None without one).

        The counts come from the files written, which costs no further job of Spark's.
        """
        if self._folder is None:
            self._folder = self._root / uuid.uuid4().hex
        path = self._folder / uuid.uuid4().hex
        with guard("staging"):
            df.write.parquet(str(path))
        return df.sparkSession.read.schema(df.schema).parquet(str(path)), _counts(path, by)

    def clear(self) -> None:
        """Remove what was kept."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _counts(folder: Path, by: str | None) -> dict[Any, int]:
    from pyarrow import dataset

    found = dataset.dataset(folder, format="parquet")
    if by is None:
        return {None: found.count_rows()}
    counts: Counter[Any] = Counter()
    for batch in found.to_batches(columns=[by]):
        for pair in batch.column(0).value_counts().to_pylist():
            counts[pair["values"]] += pair["counts"]
    return dict(counts)
