"""Safe forms that are more than one line of the table can say: made of the SQL of a call's arguments."""

from __future__ import annotations

from collections.abc import Callable

from quanyu.expressions.casts import cast
from quanyu.expressions.terms import Term


def _text_date(text: str) -> str:
    return cast(Term(text, "string"), "date").sql


def _text_timestamp(text: str) -> str:
    return cast(Term(text, "string"), "timestamp").sql


def _made_date(year: str, month: str, day: str) -> str:
    """A day that does not exist is null, never an error."""
    return f"try_cast(concat(lpad({year}, 4, '0'), '-', {month}, '-', {day}) as date)"


def _round_double(number: str, places: str) -> str:
    """Round by powers of ten, since engines round the digits of a double differently."""
    return f"(round({number} * 1e{places}D) / 1e{places}D)"


def _first_day(unit: str, day: str) -> str:
    """First day of the unit that a day lies in; the engines' own forms fail far from today."""
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
    return f"cast({_first_day(unit.strip(chr(39)), f'cast({at} as date)')} as timestamp)"


def _instant(unit: str, per_second: int) -> Callable[..., str]:
    """An instant of the years 1 to 9999; others are null, since no client can show them."""
    low, high = -62_135_510_400 * per_second, 253_402_214_400 * per_second - 1
    return lambda count: f"cast(timestamp_{unit}(if({count} between {low}L and {high}L, {count}, null)) as timestamp)"


FORMS: dict[str, Callable[..., str]] = {
    "text_date": _text_date,
    "text_timestamp": _text_timestamp,
    "made_date": _made_date,
    "round_double": _round_double,
    "instant_of_seconds": _instant("seconds", 1),
    "instant_of_millis": _instant("millis", 1_000),
    "instant_of_micros": _instant("micros", 1_000_000),
    "written_seconds": lambda count, written: f"date_format({_instant('seconds', 1)(count)}, {written})",
}
UNITS: dict[str, Callable[..., str]] = {"trunc": _trunc, "date_trunc": _date_trunc}
