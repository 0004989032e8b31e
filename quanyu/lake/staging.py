"""Rows that a run looks at more than once, or is about to commit: written as files once, and counted on the way."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from quanyu import scratch
from quanyu.engine.guard import guard

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession


# Keys of more rows are not compared in this process's memory.
MOST_ROWS = 3_000_000

# Rows that are never committed are written for speed, in half the time and twice the space.
_SCRATCH = {"compression": "lz4_raw", "dictionary_enabled": "false"}


@dataclass(frozen=True)
class Staged:
    """Rows in staging: the frame that reads them, the folder of their parquet files, and how many they are."""

    rows: DataFrame
    folder: Path
    count: int

    def unique(self, keys: Sequence[str]) -> bool:
        """Whether no two rows share a key; False where there are too many rows to tell without the engine."""
        if self.count > MOST_ROWS:
            return False
        table = self.dataset().to_table(columns=list(keys))
        return bool(table.group_by(list(keys)).aggregate([]).num_rows == self.count)

    def dataset(self) -> Any:
        """Open the files as a pyarrow dataset."""
        from pyarrow import dataset

        return dataset.dataset(self.files(), format="parquet", schema=None if self.count else self.schema())

    def files(self) -> list[Path]:
        """List the parquet files."""
        return sorted(self.folder.glob("*.parquet"))

    def schema(self) -> pa.Schema:
        """Arrow schema of the frame, for where no file tells it."""
        from pyspark.sql.pandas.types import to_arrow_schema

        return to_arrow_schema(self.rows.schema, timezone="UTC")

    def arrow(self) -> pa.Table:
        """Read all rows into this process."""
        return self.dataset().to_table()


class Staging:
    """A folder of parquet files below the lake's root that lives as long as a run."""

    def __init__(self, lake: Path, engine_path: Callable[[Path], str] = str) -> None:
        self._root = lake / "_staging"
        self._engine_path = engine_path
        self._folder: Path | None = None

    def take(self, df: DataFrame, options: Mapping[str, str] = MappingProxyType({})) -> Staged:
        """Write rows and read them back. The count comes from the files, at no further query."""
        folder = self._place()
        # Sail writes no folder where there are no rows.
        folder.mkdir(parents=True)
        with guard("staging"):
            df.write.mode("append").options(**options).parquet(self._engine_path(folder))
            schema = _nullable(_schema(df, folder))
            frame = df.sparkSession.read.schema(schema).parquet(self._engine_path(folder))
        return Staged(frame, folder, _count_rows(folder))

    def folder(self) -> Path:
        """Folder of this run, made on the first call; what lies there is gone with the run, however that ends."""
        if self._folder is None:
            self._folder = scratch.make(self._root)
        return self._folder

    def _place(self) -> Path:
        return self.folder() / uuid.uuid4().hex

    def lay(self, table: pa.Table, parts: int = 1) -> Path:
        """Write a pyarrow table of this process in so many files at most. Returns their folder."""
        from pyarrow import parquet

        folder = self._place()
        folder.mkdir(parents=True)
        rows = max(-(-table.num_rows // parts), 1)
        for start in range(0, max(table.num_rows, 1), rows):
            parquet.write_table(table.slice(start, rows), folder / f"part-{start:012}.parquet")
        return folder

    def put(self, spark: SparkSession, table: pa.Table, schema: str, parts: int = 1) -> Staged:
        """Write a pyarrow table of this process, for the engine to open under a schema, in so many files at most."""
        folder = self.lay(table, parts)
        return Staged(spark.read.schema(schema).parquet(self._engine_path(folder)), folder, table.num_rows)

    def keep(self, df: DataFrame) -> DataFrame:
        """Write rows and read them back, so that what is looked at twice is computed once."""
        return self.take(df, _SCRATCH).rows

    def counted(self, df: DataFrame, by: str) -> tuple[Staged, dict[Any, int]]:
        """Stage rows, and count them by the values of a column."""
        staged = self.take(df)
        counts: Counter[Any] = Counter()
        if staged.count:
            for batch in staged.dataset().to_batches(columns=[by]):
                for pair in batch.column(0).value_counts().to_pylist():
                    counts[pair["values"]] += pair["counts"]
        return staged, dict(counts)

    def clear_dead(self) -> int:
        """Remove what processes that ended have left, which holds rows in clear. Returns how many folders."""
        return scratch.remove_dead(self._root)

    def clear(self) -> None:
        """Remove what was staged."""
        if self._folder is not None:
            scratch.remove(self._folder)
            self._folder = None


def _schema(df: DataFrame, folder: Path) -> Any:
    """Schema of a frame, out of a file that it was written to: to ask the frame is to have its whole plan resolved."""
    from pyarrow import parquet
    from pyspark.sql.pandas.types import from_arrow_schema
    from pyspark.sql.types import StructType

    file = next(folder.glob("*.parquet"), None)
    if file is None:
        return df.schema
    written = parquet.read_schema(file)
    by_spark = (written.metadata or {}).get(b"org.apache.spark.sql.parquet.row.metadata")
    if by_spark:
        return StructType.fromJson(json.loads(by_spark))
    return from_arrow_schema(written, prefer_timestamp_ntz=True)


def _nullable(schema: Any) -> Any:
    """The same schema without NOT NULL, which Sail takes for a promise of the file's."""
    from pyspark.sql.types import StructType

    def relaxed(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: True if key in _NULLABLE else relaxed(value) for key, value in node.items()}
        return [relaxed(item) for item in node] if isinstance(node, list) else node

    return StructType.fromJson(relaxed(json.loads(schema.json())))


_NULLABLE = ("nullable", "containsNull", "valueContainsNull")


def _count_rows(folder: Path) -> int:
    from pyarrow import parquet

    return sum(parquet.read_metadata(file).num_rows for file in folder.glob("*.parquet"))
