"""Casts: the allowed pairs of types. A value that cannot be cast is null, on both engines."""

from __future__ import annotations

from collections.abc import Callable

from quanyu.errors import ExpressionError
from quanyu.expressions.datatypes import NULL, converted, digits, element, empty_list, finite, midnight
from quanyu.expressions.terms import Term, fill_form, time_literal

_DOUBLE = r"'^ *([+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]{1,3})?) *$'"
_WHOLE = r"'^ *([+-]?[0-9]+)(\\.0*)? *$'"
# Sign, digits, places and exponent. No `E+`: spreadsheets write it for numbers whose digits they have dropped.
_WITH_EXPONENT = r"'^ *([+-]?)([0-9]{1,40})\\.?([0-9]{0,40})(?:e[+]?|E)(-?0*[0-9]{1,2}) *$'"
_DAY = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_CLOCK = r"([01]?[0-9]|2[0-3]):[0-5]?[0-9](:[0-5]?[0-9](\\.[0-9]{1,9})?)?"
# From -12:00 to +14:00, the offsets that exist.
_OFFSET = "([+-](0?[0-9]|1[01])(:[0-5][0-9])?|[+-](0[0-9]|1[01])[0-5][0-9]|[+]1[23](:?[0-5][0-9])?|([+]14|-12)(:?00)?)"
REGION = "[A-Z][A-Za-z]+(/[A-Za-z0-9_+-]+)+"
_ZONE = f" ?(Z|UTC|GMT|(UTC|GMT)?{_OFFSET}|{REGION})"
_MIDNIGHT = r"00?:00(:00(\\.0{1,9})?)?"
# A time with an offset is an instant, whose day depends on the time zone, unless it is midnight.
_AS_DATE = f"'^ *({_DAY})([T ]({_CLOCK}|{_MIDNIGHT}{_ZONE})?)? *$'"
_AS_TIMESTAMP = f"'^ *({_DAY}([T ]({_CLOCK}({_ZONE})?)?)?) *$'"

# A narrowing cast is wrapped in coalesce, since one engine would compare the uncast value.
# (from, to), decimals without digits: the SQL form, or what to write instead.
CASTS: dict[tuple[str, str], str] = {
    ("string", "double"): finite(f"try_cast(regexp_extract({{0}}, {_DOUBLE}, 1) as double)"),
    ("string", "boolean"): "try_cast({0} as boolean)",
    ("string", "date"): f"try_cast(regexp_extract({{0}}, {_AS_DATE}, 1) as date)",
    ("string", "timestamp"): f"try_cast(regexp_extract({{0}}, {_AS_TIMESTAMP}, 1) as timestamp)",
    ("int", "string"): "cast({0} as string)",
    ("int", "bigint"): "cast({0} as bigint)",
    ("int", "decimal"): "coalesce(try_cast({0} as {to}), null)",
    ("int", "double"): "cast({0} as double)",
    ("int", "boolean"): "({0} <> 0)",
    ("bigint", "string"): "cast({0} as string)",
    ("bigint", "int"): "coalesce(try_cast({0} as int), null)",
    ("bigint", "decimal"): "coalesce(try_cast({0} as {to}), null)",
    ("bigint", "double"): "cast({0} as double)",
    ("bigint", "boolean"): "({0} <> 0)",
    ("decimal", "string"): "cast({0} as string)",
    ("decimal", "int"): "coalesce(try_cast({0} as int), null)",
    ("decimal", "bigint"): "coalesce(try_cast({0} as bigint), null)",
    ("decimal", "decimal"): "coalesce(try_cast({0} as {to}), null)",
    ("decimal", "double"): "cast({0} as double)",
    ("decimal", "boolean"): "({0} <> 0)",
    ("double", "int"): "try_cast({0} as int)",
    ("double", "bigint"): "try_cast(if(abs({0}) < 9.2e18D, {0}, null) as bigint)",
    ("boolean", "string"): "cast({0} as string)",
    ("boolean", "int"): "cast({0} as int)",
    ("boolean", "bigint"): "cast({0} as bigint)",
    ("date", "string"): "cast({0} as string)",
    ("date", "timestamp"): midnight("{0}"),
    ("timestamp", "string"): "cast({0} as string)",
    ("timestamp", "date"): "cast({0} as date)",
}
INSTEAD: dict[tuple[str, str], str] = {
    ("double", "string"): "engines write doubles differently: cast it to a decimal first",
    ("timestamp", "bigint"): "write unix_timestamp(x)",
    ("timestamp", "double"): "write unix_timestamp(x)",
    ("timestamp", "int"): "write unix_timestamp(x)",
    ("date", "int"): "write unix_date(x)",
    ("date", "bigint"): "write unix_date(x)",
    ("int", "timestamp"): "write timestamp_seconds(x) or timestamp_millis(x)",
    ("bigint", "timestamp"): "write timestamp_seconds(x) or timestamp_millis(x)",
    ("int", "date"): "write date_add(date'1970-01-01', x)",
    ("double", "boolean"): "compare it with 0",
    ("boolean", "decimal"): "cast it to int first",
    ("boolean", "double"): "cast it to int first",
}


def cast(term: Term, wanted: str) -> Term:
    """Cast a term; a value that cannot be cast is null. Raises ExpressionError for a pair of types without a cast."""
    if term.type == wanted:
        return term
    if term.type == NULL:
        return Term(converted(term.sql, NULL, wanted), wanted)
    if term.text is not None and wanted in ("date", "timestamp"):
        return time_literal(term.text, wanted)
    pair = (_plain(term.type), _plain(wanted))
    if pair in WRITTEN:
        return Term(WRITTEN[pair](term.sql, wanted), wanted)
    if element(term.type) == NULL and element(wanted):
        return Term(empty_list(str(element(wanted))), wanted)
    if pair not in CASTS:
        why = INSTEAD.get(pair, "there is no such cast")
        raise ExpressionError(f"cast({term.sql} as {wanted}) of a {term.type}: {why}")
    return Term(fill_form(CASTS[pair], {"0": term.sql, "to": wanted}), wanted)


def without_exponent_sql(text: str) -> str:
    """SQL of a number's text without an exponent. The point is moved within the text, so that no digit is lost."""
    sign, whole, places, exponent = (f"regexp_extract({text}, {_WITH_EXPONENT}, {n})" for n in (1, 2, 3, 4))
    digits_ = f"concat(repeat('0', 99), {whole}, {places}, repeat('0', 99))"
    point = f"99 + length({whole}) + try_cast({exponent} as int)"
    before = f"trim(leading '0' from substring({digits_}, 1, {point}))"
    moved = f"concat({sign}, '0', {before}, '.', substring({digits_}, {point} + 1))"
    return f"if({text} rlike '[eE]', {moved}, {text})"


def _whole_of_text(text: str, wanted: str) -> str:
    return f"try_cast(regexp_extract({without_exponent_sql(text)}, {_WHOLE}, 1) as {wanted})"


def _decimal_of_text(text: str, wanted: str) -> str:
    """Exact cast, also with an exponent. A number with more decimals than the type is null, never rounded."""
    scale = (digits(wanted) or (0, 0))[1]
    pattern = rf"'^ *([+-]?([0-9]+\\.?[0-9]{{0,{scale}}}|\\.[0-9]{{1,{scale}}}))0* *$'" if scale else _WHOLE
    return f"try_cast(regexp_extract({without_exponent_sql(text)}, {pattern}, 1) as {wanted})"


def _decimal_of_double(number: str, wanted: str) -> str:
    """Cast after rounding as a double, since engines cut and round the digits differently."""
    scale = (digits(wanted) or (0, 0))[1]
    if scale > _PLACES_OF_DOUBLE:
        raise ExpressionError(f"cast({number} as {wanted}): a double has no more than {_PLACES_OF_DOUBLE} digits")
    unit = f"{10**-scale:.{scale}f}"
    bounded = f"if(abs({number}) < 9.2e{18 - scale}D, {number}, null)"
    units = f"cast(try_cast(round({bounded} * 1e{scale}D) as bigint) as decimal(19,0))"
    return f"try_cast({units} * cast('{unit}' as decimal({scale + 1},{scale})) as {wanted})"


def _plain(name: str) -> str:
    return "decimal" if name.startswith("decimal") else name


_PLACES_OF_DOUBLE = 15
# Pairs whose form depends on the digits of the wanted type.
WRITTEN: dict[tuple[str, str], Callable[[str, str], str]] = {
    ("string", "int"): _whole_of_text,
    ("string", "bigint"): _whole_of_text,
    ("string", "decimal"): _decimal_of_text,
    ("double", "decimal"): _decimal_of_double,
}
PAIRS = (*CASTS, *WRITTEN)
