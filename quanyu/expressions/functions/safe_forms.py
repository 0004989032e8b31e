"""Safe SQL forms of functions that do not fit on a line of the function table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from quanyu.expressions.casts import cast
from quanyu.expressions.datatypes import finite, midnight
from quanyu.expressions.json_numbers import length, member
from quanyu.expressions.terms import Term


def _text_date(text: str) -> str:
    return cast(Term(text, "string"), "date").sql


def _text_timestamp(text: str) -> str:
    return cast(Term(text, "string"), "timestamp").sql


def _make_date(year: str, month: str, day: str) -> str:
    """A day that does not exist is null, never an error."""
    return f"try_cast(concat(lpad({year}, 4, '0'), '-', {month}, '-', {day}) as date)"


# Type to which a text is cast before it is rounded.
READ = "decimal(38,20)"


def _text_rounded(text: str, places: str) -> str:
    return f"round({cast(Term(text, 'string'), READ).sql}, {places})"


def _round_double(number: str, places: str) -> str:
    """Round by powers of ten, since engines round the digits of a double differently."""
    return finite(f"(round({number} * 1e{places}D) / 1e{places}D + 0D)")


def _first_day(unit: str, day: str) -> str:
    """First day of the unit that contains a day. The engines' own functions fail for dates far from today."""
    return {
        "day": day,
        "week": f"date_sub({day}, pmod(dayofweek({day}) + 5, 7))",
        "month": f"date_sub({day}, day({day}) - 1)",
        "quarter": f"make_date(year({day}), 3 * quarter({day}) - 2, 1)",
        "year": f"make_date(year({day}), 1, 1)",
    }[unit]


def _trunc(day: str, unit: str) -> str:
    return _first_day(unit.strip("'"), day) if unit != "'hour'" else day


def _date_trunc(unit: str, at: str) -> str:
    if unit == "'hour'":
        return f"cast(timestamp_seconds(unix_timestamp({at}) - minute({at}) * 60 - second({at})) as timestamp)"
    return midnight(_first_day(unit.strip("'"), f"cast({at} as date)"))


def _within(number: str, most: int) -> str:
    """The number if it is a literal within the limit; else SQL that is null beyond the limit."""
    plain = number.strip("()")
    if plain.lstrip("-").isdecimal() and abs(int(plain)) <= most:
        return number
    return f"if({number} between -{most} and {most}, {number}, null)"


def _unless_null(parts: Sequence[str], sql: str) -> str:
    """SQL that is null if a part is null, since some functions of one engine read null as 0."""
    asked = [part for part in parts if part and not part.strip("()-").isdecimal()]
    return f"if({' or '.join(f'{part} is null' for part in asked)}, null, {sql})" if asked else sql


def _count(number: str) -> str:
    return number if number.isdecimal() else f"greatest({number}, 0)"


def _substring(text: str, start: str, count: str = "") -> str:
    """Substring from a position, or from the end if negative. Engines differ if the text is shorter."""
    if start.isdecimal():
        ended = f", {_count(count)}" if count else ""
        return _unless_null([count], f"substring({text}, {start}{ended})")
    at, length = _within(start, 1_000_000), f"length({text})"
    first = f"if({at} < 0, greatest({length} + {at} + 1, 1), {at})"
    if not count:
        return _unless_null([at], f"substring({text}, {first})")
    rest = f"greatest({_within(count, 1_000_000)} + if({at} < 0, least({length} + {at}, 0), 0), 0)"
    return _unless_null([at, count], f"substring({text}, {first}, {rest})")


def element(items: str, place: str) -> str:
    """SQL of the element at a position, from 0; null if there is none."""
    return f"get({items}, {place if place.isdecimal() else f'if({place} between 0 and 1000000, {place}, null)'})"


def _power(base: str, exponent: str) -> str:
    """Null for an infinite exponent, and for 0 to a negative power, which is an error in one engine."""
    sound = f"if(abs({exponent}) < 1e300D and not ({base} = 0D and {exponent} < 0D), {exponent}, null)"
    return finite(f"power({base}, {sound})")


def _positive_rest(number: str, by: str) -> str:
    """Remainder, never negative for a positive divisor. Written in parts, since a sum might overflow."""
    rest = f"({number} % nullif({by}, 0L))"
    return f"if({rest} < 0 and {by} > 0, {rest} + {by}, {rest})"


def _instant(unit: str, per_second: int) -> Callable[..., str]:
    """An instant of the years 1 to 9999; others are null, since clients cannot show them."""
    low, high = -62_135_510_400 * per_second, 253_402_214_400 * per_second - 1
    return lambda count: f"cast(timestamp_{unit}(if({count} between {low}L and {high}L, {count}, null)) as timestamp)"


FORMS: dict[str, Callable[..., str]] = {
    "text_date": _text_date,
    "text_timestamp": _text_timestamp,
    "made_date": _make_date,
    "round_double": _round_double,
    "text_rounded": _text_rounded,
    "power": _power,
    "exponential": lambda number: finite(f"exp({number})"),
    "positive_rest": _positive_rest,
    "substring_from": _substring,
    "left_part": lambda text, count: _unless_null([count], f"substring({text}, 1, {_count(count)})"),
    "right_part": lambda text, count: _unless_null(
        [count], f"substring({text}, greatest(length({text}) - {_count(count)} + 1, 1))"
    ),
    "element": element,
    "json_member": member,
    "json_length": length,
    "date_moved": lambda day, count: f"date_add({day}, {_within(count, 3_660_000)})",
    "date_moved_back": lambda day, count: f"date_sub({day}, {_within(count, 3_660_000)})",
    "months_moved": lambda day, count: f"add_months({day}, {_within(count, 120_000)})",
    "instant_of_seconds": _instant("seconds", 1),
    "instant_of_millis": _instant("millis", 1_000),
    "instant_of_micros": _instant("micros", 1_000_000),
    "written_seconds": lambda count, written: f"date_format({_instant('seconds', 1)(count)}, {written})",
}
UNITS: dict[str, Callable[..., str]] = {"trunc": _trunc, "date_trunc": _date_trunc}
