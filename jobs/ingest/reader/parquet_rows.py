"""Reads parquet, each value as the text that a person would write for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.ingest.reader.pages import Page, batch_of, page_of
from jobs.ingest.reader.source import refuse_large
from jobs.ingest.reader.spec import BadFileError, ReadSpec, matched


def read_strategies(local: Path, name: str, spec: ReadSpec) -> Sequence[Callable[[], Iterator[pa.RecordBatch]]]:
    """Return the only way to read parquet."""
    return (partial(_read, local, name, spec),)


def _read(local: Path, name: str, spec: ReadSpec) -> Iterator[pa.RecordBatch]:
    done = 0
    try:
        with pq.ParquetFile(local, coerce_int96_timestamp_unit="us") as file:
            sizes = [file.metadata.row_group(at).total_byte_size for at in range(file.num_row_groups)]
            # Repeated values take no space in the file, so each value counts as at least a byte.
            refuse_large(max(sum(sizes), file.metadata.num_rows * file.metadata.num_columns), spec.unpacked_bytes)
            fields = matched(file.schema_arrow.names, spec)
            for batch in file.iter_batches(spec.batch_rows):
                columns, rest = page_of([as_text(column) for column in batch.columns], batch.num_rows, fields)
                yield batch_of(Page(columns, rest), done + 1, name, spec)
                done += batch.num_rows
    except (pa.ArrowException, UnicodeError, OSError) as error:
        # Arrow reports bad data as an OSError without errno; a failure of the machine has one.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        # Arrow's own message may contain a value.
        raise BadFileError(
            f"the parquet file is truncated or corrupt ({type(error).__name__}): send it again"
        ) from error


def as_text(values: pa.Array) -> pa.Array:
    """Return the values as strings: 17850.0 stays 17850.0, times are ISO with a blank, nested values are JSON."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return as_text(values.cast(kind.value_type))
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        return _times(values)
    if pa.types.is_floating(kind):
        return _each(values, str if pa.types.is_float64(kind) else _short, _plain)
    if pa.types.is_decimal(kind):
        return _each(values, lambda value: format(value, "f"))
    if pa.types.is_nested(kind) or pa.types.is_duration(kind) or isinstance(kind, pa.BaseExtensionType):
        return pa.array([None if value is None else _json(value) for value in values.to_pylist()], pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return _bytes(values)
    return _checked(values.cast(pa.date32() if pa.types.is_date64(kind) else kind).cast(pa.string()))


def _checked(texts: pa.Array) -> pa.Array:
    # Parquet readers do not check that the bytes of a string are UTF-8.
    texts.validate(full=True)
    return texts


def _times(values: pa.Array) -> pa.Array:
    texts = pc.replace_substring_regex(values.cast(pa.string()), r"\.0+($|Z|[+-])", r"\1")
    texts = pc.replace_substring_regex(texts, r"(\.\d{6})000($|Z|[+-])", r"\1\2")
    return pc.replace_substring_regex(texts, r"([+-]\d\d)(\d\d)$", r"\1:\2")


def _each(values: pa.Array, *steps: Callable[[Any], Any]) -> pa.Array:
    """Convert each distinct value once, since numbers repeat."""
    coded = values.dictionary_encode()
    texts = coded.dictionary.to_pylist()
    for step in steps:
        texts = [step(value) for value in texts]
    return pa.array(texts, pa.string()).take(coded.indices)


def _short(value: float) -> str:
    """Write a single-precision number with its own digits and not those of its double."""
    return str(np.float32(value))


def _plain(text: str) -> str:
    """Write 1e+16 as 10000000000000000.0, which shows that it was a double and may have lost digits."""
    plain = format(Decimal(text), "f") if "e" in text else text
    return plain if "." in plain or "e" not in text else f"{plain}.0"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _bytes(values: pa.Array) -> pa.Array:
    try:
        return _checked(values.cast(pa.binary()).cast(pa.string()))
    except pa.ArrowInvalid:
        return _each(values, lambda value: value.hex())
