"""Settings and output schema of the reader, the matching of header names, and its two errors."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

MOST_COLUMNS = 10_000
STRINGS_BEFORE = ("_rest", "_file")
STRINGS_AFTER = ("_raw", "_broken", "_refused")


class BadFileError(Exception):
    """The whole file is refused; the message tells its sender why."""


class InexactError(Exception):
    """The fast way may misread this file, so the exact one must read it."""


@dataclass(frozen=True)
class ReadSpec:
    """How the files of a feed are read, and which of their fields become columns; the rest goes to `_rest`."""

    format: str
    columns: tuple[str, ...]
    optional: frozenset[str] = frozenset()
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    aliases: tuple[tuple[str, str], ...] = ()
    records: str = ""
    max_broken_share: float = 0.05
    batch_rows: int = 50_000
    # Without it, small files would be refused for a single bad row.
    broken_allowed: int = 3
    # Limits on the unpacked size of an archive or a parquet file: in bytes, and by the packed size.
    unpacked_bytes: int = 8 << 30
    unpacked_times: float = 250.0


@dataclass(frozen=True)
class Fields:
    """Places of the requested columns in a file (None if absent), and names and places of all others."""

    places: tuple[int | None, ...]
    extras: tuple[tuple[str, int], ...]


def output_schema(spec: ReadSpec) -> pa.Schema:
    """Return the schema of every batch: the requested columns, then `_rest _file _row _raw _broken _refused`."""
    strings = [(name, pa.string()) for name in (*spec.columns, *STRINGS_BEFORE)]
    return pa.schema([*strings, ("_row", pa.int64()), *((name, pa.string()) for name in STRINGS_AFTER)])


def matched(header: Sequence[str], spec: ReadSpec) -> Fields:
    """Match the column names of a file's header with the requested ones, in any order, ignoring blanks and BOM."""
    if len(header) > MOST_COLUMNS:
        raise BadFileError(f"it has {len(header)} columns; at most {MOST_COLUMNS} are read: is the delimiter right?")
    names = [name.strip("\ufeff \t\r\n\u3000\u00a0") or f"_{place}" for place, name in enumerate(header, 1)]
    names = known_names(_as_expected(names, spec), spec)
    refuse_twice(names)
    refuse_missing(names, spec)
    places = {name: place for place, name in enumerate(names)}
    requested = tuple(places.get(column) for column in spec.columns)
    return Fields(requested, tuple((name, place) for name, place in places.items() if name not in set(spec.columns)))


def _as_expected(names: Sequence[str], spec: ReadSpec) -> list[str]:
    """Replace names that differ from an expected one only in blanks, line breaks or character width by that one."""
    expected = {_folded(name): name for name in (*spec.columns, *(alias for alias, _ in spec.aliases))}
    counts = Counter(map(_folded, names))

    def name_of(name: str) -> str:
        other = expected.get(_folded(name), name)
        return name if other in names or counts[_folded(name)] > 1 else other

    return [name_of(name) for name in names]


def _folded(name: str) -> str:
    visible = (
        character for character in unicodedata.normalize("NFKC", name) if unicodedata.category(character) != "Cf"
    )
    return " ".join("".join(visible).split())


def known_names(names: Sequence[str], spec: ReadSpec) -> list[str]:
    """Replace aliases by the column's own name, unless the file has a column of that name too."""
    aliases = {alias: name for alias, name in spec.aliases if name not in names}
    return [aliases.get(name, name) for name in names]


def refuse_twice(names: Sequence[str]) -> None:
    """Refuse a file with the same name for several columns, which is ambiguous.

    The message has their places only: in a file without a header, the names would be values.
    """
    counts = Counter(names)
    twice = [place for place, name in enumerate(names, 1) if counts[name] > 1]
    if twice:
        raise BadFileError(f"the columns {', '.join(map(str, twice))} of the header do not have unique names")


def refuse_missing(names: Sequence[str], spec: ReadSpec) -> None:
    """Refuse a file without a required column. The message has the expected name only: the file's may be values."""
    missing = [name for name in spec.columns if name not in spec.optional and name not in names]
    if missing:
        listed = ", ".join(map(repr, missing))
        hint = next((words for name in missing if (words := _almost(name, names))), "")
        raise BadFileError(f"the column {listed} is missing; the file has {len(names)} columns{hint}")


def _almost(name: str, names: Sequence[str]) -> str:
    """Hint if a header differs from the name only in case, or begins with the name and a dot."""
    header = next((header for header in names if _folded(header).casefold() == _folded(name).casefold()), None)
    if header is not None:
        return f", and {header!r}: names are read as they are written, so write that, or an alias for it"
    if any(header.startswith(f"{name}.") for header in names):
        return f", one of which begins with {name + '.'!r}: a name with a dot in it stands in backticks"
    return ""
