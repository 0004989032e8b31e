"""Rows that one process looks at more than once: written to a place of its own, read back, and counted on the way."""

from __future__ import annotations

import shutil
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quanyu.guard import guard

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


# Keys of more rows are not compared in this process's memory.
MOST_ROWS = 3_000_000


@dataclass(frozen=True)
class Kept:
    """Rows that were written to staging, where their files lie, and how many they are."""

    rows: DataFrame
    folder: Path
    count: int

    def unique(self, keys: Sequence[str]) -> bool:
        """Whether no two rows share a key, as far as that can be told without a job of Spark's."""
        if self.count > MOST_ROWS:
            return False
        found = _files(self.folder).to_table(columns=list(keys))
        return bool(found.group_by(list(keys)).aggregate([]).num_rows == self.count)

    def arrow(self) -> Any:
        """All rows as a pyarrow table, read without Spark."""
        return _files(self.folder).to_table()


class Staging:
    """A folder of parquet files below the lake's root that lives as long as a run."""

    def __init__(self, lake: Path) -> None:
        self._root = lake / "_staging"
        self._folder: Path | None = None

    def take(self, df: DataFrame) -> Kept:
        """Write rows and read them back. What the counts tell comes from the files, at no further job of Spark's."""
        path = self._place()
        with guard("staging"):
            df.write.parquet(str(path))
        return Kept(df.sparkSession.read.schema(df.schema).parquet(str(path)), path, _files(path).count_rows())

    def _place(self) -> Path:
        if self._folder is None:
            self._folder = self._root / uuid.uuid4().hex
        return self._folder / uuid.uuid4().hex

    def lay(self, table: Any, parts: int = 1) -> Path:
        """Write a pyarrow table of this process in so many files at most. Returns their folder."""
        from pyarrow import parquet

        path = self._place()
        path.mkdir(parents=True)
        rows = max(-(-table.num_rows // parts), 1)
        for start in range(0, max(table.num_rows, 1), rows):
            parquet.write_table(table.slice(start, rows), path / f"part-{start:012}.parquet")
        return path

    def put(self, spark: SparkSession, table: Any, schema: str, parts: int = 1) -> Kept:
        """Write a pyarrow table of this process, for Spark to open under a schema, in so many files at most."""
        path = self.lay(table, parts)
        return Kept(spark.read.schema(schema).parquet(str(path)), path, table.num_rows)

    def keep(self, df: DataFrame) -> DataFrame:
        """Write rows and read them back, so that what is looked at twice is computed once."""
        return self.take(df).rows

    def counted(self, df: DataFrame, by: str) -> tuple[DataFrame, dict[Any, int]]:
        """Keep rows, and count them by the values of a column."""
        kept = self.take(df)
        counts: Counter[Any] = Counter()
        for batch in _files(kept.folder).to_batches(columns=[by]):
            for pair in batch.column(0).value_counts().to_pylist():
                counts[pair["values"]] += pair["counts"]
        return kept.rows, dict(counts)

    def clear(self) -> None:
        """Remove what was kept."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _files(folder: Path) -> Any:
    from pyarrow import dataset

    return dataset.dataset(folder, format="parquet")
