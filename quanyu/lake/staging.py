"""Stages rows that a run reads more than once or is about to commit: writes them to files once, and counts them."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from quanyu.engine.guard import guard
from quanyu.home import scratch

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession


# With more rows, keys are not compared in memory.
MOST_ROWS = 3_000_000

# Rows that are never committed are written in half the time and twice the space.
_SCRATCH = {"compression": "lz4_raw", "dictionary_enabled": "false"}


@dataclass(frozen=True)
class StagedRows:
    """Staged rows: the DataFrame that reads them, the folder of their parquet files, and their number."""

    rows: DataFrame
    folder: Path
    count: int

    def unique(self, keys: Sequence[str]) -> bool:
        """Whether all rows have different keys; False also if there are more than MOST_ROWS rows."""
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
        """Arrow schema of the DataFrame, for a folder without files."""
        from pyspark.sql.pandas.types import to_arrow_schema

        return to_arrow_schema(self.rows.schema, timezone="UTC")

    def arrow(self) -> pa.Table:
        """Read all rows into a pyarrow table."""
        return self.dataset().to_table()


class Staging:
    """A folder of parquet files below the lake's root that lives as long as a run."""

    def __init__(self, lake: Path, engine_path: Callable[[Path], str] = str) -> None:
        self._root = lake / "_staging"
        self._engine_path = engine_path
        self._folder: Path | None = None

    def stage(self, df: DataFrame, options: Mapping[str, str] = MappingProxyType({})) -> StagedRows:
        """Stage rows. The count comes from the files, without a further query."""
        folder = self._place()
        # Sail writes no folder if there are no rows.
        folder.mkdir(parents=True)
        with guard("staging"):
            df.write.mode("append").options(**options).parquet(self._engine_path(folder))
            schema = _nullable(_schema(df, folder))
            frame = df.sparkSession.read.schema(schema).parquet(self._engine_path(folder))
        return StagedRows(frame, folder, _count_rows(folder))

    def folder(self) -> Path:
        """Folder of this run, created on the first call. It is deleted with the run, however that ends."""
        if self._folder is None:
            self._folder = scratch.make(self._root)
        return self._folder

    def _place(self) -> Path:
        return self.folder() / uuid.uuid4().hex

    def write_arrow(self, table: pa.Table, parts: int = 1) -> Path:
        """Write a pyarrow table to at most `parts` files. Returns their folder."""
        from pyarrow import parquet

        folder = self._place()
        folder.mkdir(parents=True)
        rows = max(-(-table.num_rows // parts), 1)
        for start in range(0, max(table.num_rows, 1), rows):
            parquet.write_table(table.slice(start, rows), folder / f"part-{start:012}.parquet")
        return folder

    def stage_arrow(self, spark: SparkSession, table: pa.Table, schema: str, parts: int = 1) -> StagedRows:
        """Stage a pyarrow table in at most `parts` files, which the engine reads with a Spark schema."""
        folder = self.write_arrow(table, parts)
        return StagedRows(spark.read.schema(schema).parquet(self._engine_path(folder)), folder, table.num_rows)

    def stage_columns(self, spark: SparkSession, parts: Sequence[pa.Table], columns: Mapping[str, str]) -> StagedRows:
        """Stage pyarrow tables as one, with these columns of these Spark types. Columns that a part lacks are null."""
        import pyarrow as pa
        from pyspark.sql.pandas.types import to_arrow_schema

        schema = ", ".join(f"`{name}` {kind}" for name, kind in columns.items())
        types = to_arrow_schema(spark.createDataFrame([], schema).schema)
        rows = pa.concat_tables([types.empty_table(), *(_typed(part, types) for part in parts)])
        return self.stage_arrow(spark, rows, schema)

    def materialize(self, df: DataFrame) -> DataFrame:
        """Stage rows and return their DataFrame, so that rows that are read twice are computed once."""
        return self.stage(df, _SCRATCH).rows

    def stage_and_count(self, df: DataFrame, by: str) -> tuple[StagedRows, dict[Any, int]]:
        """Stage rows, and count them by the values of a column."""
        staged = self.stage(df)
        counts: Counter[Any] = Counter()
        if staged.count:
            for batch in staged.dataset().to_batches(columns=[by]):
                for pair in batch.column(0).value_counts().to_pylist():
                    counts[pair["values"]] += pair["counts"]
        return staged, dict(counts)

    def clear_dead(self) -> int:
        """Remove folders of ended processes, which contain rows in clear text. Returns the number of folders."""
        return scratch.remove_dead(self._root)

    def clear(self) -> None:
        """Remove all staged files."""
        if self._folder is not None:
            scratch.remove(self._folder)
            self._folder = None


def _schema(df: DataFrame, folder: Path) -> Any:
    """Spark schema of a DataFrame, read from its file, since the DataFrame itself would resolve its whole plan."""
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


def _typed(part: pa.Table, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    # An empty frame of pandas, for one, does not know that its columns are texts.
    columns = [part.column(field.name).cast(field.type) if field.name in part.column_names
               else pa.nulls(len(part), field.type) for field in schema]  # fmt: skip
    return pa.table(columns, schema=schema)


def _nullable(schema: Any) -> Any:
    """The same schema without NOT NULL, which Sail would expect of the file too."""
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
