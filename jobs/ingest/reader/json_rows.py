"""Reads JSON lines or one JSON document: numbers keep their text as sent, nested values become JSON text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from jobs.ingest.reader.pages import Page, batch_of, clipped
from jobs.ingest.reader.source import refuse_large, text_lines
from jobs.ingest.reader.spec import BadFileError, ReadSpec, known_names, refuse_missing

# A document is parsed at once, which takes several times its size in memory.
DOCUMENT_BYTES = 512 << 20
_KINDS: dict[type, str] = {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
TOO_DEEP = "is nested too deeply"
HALF = "holds half of a surrogate pair, which is no character"


class Number(str):
    """A number as it was written: 0.10, 1e21 and numbers of twenty digits stay the same."""

    __slots__ = ()


class Line(NamedTuple):
    """One line: its values by column and the other members as JSON, or its text and why it is broken."""

    values: tuple[str | None, ...]
    extras: str | None
    raw: str | None = None
    broken: str | None = None


class JsonReading(NamedTuple):
    """State of reading one file: its decoder, and in `member_names` those of its members so far."""

    decode: Callable[[str], Any]
    spec: ReadSpec
    member_names: dict[str, None]


def read_strategies(local: Path, name: str, spec: ReadSpec) -> Sequence[Callable[[], Iterator[pa.RecordBatch]]]:
    """Return the only way to read JSON lines or a document."""
    return (partial(_read, local, name, spec),)


def _read(local: Path, name: str, spec: ReadSpec) -> Iterator[pa.RecordBatch]:
    names: dict[str, None] = {}
    reading = JsonReading(_decoder(), spec, names)
    lines = _document(local, reading) if spec.format == "json" else _lines(local, reading)
    done = 0
    while some := list(islice(lines, spec.batch_rows)):
        yield batch_of(_page(some, len(spec.columns)), done + 1, name, spec)
        done += len(some)
    if names:
        refuse_missing(list(names), spec)


def _lines(local: Path, reading: JsonReading) -> Iterator[Line]:
    texts = text_lines(local, reading.spec.encoding)
    return (_line(text, problem, reading) for text, problem in texts if text.strip())


def _document(local: Path, reading: JsonReading) -> Iterator[Line]:
    """Yield the rows in one member of a document, each with the plain members of the document added to its own."""
    try:
        refuse_large(local.stat().st_size, DOCUMENT_BYTES)
        document = _object(local.read_bytes().decode(reading.spec.encoding), reading.decode)
    except (ValueError, RecursionError) as error:
        raise BadFileError(f"it is not one JSON object{_place(error)}: send it again, complete") from error
    rows = document.pop(reading.spec.records, None)
    if not isinstance(rows, list):
        raise BadFileError(
            f"its member {reading.spec.records!r} is not a list of rows; it has {len(document)} other members"
        )
    plain = {name: value for name, value in document.items() if not isinstance(value, dict | list)}
    return (_row(row, plain, reading) for row in rows)


def _place(error: Exception) -> str:
    """Where a document breaks off; the messages of other errors may contain a value."""
    return f" ({error.msg} at character {error.pos + 1})" if isinstance(error, json.JSONDecodeError) else ""


def _row(row: Any, plain: dict[str, Any], reading: JsonReading) -> Line:
    problem = "is not a JSON object"
    if isinstance(row, dict):
        try:
            return _values({**plain, **row}, True, reading)
        except UnicodeError:
            problem = HALF
        except RecursionError:
            return _unread("", TOO_DEEP, reading)
        except ValueError as error:
            problem = f"cannot be read ({error})"
    return _unread(_dump(row).encode("utf-8", "backslashreplace").decode(), problem, reading)


def _unread(text: str, problem: str, reading: JsonReading) -> Line:
    return Line((None,) * len(reading.spec.columns), None, clipped(text), problem)


def _page(lines: list[Line], width: int) -> Page:
    columns = [pa.array([line.values[place] for line in lines], pa.string()) for place in range(width)]
    rest, raw, broken = (pa.array([line[place] for line in lines], pa.string()) for place in (1, 2, 3))
    return Page(columns, rest, raw, broken)


def _line(text: str, problem: str | None, reading: JsonReading) -> Line:
    if not problem:
        try:
            return _values(_object(text, reading.decode), "\\u" in text, reading)
        except UnicodeError:
            problem = HALF
        except RecursionError:
            problem = TOO_DEEP
        except json.JSONDecodeError as error:
            message = error.msg.removesuffix(" at")
            problem = f"is not a JSON object ({message} at character {error.pos + 1})"
        except ValueError as error:
            problem = f"is not a JSON object ({error})"
    return _unread(text, problem, reading)


def _values(members: dict[str, Any], escaped: bool, reading: JsonReading) -> Line:
    if reading.spec.aliases:
        named = dict(zip(known_names(list(members), reading.spec), members.values(), strict=True))
        if len(named) < len(members):
            raise ValueError("it has two names of one column")
        members = named
    keys = dict.fromkeys(members)
    values = tuple([_text(members.pop(column, None)) for column in reading.spec.columns])
    rest = {key: value for key, value in members.items() if value is not None}
    line = Line(values, _dump(rest) if rest else None)
    if escaped:
        # Only an escape can contain characters that UTF-8 cannot encode; they must fail here and not in Arrow.
        "".join(part for part in (*values, line.extras) if part).encode()
    reading.member_names.update(keys)
    return line


def _decoder() -> Callable[[str], Any]:
    return json.JSONDecoder(
        parse_float=Number, parse_int=Number, parse_constant=_refuse_constant, object_pairs_hook=_pairs
    ).decode


def _object(text: str, decode: Callable[[str], Any]) -> dict[str, Any]:
    value = decode(text)
    if not isinstance(value, dict):
        raise ValueError(f"but {_KINDS.get(type(value), 'a number')}")
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name occurs twice in it")
    return members


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _text(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    return str(value) if isinstance(value, Number) else _dump(value)


def _dump(value: Any) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_dump(key)}:{_dump(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_dump(part) for part in value) + "]"
    return json.dumps(value, ensure_ascii=False)
