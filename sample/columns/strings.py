"""Builds text columns as pyarrow string arrays: digits, clocks, money, opaque ids, and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Ints = np.ndarray[Any, np.dtype[Any]]
Texts = Any  # a pa.StringArray
LETTERS = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", dtype=np.uint8)
HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
EPOCH = date(1970, 1, 1)
BACK = 3660


def fixed(matrix: Ints) -> Texts:
    """Return a string per row of a uint8 matrix of ASCII codes."""
    rows, width = matrix.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * width
    content = np.ascontiguousarray(matrix, dtype=np.uint8)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(content.reshape(-1)))


def digits(values: Ints, width: int) -> Texts:
    """Return integers with leading zeros, `width` digits each."""
    values = np.asarray(values, dtype=np.int64)
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return fixed((values[:, None] // powers % 10 + 48).astype(np.uint8))


def opaque(values: Ints, width: int, hexadecimal: bool = False) -> Texts:
    """Return `width` letters and digits per uint64, like a platform's ids."""
    bits, alphabet = (4, HEX) if hexadecimal else (6, LETTERS)
    values, columns = np.asarray(values, dtype=np.uint64), []
    with np.errstate(over="ignore"):
        for place in range(width):
            turned = values * np.uint64(2 * (place // 10) + 1) + np.uint64(place // 10)
            columns.append(alphabet[(turned >> np.uint64(4 + place % 10 * bits)) & np.uint64(2**bits - 1)])
    return fixed(np.stack(columns, axis=1) if len(values) else np.zeros((0, width), np.uint8))


def join(*parts: Texts | str, between: str = "") -> Texts:
    """Return the parts of each row joined, null as empty; a part is a column or one text for all rows."""
    return pc.binary_join_element_wise(*parts, between, null_handling="replace", null_replacement="")


def same(text: str | None, rows: int) -> Texts:
    """Return a column with the same text on every row."""
    return pa.array([text], pa.string()).take(pa.array(np.zeros(rows, np.int8)))


def choose(words: Sequence[str | None] | Texts, places: Ints) -> Texts:
    """Return the word at each index; a negative index gives null."""
    places = np.asarray(places)
    words = words if isinstance(words, pa.Array) else pa.array(list(words), pa.string())
    return words.take(pa.array(places, mask=places < 0))


def when(mask: Ints, yes: Texts | str | None, no: Texts | str | None) -> Texts:
    """Return `yes` where the mask holds, else `no`."""
    yes, no = (pa.scalar(side, pa.string()) if side is None or isinstance(side, str) else side for side in (yes, no))
    return pc.if_else(pa.array(np.asarray(mask, dtype=bool)), yes, no)


def clocks(seconds: Ints) -> Texts:
    """Return `20:15:33` of seconds since midnight."""
    seconds = np.asarray(seconds, dtype=np.int64)
    return join(
        digits(seconds // 3600, 2), digits(seconds // 60 % 60, 2), digits(seconds % 60, 2), between=":"
    )  # fmt: skip


def dates(days: Ints, start: date) -> Texts:
    """Return `2024-05-01` of days counted from `start`, ten years back and twenty ahead at most."""
    return _written(start).take(pa.array(np.asarray(days, dtype=np.int64) + BACK))


@lru_cache(maxsize=8)
def _written(start: date) -> Texts:
    return pa.array([str(start + timedelta(days=number)) for number in range(-BACK, 2 * BACK)], pa.string())


def times(days: Ints, seconds: Ints, start: date) -> Texts:
    """Return `2024-05-01 20:15:33`; seconds over a day run into the next days."""
    seconds = np.asarray(seconds, dtype=np.int64)
    days = np.asarray(days, dtype=np.int64) + seconds // 86_400
    return join(dates(days, start), clocks(seconds % 86_400), between=" ")


def millis(days: Ints, seconds: Ints, start: date) -> Ints:
    """Return int64 epoch milliseconds of days and seconds in Shanghai."""
    return np.asarray(((np.asarray(days, np.int64) + (start - EPOCH).days) * 86_400 + seconds - 8 * 3600) * 1000)


def whole(values: Ints) -> Texts:
    """Return integers as text."""
    return pc.cast(pa.array(np.asarray(values, dtype=np.int64)), pa.string())


def money(fen: Ints) -> Texts:
    """Return yuan with two decimals, `128.50`, from integer fen."""
    fen = np.asarray(fen, dtype=np.int64)
    size = np.abs(fen)
    return join(when(fen < 0, "-", ""), whole(size // 100), ".", digits(size % 100, 2))


def quoted(texts: Texts) -> Texts:
    """Return JSON strings, null as `null`; texts must contain neither control characters nor line breaks."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"')):
        texts = pc.replace_substring(texts, plain, escaped)
    return pc.fill_null(pc.binary_join_element_wise('"', texts, '"', "", null_handling="emit_null"), "null")


def objects(members: Mapping[str, Texts]) -> Texts:
    """Return a JSON object per row from columns of JSON texts; a null member is left out of its object."""
    parts = [
        pc.binary_join_element_wise(f"{json.dumps(name)}: ", column, "", null_handling="emit_null")
        for name, column in members.items()
    ]
    body = pc.binary_join_element_wise(*parts, ", ", null_handling="skip")
    return join("{", body, "}")


def lists(items: Texts, counts: Ints) -> Texts:
    """Return a JSON list per row of `counts`, of consecutive items (one JSON text each)."""
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    parts = pa.ListArray.from_arrays(pa.array(offsets), items)
    return join("[", pc.binary_join(parts, ", "), "]")
