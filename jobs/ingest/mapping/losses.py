"""Ways in which a value may be lost in a cast: each a description and the SQL condition of its occurrence."""

from __future__ import annotations

from collections.abc import Iterator

from quanyu.expressions.casts import REGION, without_exponent_sql
from quanyu.expressions.datatypes import digits, normal

_LOCAL = r"[T ]0?([0-9]{1,2}:[0-9]{2})(:[0-9.]*)? *$"
_HOUR, _MINUTE = r"[T ]([0-9]{1,2}):", r"[T ][0-9]{1,2}:([0-9]{1,2})"


def losses(raw: str, kind: str, typed: str, target: str) -> Iterator[tuple[str, str]]:
    """Yield a description and a SQL condition for each way in which the cast of `raw` to `typed` may lose the value.

    `raw` and `typed` are SQL of types `kind` and `target`.
    """
    type_ = normal(target) or target
    empty = f"({raw}) is not null and ({typed}) is null"
    if kind == "string" and type_.startswith("decimal"):
        longer = f"coalesce(({without_exponent_sql(raw)}) rlike '{_longer(type_)}', false)"
        yield _words(target, type_), f"{empty} and {longer}"
        yield f"not a {target}", f"{empty} and not {longer}"
    else:
        yield f"not a {target}", empty
    if kind == "string" and target == "timestamp":
        clock = f"regexp_extract({raw}, '{_LOCAL}', 1)"
        skipped = f"{clock} not in ('', date_format({typed}, 'H:mm'))"
        yield "a time that the clocks skip", f"if(contains({raw}, '/'), {_skipped_in_region(raw, typed)}, {skipped})"
    yield from roundings(raw, kind, typed, target)


def roundings(raw: str, kind: str, typed: str, target: str) -> Iterator[tuple[str, str]]:
    """Yield a description and a SQL condition of a number with more decimal places than its type, if that may occur."""
    type_ = normal(target) or target
    if _may_round(kind, type_):
        yield _words(target, type_), _inexact(raw, kind, typed)


def _skipped_in_region(raw: str, typed: str) -> str:
    """SQL condition that a time does not exist in the region that it names: its clocks show another one then."""
    # An engine may evaluate this for rows without a region too, and fails for the region ''.
    region = f"if({typed} is null or not contains({raw}, '/'), 'UTC', regexp_extract({raw}, ' ?({REGION}) *$', 1))"
    clock = f"pmod(unix_timestamp(from_utc_timestamp({typed}, {region})), 86400) div 60"
    hour, minute = (f"try_cast(regexp_extract({raw}, '{pattern}', 1) as int)" for pattern in (_HOUR, _MINUTE))
    return f"coalesce({clock} <> {hour} * 60 + {minute}, false)"


def _may_round(kind: str, target: str) -> bool:
    places = digits(target)
    return places is not None and (kind == "double" or (digits(kind) or (0, 0))[1] > places[1])


def _words(target: str, type_: str) -> str:
    places = (digits(type_) or (0, 0))[1]
    return f"not a {target}, has more than {places} decimal places: write round(x, {places}) if it may be rounded"


def _longer(target: str) -> str:
    """Pattern of numbers that fit the type except for their decimal places."""
    precision, places = digits(target) or (0, 0)
    return rf"^ *[+-]?0*[0-9]{{0,{precision - places}}}\\.[0-9]{{{places}}}[0-9]*[1-9]0* *$"


def _inexact(raw: str, kind: str, typed: str) -> str:
    """SQL condition that a number was rounded, allowing for noise in the last bits of doubles."""
    if kind != "double":
        return f"cast({typed} as {kind}) <> ({raw})"
    return f"abs(cast({typed} as double) - ({raw})) > 1e-12D * abs({raw})"
