"""Refuses comparisons that are always true or never: by the column's listed values and bounds, or without a column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sqlglot import exp

from quanyu.errors import ExpressionError, nearest
from quanyu.expressions.datatypes import WHOLE
from quanyu.expressions.grammar import column_name

if TYPE_CHECKING:
    from quanyu.grammar.table import Column

_TURNED: dict[type[exp.Expr], type[exp.Expr]] = {exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE}
_ORDER = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ)
_LEAST, _MOST = float("-inf"), float("inf")


def check_domain(tree: exp.Expr, columns: Mapping[str, Column]) -> None:
    """Raise ExpressionError for a comparison with a value that the column never has, or that is always true."""
    for between in tree.find_all(exp.Between):
        _check_ends(between)
    _check_constants(tree)
    for node in tree.find_all(*_ORDER, exp.In, exp.Between, exp.Case):
        for column, sign, value in _comparisons(node):
            declared = columns.get(column_name(column))
            if declared is None:
                continue
            text = node.sql(dialect="spark") if not isinstance(node, exp.Case) else f"case {column.sql()} when {value}"
            if declared.values and isinstance(value, str):
                _check_value(text, column_name(column), value, declared.values)
            if isinstance(value, float):
                _check_bounds(text, sign, value, declared)


def _check_constants(tree: exp.Expr) -> None:
    """Refuse a comparison without a column or element of a list, equal for all rows, and a division by zero."""
    elements = {name.name for inner in tree.find_all(exp.Lambda) for name in inner.expressions}
    for node in tree.find_all(*_ORDER, exp.In, exp.Between):
        of_element = any(name.name in elements for name in node.find_all(exp.Identifier))
        if not of_element and node.find(exp.Column, exp.AggFunc, exp.Star, exp.Anonymous) is None:
            raise ExpressionError(f"{node.sql(dialect='spark')} decides nothing: it names no column")
    for node in tree.find_all(exp.Div, exp.IntDiv, exp.Mod):
        if _value(node.expression) == 0:
            raise ExpressionError(f"{node.sql(dialect='spark')} divides by zero: it never has a value")


def _comparisons(node: exp.Expr) -> Iterator[tuple[exp.Column, type[exp.Expr], str | float]]:
    """Each column that is compared with a literal: the column, the comparison, and the literal."""
    pairs: list[tuple[type[exp.Expr], exp.Expr | None, exp.Expr | None]]
    if isinstance(node, exp.In | exp.Case):
        others = node.expressions if isinstance(node, exp.In) else [part.this for part in node.args["ifs"]]
        pairs = [(exp.EQ, node.this, other) for other in others]
    elif isinstance(node, exp.Between):
        pairs = [(exp.GTE, node.this, node.args["low"]), (exp.LTE, node.this, node.args["high"])]
    else:
        pairs = [(type(node), node.this, node.expression)]
        pairs.append((_TURNED.get(type(node), type(node)), node.expression, node.this))
    for sign, side, other in pairs:
        value = _value(other)
        if isinstance(side, exp.Column) and value is not None:
            yield side, sign, value


def _value(node: exp.Expr | None) -> str | float | None:
    if isinstance(node, exp.Cast | exp.Paren):
        return _value(node.this)
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        return -float(node.this.name)
    if isinstance(node, exp.Literal):
        return str(node.name) if node.is_string else float(node.name)
    return None


def _check_ends(node: exp.Between) -> None:
    """Refuse a range whose ends are in reverse order, which contains nothing."""
    low, high = (_value(node.args[end]) for end in ("low", "high"))
    if low is None or high is None or isinstance(low, str) != isinstance(high, str):
        return
    if low > high:  # type: ignore[operator]
        first, last = (node.args[end].sql(dialect="spark") for end in ("low", "high"))
        text = node.sql(dialect="spark")
        raise ExpressionError(f"{text} holds for nothing: its ends are in reverse; write between {last} and {first}")


def _check_value(text: str, name: str, value: str, values: tuple[str, ...]) -> None:
    if value not in values:
        raise ExpressionError(f"{text}: {name} is never {value!r}; {nearest(value, values)}")


def _check_bounds(text: str, sign: type[exp.Expr], value: float, column: Column) -> None:
    low = _LEAST if column.at_least is None else column.at_least
    high = _MOST if column.at_most is None else column.at_most
    sides: dict[type[exp.Expr], tuple[bool, bool]] = {
        exp.GT: (high <= value, low > value), exp.GTE: (high < value, low >= value),
        exp.LT: (low >= value, high < value), exp.LTE: (low > value, high <= value),
    }  # fmt: skip
    between = column.type in WHOLE and not value.is_integer()
    never, always = sides.get(sign, (between or not low <= value <= high, False))
    least, most = f"at least {low:g}" if low > _LEAST else "", f"at most {high:g}" if high < _MOST else ""
    bounds = " and ".join(word for word in (least, most) if word)
    if between and sign not in sides:
        raise ExpressionError(f"{text} decides nothing: the column is a whole number, never {value:g}")
    if never:
        raise ExpressionError(f"{text} decides nothing: the column is {bounds}, never {value:g}")
    if always:
        raise ExpressionError(f"{text} decides nothing: the column is {bounds}; write `is not null`, or nothing")
