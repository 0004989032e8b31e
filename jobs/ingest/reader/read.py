"""Reads one file. All of it is checked before any row is returned, so that a refused file returns no rows."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from jobs.ingest.reader import csv_rows, json_rows, parquet_rows
from jobs.ingest.reader.pages import refusal
from jobs.ingest.reader.source import local_copy, refuse_foreign
from jobs.ingest.reader.spec import BadFileError, InexactError, ReadSpec

ReadStrategy = Callable[[], Iterator[pa.RecordBatch]]

# Batches are buffered up to this size while the file is checked; larger files are read twice.
HELD_BYTES = 128 << 20


def read_file(path: str, name: str, spec: ReadSpec) -> Iterator[pa.RecordBatch]:
    """Read a local path or URI into batches of `output_schema(spec)`, rows in the order of the file.

    Bad data never raises: a row that cannot be read has `_broken`, and a file that cannot be read gives one row with
    `_refused`. A missing file, or a failure of the machine, raises OSError.
    """
    # Most files are read in place: making a folder for each would take longer than reading it.
    with contextlib.ExitStack() as cleanup:

        def folder() -> Path:
            return Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="reader-")))

        try:
            local = local_copy(path, folder, spec)
            refuse_foreign(local, spec)
            pages = _read_exactly(_ways(local, name, spec), spec)
        except BadFileError as error:
            pages = [refusal(" ".join(str(error).split()), name, spec)]
        for page in pages:
            for start in range(0, page.num_rows, spec.batch_rows):
                yield page.slice(start, spec.batch_rows)


def _ways(local: Path, name: str, spec: ReadSpec) -> Sequence[ReadStrategy]:
    if spec.format == "csv":
        return csv_rows.read_strategies(local, name, spec)
    if spec.format in ("jsonl", "json"):
        return json_rows.read_strategies(local, name, spec)
    if spec.format == "parquet":
        return parquet_rows.read_strategies(local, name, spec)
    raise ValueError(f"format {spec.format!r}: allowed: csv, jsonl, json, parquet")


def _read_exactly(ways: Sequence[ReadStrategy], spec: ReadSpec) -> Iterable[pa.RecordBatch]:
    for way in ways[:-1]:
        try:
            return _checked_batches(way, spec)
        except InexactError:
            continue
    return _checked_batches(ways[-1], spec)


def _checked_batches(way: ReadStrategy, spec: ReadSpec) -> Iterable[pa.RecordBatch]:
    batches: list[pa.RecordBatch] = []
    size = lines = broken = 0
    first = None
    for batch in way():
        bad = _broken_lines(batch)
        size, lines, broken = size + batch.nbytes, lines + batch.num_rows, broken + bad
        first = first or (_first_broken(batch) if bad else None)
        batches = [*batches, batch] if size <= HELD_BYTES else []
    _refuse_broken(broken, lines, first, spec)
    return batches if size <= HELD_BYTES else way()


def _broken_lines(batch: pa.RecordBatch) -> int:
    """Count the lines of broken rows: one that swallowed a hundred others counts as many."""
    if batch["_broken"].null_count == batch.num_rows:
        return 0
    further = pc.sum(pc.count_substring(batch["_raw"], "\n")).as_py()
    return int(batch.num_rows - batch["_broken"].null_count + (further or 0))


def _first_broken(batch: pa.RecordBatch) -> str:
    row = batch.filter(pc.is_valid(batch["_broken"])).slice(0, 1).to_pylist()[0]
    return f"row {row['_row']} {row['_broken']}"


def _refuse_broken(broken: int, lines: int, first: str | None, spec: ReadSpec) -> None:
    if broken <= max(spec.broken_allowed, spec.max_broken_share * lines):
        return
    share = f"{broken} of {max(lines, broken)} rows are broken, more than {spec.max_broken_share:.0%}"
    raise BadFileError(f"{share}; the first: {first}")
