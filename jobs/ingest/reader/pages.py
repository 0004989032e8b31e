"""Builds the record batches that the readers of all formats return."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.ingest.reader.spec import Fields, ReadSpec, output_schema

# The text of a broken row is cut at this many characters, since an endless one would fill the memory.
RAW_LIMIT = 100_000


@dataclass(frozen=True)
class Page:
    """Rows in the order of the file, as string arrays of equal length.

    `columns` are the requested columns, `extras` the other ones as JSON. `raw` and `broken` are the text of a broken
    row and the reason, null for good rows.
    """

    columns: Sequence[pa.Array]
    extras: pa.Array
    raw: pa.Array | None = None
    broken: pa.Array | None = None


def batch_of(page: Page, first: int, name: str, spec: ReadSpec) -> pa.RecordBatch:
    """Return the batch of a page, with its rows numbered from `first`."""
    size = len(page.extras)
    nulls = pa.nulls(size, pa.string())
    file = pa.repeat(pa.scalar(name, pa.string()), size)
    rows = pa.array(np.arange(first, first + size, dtype=np.int64))
    marks = (nulls if page.raw is None else page.raw, nulls if page.broken is None else page.broken, nulls)
    return pa.RecordBatch.from_arrays([*page.columns, page.extras, file, rows, *marks], schema=output_schema(spec))


def page_of(values: Sequence[pa.Array], size: int, fields: Fields) -> tuple[list[pa.Array], pa.Array]:
    """Return the requested columns of a file and the rest; `values` are its columns as string arrays of `size` rows."""
    nulls = pa.nulls(size, pa.string())
    columns = [nulls if place is None else values[place] for place in fields.places]
    return columns, extras_of([(name, values[place]) for name, place in fields.extras], nulls)


def extras_of(extras: Sequence[tuple[str, pa.Array]], nulls: pa.Array) -> pa.Array:
    """Return a JSON object per row of the columns that were not requested; fields without a value are left out."""
    pieces = [_field(name, values) for name, values in extras if values.null_count < len(values)]
    if not pieces:
        return nulls
    # Arrow skips a row whose pieces are all null. An empty first piece prevents that, and adds a leading comma.
    begins = pa.repeat(pa.scalar("", pa.string()), len(nulls))
    inner = pc.utf8_slice_codeunits(pc.binary_join_element_wise(begins, *pieces, ",", null_handling="skip"), 1)
    text = pc.binary_join_element_wise("{", inner, "}", "")
    return pc.if_else(pc.equal(inner, ""), nulls, text)


def _field(name: str, values: pa.Array) -> pa.Array:
    coded = values.dictionary_encode()
    key = json.dumps(name, ensure_ascii=False)
    texts = [f"{key}:{json.dumps(value, ensure_ascii=False)}" for value in coded.dictionary.to_pylist()]
    return pa.array(texts, pa.string()).take(coded.indices)


def refusal(words: str, name: str, spec: ReadSpec) -> pa.RecordBatch:
    """Return the batch with the single row of a refused file."""
    row = {"_file": name, "_row": 0, "_refused": words}
    return pa.RecordBatch.from_pylist([row], schema=output_schema(spec))


def clipped(raw: str) -> str:
    """Return the text of a broken row without its line end, cut at RAW_LIMIT."""
    text = raw.rstrip("\r\n")
    return text if len(text) <= RAW_LIMIT else f"{text[:RAW_LIMIT]}… ({len(text)} characters)"
