"""Aggregates on terms: their types, and the form that gives the same on both engines."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from quanyu.errors import ExpressionError
from quanyu.expressions.datatypes import NULL, WHOLE, article, decimal, digits, family
from quanyu.expressions.grammar import AGGREGATE_NAMES
from quanyu.expressions.terms import Scope, Term

Write = Callable[[exp.Expr, Scope], Term]
_SHAPES: dict[type[exp.Expr], set[str]] = {
    exp.ArgMin: {"expression"}, exp.ArgMax: {"expression"}, exp.Quantile: {"quantile"}, exp.Mode: {"deterministic"},
}  # fmt: skip
_ORDERED = ("number", "text", "time", "truth")


def aggregate(node: exp.Expr, when: str | None, scope: Scope, write: Write) -> Term:
    """Type and write an aggregate over the rows for which `when` holds."""
    name, told = AGGREGATE_NAMES[type(node)], node.sql(dialect="spark")  # type: ignore[index]
    _check_shape(node, told)
    suffix = f" filter (where {when})" if when else ""
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
        return Term(f"count(*){suffix}", "bigint")
    distinct = isinstance(node.this, exp.Distinct)
    inner = node.this.expressions if isinstance(node.this, exp.Distinct) else [node.this]
    if len(inner) != 1:
        raise ExpressionError(f"{told!r}: an aggregate takes one expression; join several with concat_ws")
    term = write(inner[0], scope)
    if isinstance(node, exp.Count | exp.ApproxDistinct):
        unique = "distinct " if distinct or isinstance(node, exp.ApproxDistinct) else ""
        return Term(f"count({unique}{term.sql}){suffix}", "bigint")
    if distinct and not isinstance(node, exp.ArrayUniqueAgg):
        raise ExpressionError(f"{told!r}: only count takes distinct")
    if isinstance(node, exp.ArgMin | exp.ArgMax):
        by = key(node.expression, scope, write)
        return Term(f"{name}({term.sql}, {by}){suffix}", term.type)
    return _of_one(name, term, node, suffix, told)


def _check_shape(node: exp.Expr, told: str) -> None:
    given = {name for name, value in node.args.items() if value} - {"this", "big_int", "nulls_excluded"}
    allowed = _SHAPES.get(type(node), set())
    if given - allowed or allowed - given or node.this is None:
        hint = ": write mode(x, true), since of several the engines take another" if isinstance(node, exp.Mode) else ""
        raise ExpressionError(f"{told!r} is not how this aggregate is written{hint}")


def _of_one(name: str, term: Term, node: exp.Expr, suffix: str, told: str) -> Term:
    kind = family(term.type)
    if name in ("sum", "avg", "percentile", "median") and kind not in ("number", None):
        raise ExpressionError(f"{told!r}: {name} needs a number, and this is a {article(term.type)}: cast it")
    if name in ("count_if", "bool_or", "bool_and"):
        if term.type not in ("boolean", NULL):
            raise ExpressionError(f"{told!r}: {name} needs a condition, and this is a {article(term.type)}")
        return Term(f"{name}({term.to('boolean').sql}){suffix}", "bigint" if name == "count_if" else "boolean")
    if name in ("min", "max", "mode") and kind not in (*_ORDERED, None):
        raise ExpressionError(f"{told!r}: {name} needs a value with an order, and this is a {article(term.type)}")
    if name == "sum":
        return _sum(term, suffix)
    if name == "avg":
        total = _sum(term, suffix)
        return Term(f"(cast({total.sql} as double) / nullif(count({term.sql}){suffix}, 0))", "double")
    if name in ("percentile", "median"):
        share = node.args["quantile"].sql(dialect="spark") if name == "percentile" else "0.5"
        return Term(f"percentile({_no_nan(term.to('double'))}, {share}){suffix}", "double")
    if name in ("min", "max"):
        return Term(f"{name}({_no_nan(term)}){suffix}", term.type)
    if name == "mode":
        return Term(f"mode({_no_nan(term)}, true){suffix}", term.type)
    listed = "collect_list" if name in ("collect_list", "array_agg") else "collect_set"
    return Term(f"sort_array({listed}({term.sql}){suffix})", f"array<{term.type}>")


def _sum(term: Term, suffix: str) -> Term:
    """Exact for whole numbers and decimals, with null where the total does not fit."""
    if term.type in WHOLE:
        return Term(f"try_cast(sum(cast({term.sql} as decimal(28,0))){suffix} as bigint)", "bigint")
    if term.type == "double" or term.type == NULL:
        return Term(f"sum({term.to('double').sql}){suffix}", "double")
    precision, scale = digits(term.type) or (1, 0)
    made = decimal(min(precision + 10, 38), scale) or term.type
    return Term(f"cast(sum({term.sql}){suffix} as {made})", made)


def _no_nan(term: Term) -> str:
    return f"nullif({term.sql}, double('NaN'))" if term.type == "double" else term.sql


def key(node: exp.Expr, scope: Scope, write: Write) -> str:
    """What rows are ordered by: one value, or several in a struct, of which a null is the smallest."""
    if isinstance(node, exp.Anonymous) and node.name.lower() == "struct":
        parts = [write(part, scope) for part in node.expressions]
        return f"struct({', '.join(f'{part.sql} is not null, {part.sql}' for part in parts)})"
    return write(node, scope).sql
