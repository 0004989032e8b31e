"""Reads delimited text: with Arrow if no error can go unnoticed, else record by record."""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from jobs.ingest.reader.pages import Page, batch_of, clipped, page_of
from jobs.ingest.reader.source import is_wide, text_lines
from jobs.ingest.reader.spec import BadFileError, Fields, InexactError, ReadSpec, matched

BLOCK = 8 << 20
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
CSV_ERRORS = {
    "unexpected end of data": "opens a quote that is never closed",
    "expected after": "has text after a closing quote",
    "field larger": "has a field of more than 131,072 characters, or a quote that is never closed",
}

# Arrays of shape (n,): the bytes of a block, and indices of bytes in it.
Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]


class CsvRecord(NamedTuple):
    """One record of the file; `problem` says why it is broken."""

    fields: list[str]
    raw: str
    problem: str | None


class HeaderLayout(NamedTuple):
    """Number of columns of the header, and the places of the requested ones."""

    width: int
    fields: Fields


class LineBuffer:
    """Lines for the csv module; lines that an unclosed quote has swallowed can be returned and read again."""

    def __init__(self, lines: Iterator[tuple[str, str | None]]) -> None:
        self._lines = lines
        self._returned: deque[tuple[str, str | None]] = deque()
        self.record: list[tuple[str, str | None]] = []

    def __iter__(self) -> LineBuffer:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else next(self._lines)
        self.record.append(line)
        return line[0]

    def keep_first(self) -> None:
        """Return all lines of the current record except its first."""
        self._returned.extendleft(reversed(self.record[1:]))
        del self.record[1:]


def read_strategies(local: Path, name: str, spec: ReadSpec) -> Sequence[Callable[[], Iterator[pa.RecordBatch]]]:
    """Return the ways to read this file, the fastest first; the last one is exact for every file."""
    header = next(_records(local, spec), None)
    if header is None:
        raise BadFileError("it is empty: not even a header")
    if header.problem:
        raise BadFileError(f"the header {header.problem}")
    layout = HeaderLayout(len(header.fields), matched(header.fields, spec))
    exact = partial(_exact, local, name, spec, layout)
    return (partial(_fast, local, name, spec, layout), exact) if _quotes_are_plain(local, spec) else (exact,)


def _quotes_are_plain(local: Path, spec: ReadSpec) -> bool:
    """Whether every quote opens or closes a field or is doubled within one: Arrow reports no error for other quotes."""
    if is_wide(spec.encoding) or not (spec.delimiter + spec.quote).isascii():
        return False
    if not spec.quote:
        return True
    count = 0
    with local.open("rb") as file:
        for data in _blocks(file, spec.quote.encode()):
            places = np.flatnonzero(data[1:] == ord(spec.quote)) + 1
            if not _runs_are_plain(data, places, count, spec.delimiter):
                return False
            count += len(places)
    return count % 2 == 0


def _blocks(file: BinaryIO, quote: bytes) -> Iterator[Bytes]:
    """Yield the bytes of a file after its byte order mark, in blocks that do not split a run of quotes.

    Each block starts with the byte before it, and has a byte after a final quote; at the ends of the file, these are
    line ends. The file is not memory-mapped, since one that shrinks would crash the process.
    """
    if file.read(3) != codecs.BOM_UTF8:
        file.seek(0)
    before = b"\n"
    while block := file.read(BLOCK):
        while block.endswith(quote) and (more := file.read(BLOCK)):
            block += more
        yield np.frombuffer(before + block + (b"\n" if block.endswith(quote) else b""), np.uint8)
        before = block[-1:]


def _runs_are_plain(data: Bytes, places: Places, count: int, delimiter: str) -> bool:
    """Check runs of adjacent quotes; after an odd number of quotes, a run is inside a field.

    `places` are the indices of the quotes in `data`; `count` is the number of quotes in the file before them.
    """
    edges = np.zeros(256, bool)
    edges[[ord(delimiter), 10, 13]] = True
    first, final = np.diff(places, prepend=-2) > 1, np.diff(places, append=len(data) + 2) > 1
    heads, tails = places[first], places[final]
    before, after = edges[data[heads - 1]], edges[data[tails + 1]]
    inside = (np.flatnonzero(first) + count) % 2 == 1
    odd = (tails - heads) % 2 == 0
    return bool(np.where(inside, ~odd | after, before & (odd | after)).all())


def _fast(local: Path, name: str, spec: ReadSpec, layout: HeaderLayout) -> Iterator[pa.RecordBatch]:
    done = 0
    try:
        for batch in _arrow(local, spec):
            if batch.num_columns != layout.width:
                raise InexactError
            columns, rest = page_of(batch.columns, batch.num_rows, layout.fields)
            yield batch_of(Page(columns, rest), done + 1, name, spec)
            done += batch.num_rows
    except (pa.ArrowException, UnicodeError) as error:
        raise InexactError from error


def _arrow(local: Path, spec: ReadSpec) -> arrow_csv.CSVStreamingReader:
    utf8 = codecs.lookup(spec.encoding).name.startswith("utf-8")
    return arrow_csv.open_csv(
        str(local),
        arrow_csv.ReadOptions(encoding="utf8" if utf8 else spec.encoding, block_size=BLOCK),
        arrow_csv.ParseOptions(delimiter=spec.delimiter, quote_char=spec.quote or False, newlines_in_values=True),
        arrow_csv.ConvertOptions(default_column_type=pa.string(), strings_can_be_null=True, null_values=[""]),
    )


def _exact(local: Path, name: str, spec: ReadSpec, layout: HeaderLayout) -> Iterator[pa.RecordBatch]:
    records = islice(_records(local, spec), 1, None)
    done = 0
    while some := list(islice(records, spec.batch_rows)):
        yield batch_of(_page(some, layout), done + 1, name, spec)
        done += len(some)


def _page(records: list[CsvRecord], layout: HeaderLayout) -> Page:
    blank = [""] * layout.width
    problems = [_problem(record, layout.width) for record in records]
    # Delimiters after the last field of a row contain no value.
    rows = [
        blank if problem else record.fields[: layout.width] for record, problem in zip(records, problems, strict=True)
    ]
    values = [_or_null(pa.array(column, pa.string())) for column in zip(*rows, strict=True)]
    columns, rest = page_of(values, len(rows), layout.fields)
    raws = [clipped(record.raw) if problem else None for record, problem in zip(records, problems, strict=True)]
    return Page(columns, rest, pa.array(raws, pa.string()), pa.array(problems, pa.string()))


def _or_null(column: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def _problem(record: CsvRecord, width: int) -> str | None:
    if record.problem or len(record.fields) == width:
        return record.problem
    if len(record.fields) > width and not any(field.strip() for field in record.fields[width:]):
        return None
    return f"has {len(record.fields)} field{'s' * (len(record.fields) > 1)} where the header has {width}"


def _records(local: Path, spec: ReadSpec) -> Iterator[CsvRecord]:
    feed = LineBuffer(_split(text_lines(local, spec.encoding)))
    reader = _parser(feed, spec)
    while True:
        feed.record.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # Only the line that opens the quote is broken; the lines that it swallowed are read again.
            feed.keep_first()
            yield CsvRecord([], feed.record[0][0], feed.record[0][1] or _words(error))
            continue
        if fields:
            yield _record(fields, feed.record)


def _parser(feed: LineBuffer, spec: ReadSpec) -> Iterator[list[str]]:
    if not spec.quote:
        return csv.reader(feed, delimiter=spec.delimiter, quoting=csv.QUOTE_NONE, strict=True)
    return csv.reader(feed, delimiter=spec.delimiter, quotechar=spec.quote, strict=True)


def _record(fields: list[str], lines: list[tuple[str, str | None]]) -> CsvRecord:
    if len(lines) == 1:
        return CsvRecord(fields, *lines[0])
    problem = next((problem for _, problem in lines if problem), None)
    return CsvRecord(fields, "".join(text for text, _ in lines), problem)


def _words(error: csv.Error) -> str:
    return next((words for part, words in CSV_ERRORS.items() if part in str(error)), f"cannot be parsed ({error})")


def _split(lines: Iterator[tuple[str, str | None]]) -> Iterator[tuple[str, str | None]]:
    """Split lines at lone carriage returns too, which are the line ends of old Macintosh files."""
    for text, problem in lines:
        if text.count("\r") == text.endswith("\r\n"):
            yield text, problem
        else:
            yield from ((piece, problem) for piece in LINE.findall(text))
