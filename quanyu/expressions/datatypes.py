"""Spark's data types in expressions: families, the common type of several, and conversion to it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import reduce

NULL = "null"
WHOLE = {"int": 10, "bigint": 19}
MOST_DIGITS = 38
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_FAMILY = {
    "string": "text", "date": "time", "timestamp": "time", "boolean": "truth", "int": "number", "bigint": "number",
    "double": "number", "decimal": "number", "array": "list", "struct": "struct", "interval": "interval",
}  # fmt: skip
_NAMES = re.compile(r"string|date|timestamp|boolean|int|bigint|double|decimal\(\d+,\d+\)")


def normal(text: str) -> str | None:
    """Return Spark's name of a type (`integer` is int, `long` is bigint), or None for a type that is not supported."""
    name = re.sub(r"\s+", "", text.lower())
    item = re.fullmatch(r"array<(.+)>", name)
    if item:
        inner = normal(item.group(1))
        return f"array<{inner}>" if inner else None
    name = {"integer": "int", "long": "bigint", "text": "string", "bool": "boolean", "decimal": "decimal(10,0)"}.get(
        name, name
    )
    name = re.sub(r"^decimal\((\d+)\)$", r"decimal(\1,0)", name)
    parts = digits(name)
    if parts and not 0 <= parts[1] <= parts[0] <= MOST_DIGITS:
        return None
    return name if _NAMES.fullmatch(name) else None


def family(name: str) -> str | None:
    """Return number, text, time, truth, list, struct or interval; None for the type of null."""
    return _FAMILY.get(re.split(r"[(<]", name)[0])


def digits(name: str) -> tuple[int, int] | None:
    """Return precision and scale of a decimal or whole number; None for every other type."""
    match = _DECIMAL.fullmatch(name)
    if match:
        return int(match.group(1)), int(match.group(2))
    return (WHOLE[name], 0) if name in WHOLE else None


def decimal(precision: int, scale: int) -> str | None:
    """Return the decimal type, or None if it would need more than 38 digits."""
    return f"decimal({precision},{scale})" if precision <= MOST_DIGITS else None


def element(name: str) -> str | None:
    """Return the type of the elements of an array type."""
    return name[6:-1] if name.startswith("array<") else None


def shared_type(names: Iterable[str]) -> str | None:
    """Return the common type of all the types, or None if there is none."""
    return reduce(lambda one, other: _shared_by_two(one, other) if one else None, names, NULL)  # type: ignore[arg-type, return-value]


def _shared_by_two(one: str, other: str) -> str | None:
    if one == other or other == NULL:
        return one
    if one == NULL:
        return other
    if {one, other} == {"date", "timestamp"}:
        return "timestamp"
    if family(one) == family(other) == "list":
        inner = _shared_by_two(str(element(one)), str(element(other)))
        return f"array<{inner}>" if inner else None
    if family(one) != "number" or family(other) != "number":
        return None
    if "double" in (one, other):
        return "double"
    if one in WHOLE and other in WHOLE:
        return "bigint"
    (left, left_scale), (right, right_scale) = digits(one) or (0, 0), digits(other) or (0, 0)
    scale = max(left_scale, right_scale)
    return decimal(max(left - left_scale, right - right_scale) + scale, scale)


def converted(sql: str, name: str, wanted: str) -> str:
    """SQL of a value converted to a wider type (see `shared_type`)."""
    if name == wanted:
        return sql
    if name == NULL:
        return f"cast(null as {wanted})"
    if family(name) == "list":
        inner = converted("_e", str(element(name)), str(element(wanted)))
        return empty_list(str(element(wanted))) if element(name) == NULL else f"transform({sql}, _e -> {inner})"
    return midnight(sql) if name == "date" else f"cast({sql} as {wanted})"


def midnight(sql: str) -> str:
    """SQL of the first instant of a day. The cast by way of text is for days whose midnight a clock change skips."""
    return f"coalesce(try_cast({sql} as timestamp), try_cast(cast({sql} as string) as timestamp))"


def finite(sql: str) -> str:
    """SQL of a double, null for NaN and infinity, which engines sort differently."""
    return f"nanvl({without_infinity(sql)}, cast(null as double))"


def without_infinity(sql: str) -> str:
    """SQL of a double, NaN for infinity. The remainder by infinity is the number, and NaN of infinity (IEEE 754)."""
    return f"(({sql}) % double('Infinity'))"


def empty_list(item: str) -> str:
    """SQL of an empty list of a type. One engine cannot return `array()`, whose elements have no type."""
    return f"filter(array(cast(null as {item})), _e -> false)"


def type_in_words(name: str) -> str:
    """A type's family as messages name it, with the type: `text (string)`."""
    return f"{family(name) or 'null'} ({name})"
