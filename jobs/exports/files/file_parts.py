"""Writes the files of a set in parts from Arrow batches, in the form that a platform's own page takes."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from quanyu.errors import RejectedError

if TYPE_CHECKING:
    import pyarrow as pa

# Between values that are compared together: no identifier has it, and it sorts before all others.
SEPARATOR = "\0"
# Of gzip: hashes become hardly smaller by more work.
LEVEL = 1


@dataclass(frozen=True)
class Layout:
    """How a file looks: UTF-8, a line per row. `header` names the columns, `quoted` puts quotes around every value."""

    suffix: str = ".csv"
    header: bool = True
    quoted: bool = False
    compressed: bool = False


@dataclass(frozen=True)
class SeedPart:
    """One file of the set, as listed in the manifest."""

    name: str
    rows: int
    bytes: int
    sha256: str


class PartWriter:
    """Writes rows of the same columns into parts `STEM-00000` and so on; no part is begun without a row.

    `constants` are further columns with one value in every row. Equal rows always make equal bytes.
    """

    def __init__(
        self, folder: Path, stem: str, headers: Sequence[str], constants: Mapping[str, str], layout: Layout,
        most_rows: int | None,
    ) -> None:  # fmt: skip
        self._folder, self._stem, self._layout, self._most_rows = folder, stem, layout, most_rows
        self._headers, self._constants = (*headers, *constants), tuple(constants.values())
        self._parts: list[SeedPart] = []
        self._files: list[IO[bytes]] = []
        self._csv: Any = None
        self._rows, self._last = 0, ""

    def write(self, columns: Sequence[pa.Array]) -> None:
        """Write rows, given as text columns. They must continue in ascending order, without repetition."""
        import pyarrow as pa

        if not len(columns[0]):
            return
        self._check_order(columns)
        rows = len(columns[0])
        filled = [pa.repeat(pa.scalar(value, pa.string()), rows) for value in self._constants]
        batch = pa.record_batch([*columns, *filled], names=list(self._headers))
        while batch.num_rows:
            room = batch.num_rows if self._most_rows is None else self._most_rows - self._rows
            self._write_slice(batch.slice(0, room))
            batch = batch.slice(room)
            if self._rows == self._most_rows:
                self._end_part()

    def close(self) -> list[SeedPart]:
        """End the last part and list all."""
        if self._csv is not None:
            self._end_part()
        return self._parts

    def _check_order(self, columns: Sequence[pa.Array]) -> None:
        """Raise ValueError for rows out of order: an order of its own would tell who is who in another file."""
        import pyarrow as pa
        import pyarrow.compute as pc

        keys = pc.binary_join_element_wise(*(pc.fill_null(column, "") for column in columns), SEPARATOR)
        before = pa.concat_arrays([pa.array([self._last], keys.type), keys.slice(0, len(keys) - 1)])
        if not pc.all(pc.greater(keys, before)).as_py():
            raise ValueError(f"rows of {self._stem} are not sorted, repeat, or hold no value")
        self._last = keys[-1].as_py()

    def _write_slice(self, batch: pa.RecordBatch) -> None:
        import pyarrow as pa

        if self._csv is None:
            self._begin_part(batch.schema)
        try:
            self._csv.write_batch(batch)
        except pa.ArrowInvalid:
            # The library's message quotes the value.
            raise RejectedError(f"{self._stem}: a value has a comma, a quote or a line break") from None
        self._rows += batch.num_rows

    def _begin_part(self, schema: pa.Schema) -> None:
        from pyarrow import csv

        out: IO[bytes] = (self._folder / self._name()).open("xb")
        self._files = [out]
        if self._layout.compressed:
            # No time and no name in the header: the same rows give the same bytes.
            out = cast(IO[bytes], gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=out, mtime=0))
            self._files.insert(0, out)
        if self._layout.header:
            names = [f'"{name}"' for name in self._headers] if self._layout.quoted else self._headers
            out.write(f"{','.join(names)}\n".encode())
        style = "all_valid" if self._layout.quoted else "none"
        self._csv = csv.CSVWriter(
            out, schema, write_options=csv.WriteOptions(include_header=False, quoting_style=style)
        )

    def _end_part(self) -> None:
        self._csv.close()
        for file in self._files:
            file.close()
        path = self._folder / self._name()
        with path.open("rb") as data:
            digest = hashlib.file_digest(data, "sha256").hexdigest()
        self._parts.append(SeedPart(path.name, self._rows, path.stat().st_size, digest))
        self._csv, self._rows = None, 0

    def _name(self) -> str:
        suffix = self._layout.suffix + (".gz" if self._layout.compressed else "")
        return f"{self._stem}-{len(self._parts):05}{suffix}"
