"""Writes a day's files atomically, and collects the truth about them."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from sample.columns import Array
from sample.columns.strings import join, same
from sample.retailer.people import Population

FLAWS = pa.schema(
    [
        ("feed", pa.string()), ("file", pa.string()), ("row", pa.int64()), ("key", pa.string()),
        ("kind", pa.string()), ("expected", pa.string()), ("reason", pa.string()),
    ]
)  # fmt: skip


class Out:
    """Writer for one feed's files of one day: `path` arguments are names in LANDING/{feed}/{day}/."""

    def __init__(self, landing: Path, truth: Truth, people: Population, feed: str, day: date) -> None:
        self.landing, self.truth, self.people = landing, truth, people
        self.feed, self.day = feed, day

    def raw(self, path: str, content: bytes) -> None:
        """Write bytes to a temporary name and rename them."""
        replace(self.landing / self.file(path), content)

    def file(self, path: str) -> str:
        """Return the path relative to landing, as the flaws record it."""
        return f"{self.feed}/{self.day}/{path}"

    def lines(self, path: str, lines: Any, header: str | None = None, encoding: str = "utf-8") -> None:
        """Write one line of text per row of a string column."""
        content = _bytes(join(lines, "\n"))
        head = f"{header}\n".encode() if header is not None else b""
        content = head + content
        self.raw(path, content if encoding == "utf-8" else content.decode().encode(encoding))
        self.truth.rows[self.feed] += len(lines)

    def csv(self, path: str, table: pa.Table, encoding: str = "utf-8", header: str | None = None) -> None:
        """Write a table as CSV, quoted where needed, null as nothing; the header defaults to the column names."""
        text = (header or ",".join(table.column_names)).encode() + b"\n" + _csv(table)
        self.raw(path, text if encoding == "utf-8" else text.decode().encode(encoding))
        self.truth.rows[self.feed] += table.num_rows

    def jsonl(self, path: str, lines: Any) -> None:
        """Write a column of JSON texts (see strings.objects), one a line."""
        self.lines(path, lines)

    def json(self, path: str, document: str, rows: int) -> None:
        """Write one JSON text, of `rows` entries."""
        self.raw(path, document.encode())
        self.truth.rows[self.feed] += rows

    def parquet(self, path: str, table: pa.Table) -> None:
        """Write a parquet file."""
        self.raw(path, _parquet(table))
        self.truth.rows[self.feed] += table.num_rows

    def records(self, keys: Any, persons: Array) -> None:
        """Record the persons behind records of this feed: a string column and person indices (-1: a stranger)."""
        self.truth.add(
            "records",
            self.day,
            {"feed": same(self.feed, len(keys)), "key": keys, "person": self.people.person(persons)},
        )

    def flaws(self, path: Any, rows: Array | int, keys: Any, kind: str, expected: str, reason: str = "") -> None:
        """Record planted flaws: 1-based data rows in the file (0: the whole file), keys as a column or one text."""
        rows = np.atleast_1d(np.asarray(rows, dtype=np.int64))
        if not len(rows):
            return
        columns = {
            "feed": self.feed,
            "file": self.file(path) if isinstance(path, str) else join(self.file(""), path),
            "row": rows,
            "key": keys,
            "kind": kind,
            "expected": expected,
            "reason": reason or kind,
        }
        self.truth.add("flaws", self.day, {name: _column(value, len(rows)) for name, value in columns.items()})

    def texts(self, keys: Any, topics: Any, moods: Any, spam: Any) -> None:
        """Record the labels of written texts: string columns, and a boolean one."""
        self.truth.add(
            "texts",
            self.day,
            {"feed": same(self.feed, len(keys)), "key": keys, "topic": topics, "mood": moods, "spam": spam},
        )


class Truth:
    """Collects the truth of a day, and writes one parquet file per kind at the end of the day."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[str, int] = defaultdict(int)
        self._parts: dict[tuple[str, date], list[pa.Table]] = defaultdict(list)

    def add(self, kind: str, day: date, columns: dict[str, Any]) -> None:
        """Buffer rows of a kind until the day is flushed."""
        self._parts[kind, day].append(pa.table(columns))

    def flush(self) -> None:
        """Write `{kind}/{day}.parquet` for each kind collected."""
        for (kind, day), parts in self._parts.items():
            self.write(f"{kind}/{day}.parquet", pa.concat_tables(parts))
        self._parts.clear()

    def write(self, path: str, table: pa.Table) -> None:
        """Write a table of the truth: CSV if its name ends so, else parquet."""
        if path.endswith(".csv"):
            buffer = io.BytesIO()
            pcsv.write_csv(table, buffer, pcsv.WriteOptions(quoting_style="none"))
            replace(self.folder / path, buffer.getvalue())
        else:
            replace(self.folder / path, _parquet(table))


def replace(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(content)
    draft.replace(path)


def document(**members: Any) -> str:
    """Return a JSON object, formatted as source systems do."""
    return json.dumps(members, ensure_ascii=False)


def _column(value: Any, rows: int) -> Any:
    """Return a column from one text for all rows, an array, or a column."""
    if isinstance(value, str):
        return same(value, rows)
    return pa.array(value) if isinstance(value, np.ndarray) else value


def _csv(table: pa.Table) -> bytes:
    """Return the table as CSV. Arrow quotes all texts or none; so texts are quoted only if one needs it."""
    for style in ("none", "needed"):
        buffer = io.BytesIO()
        try:
            pcsv.write_csv(table, buffer, pcsv.WriteOptions(include_header=False, quoting_style=style))
        except pa.ArrowInvalid:
            continue
        return buffer.getvalue()
    raise ValueError("the table has texts that CSV cannot represent")


def _bytes(lines: Any) -> bytes:
    lines = lines.combine_chunks() if isinstance(lines, pa.ChunkedArray) else lines
    if not len(lines):
        return b""
    offsets = np.frombuffer(lines.buffers()[1], dtype=np.int32)[lines.offset : lines.offset + len(lines) + 1]
    return bytes(memoryview(lines.buffers()[2])[offsets[0] : offsets[-1]])


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
