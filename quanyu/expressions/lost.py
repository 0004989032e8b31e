"""What cannot be computed of a row though all that it is made of is there: a division by 0, a text that is none."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from quanyu.expressions.grammar import column_name
from quanyu.expressions.syntax import safe_sql, type_of

_MAY_FAIL = (exp.Div, exp.IntDiv, exp.Mod, exp.Cast)
# What these choose or replace is null on purpose.
_ON_PURPOSE = (exp.Case, exp.If, exp.Coalesce, exp.Lambda, exp.AggFunc)


def lost(tree: exp.Expr, types: Mapping[str, str]) -> str | None:
    """Return the condition under which a part of an expression has no value though its operands have; None for never.

    Parts that name columns without a type are left out.
    """
    nodes = [node for node in tree.copy().find_all(*_MAY_FAIL) if not node.find_ancestor(*_ON_PURPOSE)]
    return " or ".join(dict.fromkeys(_fails(node, types) for node in nodes if _may_fail(node, types))) or None


def _may_fail(node: exp.Expr, types: Mapping[str, str]) -> bool:
    columns = {column_name(column) for column in node.find_all(exp.Column)}
    if not columns or not columns <= set(types):
        return False
    return not isinstance(node, exp.Cast) or (type_of(node.this, types) == "string" != type_of(node, types))


def _fails(node: exp.Expr, types: Mapping[str, str]) -> str:
    operands = [node.this] if isinstance(node, exp.Cast) else [node.this, node.expression]
    there = [f"{safe_sql(operand, types)} is not null" for operand in operands if operand.find(exp.Column)]
    return f"({' and '.join(there)} and {safe_sql(node, types)} is null)"
