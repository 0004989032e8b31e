"""Number literals in an expression, with Spark's types."""

from __future__ import annotations

import math
import re

from quanyu.errors import ExpressionError
from quanyu.expressions.datatypes import decimal
from quanyu.expressions.terms import Term


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
