"""The grammar of expressions for sqlglot. Each call keeps its written name and arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.parsers.spark import SparkParser

AGGREGATES: dict[str, type[exp.Func]] = {
    "count": exp.Count, "sum": exp.Sum, "avg": exp.Avg, "mean": exp.Avg, "min": exp.Min, "max": exp.Max,
    "min_by": exp.ArgMin, "max_by": exp.ArgMax, "mode": exp.Mode, "median": exp.Median, "percentile": exp.Quantile,
    "count_if": exp.CountIf, "bool_or": exp.LogicalOr, "some": exp.LogicalOr, "any": exp.LogicalOr,
    "bool_and": exp.LogicalAnd, "every": exp.LogicalAnd, "approx_count_distinct": exp.ApproxDistinct,
    "collect_list": exp.ArrayAgg, "array_agg": exp.ArrayAgg, "collect_set": exp.ArrayUniqueAgg,
    "stddev_samp": exp.StddevSamp, "stddev": exp.StddevSamp,
}  # fmt: skip
AGGREGATE_NODES = tuple(set(AGGREGATES.values()))

# Nodes that are allowed in an expression. All others are refused.
COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg)
VALUES = (exp.Column, exp.Literal, exp.RawString, exp.Boolean, exp.Null, exp.Interval)
CONDITIONS = (exp.And, exp.Or, exp.Not, exp.In, exp.Between, exp.Is, exp.Like, exp.RegexpLike)
FORMS = (
    exp.Paren, exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Trim, exp.Cast, exp.TryCast, exp.Bracket, exp.DPipe,
    exp.Concat, exp.Lambda, exp.Anonymous,
)  # fmt: skip
PARTS = (exp.Identifier, exp.DataType, exp.DataTypeParam, exp.Var, exp.Distinct, exp.Star, exp.Filter, exp.Where)
ALLOWED: frozenset[type[exp.Expr]] = frozenset(
    (*COMPARISONS, *ARITHMETIC, *VALUES, *CONDITIONS, *FORMS, *PARTS, *AGGREGATE_NODES)
)


def _aggregate(kind: type[exp.Func]) -> Callable[[Sequence[Any]], exp.Expr]:
    return lambda args: kind.from_arg_list(args)


class GrammarParser(SparkParser):
    """Spark's parser, but without nodes of their own for functions, except aggregates and a few forms."""

    FUNCTIONS = {
        **{name.upper(): _aggregate(kind) for name, kind in AGGREGATES.items()},
        **{name: SparkParser.FUNCTIONS[name] for name in ("COUNT", "COALESCE", "IF", "NULLIF", "COLLECT_LIST")},
    }
    FUNCTION_PARSERS = {name: SparkParser.FUNCTION_PARSERS[name] for name in ("CAST", "TRY_CAST", "TRIM")}
    NO_PAREN_FUNCTION_PARSERS = {"CASE": SparkParser.NO_PAREN_FUNCTION_PARSERS["CASE"]}


class Grammar(Spark):
    """Spark SQL as declarations may use it."""

    Parser = GrammarParser
    parser_class = GrammarParser  # type: ignore[assignment]


def column_name(node: exp.Expr) -> str:
    """Return `table.column` or `column`, as written."""
    return ".".join(part.name for part in node.parts)  # type: ignore[attr-defined]
