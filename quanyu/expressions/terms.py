"""Terms: a part of an expression with its type, as SQL with equal results on both engines."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from quanyu.errors import ExpressionError
from quanyu.expressions.datatypes import NULL, converted, decimal, family, shared_type
from quanyu.literals import quoted

# A day, optionally with a time and an offset; no word such as `now`, which would read the clock.
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(Z|[+-]\d{2}:\d{2})?)?")


@dataclass(frozen=True)
class Term:
    """A typed part: SQL that can be used as any operand, its type, and `text` if it is a text literal.

    `operand` is SQL of the same double as an operand of arithmetic alone, where NaN stands for null.
    """

    sql: str
    type: str
    text: str | None = None
    operand: str | None = None

    def to(self, wanted: str) -> Term:
        """The same value converted to a wider type."""
        return self if self.type == wanted else Term(converted(self.sql, self.type, wanted), wanted)


@dataclass(frozen=True)
class Scope:
    """Names in scope: columns with their types, and variables of the enclosing lambdas."""

    columns: Mapping[str, str]
    variables: Mapping[str, str]

    def within(self, variables: Mapping[str, str]) -> Scope:
        """The scope inside a lambda."""
        return Scope(self.columns, {**self.variables, **variables})


def fill_form(form: str, parts: Mapping[str, str]) -> str:
    """Fill parts into a form in one pass, so that braces inside of a part are not replaced."""
    return re.sub(r"\{(\d|\*|to)\}", lambda at: parts.get(at.group(1), at.group(0)), form)


def time_literal(text: str, wanted: str) -> Term:
    """A date or timestamp written as text. Raises ExpressionError for anything else."""
    match = _MOMENT.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError
        datetime.fromisoformat(text.strip())
    except ValueError:
        raise ExpressionError(
            f"{text!r} is no {wanted}: write one as '2024-01-31' or '2024-01-31 10:15:00'; words like 'now' and "
            "'today' ask the clock: say as_of, or a column"
        ) from None
    if wanted == "date":
        return Term(f"date'{match.group(1)}'", "date")
    return Term(f"cast({quoted(text.strip())} as timestamp)", "timestamp")


def with_time_literals(terms: Sequence[Term]) -> list[Term]:
    """Read text literals as dates or timestamps if they are compared with such."""
    times = [term.type for term in terms if term.type in ("date", "timestamp")]
    if not times:
        return list(terms)
    wanted = "timestamp" if "timestamp" in times else "date"
    return [time_literal(term.text, _finer(term.text, wanted)) if term.text is not None else term for term in terms]


def _finer(text: str, wanted: str) -> str:
    return wanted if re.fullmatch(r"\s*\d{4}-\d{2}-\d{2}\s*", text) else "timestamp"


def to_shared_type(terms: Sequence[Term], what: str, whole: exp.Expr | str) -> list[Term]:
    """Convert terms to their common type. Raises ExpressionError if there is none; `what` is the message's verb."""
    read = with_time_literals(terms)
    kind = shared_type(term.type for term in read)
    if kind is None:
        text = whole if isinstance(whole, str) else whole.sql(dialect="spark")
        raise ExpressionError(f"{text} {what} {type_difference([term.type for term in read])}")
    return [term.to(kind) for term in read] if kind != NULL else read


_HINTS = {
    ("number", "text"): "cast the text, or put the number in quotes",
    ("text", "time"): "cast the text to a date or timestamp",
    ("text", "truth"): "cast the text to a boolean",
    ("list", "text"): "ask for an element with array_contains(list, element)",
    ("number", "time"): "count days with datediff, or seconds with unix_timestamp",
}


def type_difference(types: Sequence[str]) -> str:
    """Say that two of the types differ, and what to do: `a number (int) with a text (string): ...`."""
    kinds = list(dict.fromkeys(kind for kind in types if kind != NULL))
    pairs = [
        (one, other) for n, one in enumerate(kinds) for other in kinds[n + 1 :] if shared_type((one, other)) is None
    ]
    if not pairs:
        return f"values that need more than 38 digits together ({', '.join(kinds)}): cast one of them"
    one, other = (family(kind) or NULL for kind in pairs[0])
    hint = _HINTS.get((min(one, other), max(one, other)), "cast one of them")
    return f"a {one} with a {other} ({pairs[0][0]}, {pairs[0][1]}): {hint}"


def number(text: str) -> Term:
    """Type a number: int or bigint by its size, decimal with a point, double with an exponent."""
    match = re.fullmatch(r"(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?", text)
    if match is None or not (match.group(2) or match.group(3)):
        raise ExpressionError(f"{text!r} is no number")
    sign, whole, part, exponent = match.groups()
    if exponent is not None:
        if math.isinf(float(text)):
            raise ExpressionError(f"{text} is larger than any double")
        return Term(f"cast('{text}' as double)", "double")
    if part is not None:
        precision = max(len(whole.lstrip("0")) + len(part), 1)
        return _decimal(f"{sign}{whole or '0'}.{part or '0'}", precision, len(part))
    value = int(text)
    if -(2**31) <= value < 2**31:
        return Term(f"{value}" if value >= 0 else f"({value})", "int")
    if -(2**63) < value < 2**63:
        return Term(f"{value}L" if value >= 0 else f"({value}L)", "bigint")
    return _decimal(text, len(text.lstrip("-0")), 0)


def _decimal(text: str, precision: int, scale: int) -> Term:
    kind = decimal(precision, scale)
    if kind is None:
        raise ExpressionError(f"{text} has more than 38 digits")
    return Term(f"cast('{text}' as {kind})", kind)
