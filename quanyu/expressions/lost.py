"""When a value is lost although its operands are present: a division by 0, a text that is no number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from quanyu.expressions.datatypes import digits, shared_type
from quanyu.expressions.functions.table import Function, functions
from quanyu.expressions.grammar import column_name
from quanyu.expressions.syntax import safe_sql, type_of

# In these nodes and functions a null is on purpose.
_ON_PURPOSE = (exp.Case, exp.If, exp.Coalesce, exp.Lambda, exp.AggFunc)
_CATCH = ("nvl", "ifnull", "nvl2")
# These accept null arguments and return a value.
_TAKE_NULL = ("concat_ws", "greatest", "least", "array", "isnull", "isnotnull", "isnan", "array_contains",
              "arrays_overlap", "exists", "forall")  # fmt: skip
_SUMS = (exp.Add, exp.Sub, exp.Mul, exp.Neg)
_QUOTIENTS = (exp.Div, exp.IntDiv, exp.Mod)
_STRICT = (*_SUMS, *_QUOTIENTS, exp.Cast, exp.Paren, exp.Trim, exp.DPipe, exp.Concat)


def lost(tree: exp.Expr, types: Mapping[str, str]) -> str | None:
    """Return the SQL condition under which a part of an expression is lost: null although its operands are not.

    Returns None if that is never the case. Parts with columns of unknown type are left out.
    """
    return " or ".join(dict.fromkeys(_failures(tree, types))) or None


def _failures(node: exp.Expr, types: Mapping[str, str]) -> Iterator[str]:
    """One condition for each largest part that is null only if an operand is null or a value is lost."""
    if isinstance(node, _ON_PURPOSE) or _calls(node, _CATCH):
        return
    if not _is_strict(node):
        for inner in node.iter_expressions():
            yield from _failures(inner, types)
        return
    parts, operands = [node], list[exp.Expr]()
    for part in parts:
        for inner in part.iter_expressions():
            (parts if _is_strict(inner) else operands).append(inner)
    operands = [operand for operand in operands if operand.find(exp.Column) and not isinstance(operand, exp.Lambda)]
    named = {column_name(column) for column in node.find_all(exp.Column)}
    if named and named <= set(types) and any(_may_fail(part, types) for part in parts):
        there = dict.fromkeys(f"{safe_sql(operand, types)} is not null" for operand in operands)
        yield f"({' and '.join([*there, f'{safe_sql(node, types)} is null'])})"
    for operand in operands:
        yield from _failures(operand, types)


def _is_strict(node: exp.Expr) -> bool:
    """Whether a node is null only if an operand is null or its value is lost, never on purpose."""
    if isinstance(node, exp.Anonymous):
        return not _calls(node, (*_CATCH, *_TAKE_NULL)) and not any(
            signature.may_be_null for signature in _signatures(node)
        )
    # The parser has one node for `cast` and `try_cast`.
    return isinstance(node, _STRICT) and not (isinstance(node, exp.Cast) and node.args.get("safe"))


def _calls(node: exp.Expr, names: tuple[str, ...]) -> bool:
    return isinstance(node, exp.Anonymous) and str(node.name).lower() in names


def _signatures(node: exp.Anonymous) -> tuple[Function, ...]:
    return functions()[str(node.name).lower()]


def _may_fail(node: exp.Expr, types: Mapping[str, str]) -> bool:
    if isinstance(node, _SUMS):
        return not type_of(node, types).startswith(("decimal", "date", "timestamp"))
    if isinstance(node, exp.Cast):
        return _may_not_fit(type_of(node.this, types), type_of(node, types))
    if isinstance(node, exp.Anonymous):
        return any(signature.loses for signature in _signatures(node))
    return isinstance(node, _QUOTIENTS)


def _may_not_fit(kind: str, wanted: str) -> bool:
    if kind == "string":
        return wanted != "string"
    return digits(wanted) is not None and kind != "boolean" and shared_type([kind, wanted]) != wanted
