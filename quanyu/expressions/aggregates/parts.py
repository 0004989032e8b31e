"""The SQL form of each aggregate function.

Each form gives equal results on both engines (nulls, NaN, ties, overflow) and needs little memory for a million groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from quanyu.errors import ExpressionError
from quanyu.expressions.aggregates.form import AggForm, AggPart, Merge, added
from quanyu.expressions.datatypes import WHOLE, digits, family, finite, type_in_words


def _added(wide: str) -> tuple[Merge, ...]:
    """Merges of a sum and a count; none for doubles, whose sum depends on the order."""
    return () if wide == "double" else (added("sum", 0), added("sum", 1))


def _union_of_lists(columns: Sequence[str]) -> str:
    return f"sort_array(array_distinct(flatten(collect_list({columns[0]}))))"


@dataclass(frozen=True)
class Argument:
    """An argument of an aggregate: safe SQL, its type, and its text for messages."""

    sql: str
    type: str
    text: str

    @property
    def ordered(self) -> str:
        """SQL for comparisons: NaN becomes null, and -0.0 becomes 0.0."""
        return f"(nullif({self.sql}, double('NaN')) + 0.0D)" if self.type == "double" else self.sql

    def key(self) -> str:
        """SQL of a text that sorts as the values do: numbers and times are positive and of equal width. Null for null.

        Doubles are rounded to twelve decimals.
        """
        if self.type in ("string", "boolean"):
            return f"cast({self.sql} as string)"
        number = {"date": f"unix_date({self.sql})", "timestamp": f"unix_micros({self.sql})"}.get(
            self.type, self.ordered
        )
        precision, scale = digits(self.type) or ((38, 12) if self.type == "double" else (19, 0))
        most = 10 ** min(precision - scale, 37 - scale)
        positive = f"try_cast({number} as decimal(38,{scale})) + cast('{most}' as decimal(38,{scale}))"
        return f"lpad(cast({positive} as string), {min(precision, 37) + 2}, '0')"


def rows() -> AggForm:
    """Number of rows."""
    return _counted()


def _counted(*only: str) -> AggForm:
    return AggForm((AggPart("count(*)", "bigint", only),), "coalesce({}, 0)".format, "bigint", (added("sum"),))


def count(*arguments: Argument) -> AggForm:
    """Number of rows in which no argument is null."""
    return _counted(*(f"{argument.sql} is not null" for argument in arguments))


def count_distinct(*arguments: Argument) -> AggForm:
    """Number of distinct values, or of distinct combinations without nulls.

    It collects a distinct list. Next to other aggregates, count(distinct) takes gigabytes for a million groups on one
    engine and minutes on the other.
    """
    values = [f"({a.sql} + 0.0D)" if a.type == "double" else a.sql for a in arguments]
    value = values[0] if len(values) == 1 else f"struct({', '.join(f'{v} as c{n}' for n, v in enumerate(values))})"
    only = tuple(f"{argument.sql} is not null" for argument in arguments)
    # Only the number is stored: the lists of a million customers are gigabytes.
    part = AggPart(f"collect_list({value})", "bigint", only, "cast(size(array_distinct(", ")) as bigint)")
    return AggForm((part,), "coalesce({}, 0)".format, "bigint")


def count_if(argument: Argument) -> AggForm:
    """Number of rows for which the argument is true."""
    _check(argument, argument.type == "boolean", "count_if", "a condition")
    return _counted(argument.sql)


def total(argument: Argument, empty: int | None = 0) -> AggForm:
    """Sum, exact except for doubles. Null if it does not fit its type, or no row has a value; `empty` without rows."""
    _check(argument, family(argument.type) == "number", "sum", "a number")
    wide, kind = _summed(argument.type)
    parts, merges = _sum_and_count(argument, wide), _added(wide)

    def value(sum_: str, *_counts: str) -> str:
        return _fitting(sum_, kind)

    def value_or_empty(sum_: str, _number: str, rows_: str) -> str:
        return f"if(coalesce({rows_}, 0) = 0, cast({empty} as {kind}), {value(sum_)})"

    def lost(sum_: str, number: str, *_rows: str) -> str:
        return f"(coalesce({number}, 0) > 0 and {value(sum_)} is null)"

    if empty is None:
        return AggForm(parts, value, kind, merges, lost)
    # Rows without a value are counted too: what they sum to is not known, and not 0.
    merges = (*merges, added("sum", 2)) if merges else ()
    return AggForm((*parts, *rows().parts), value_or_empty, kind, merges, lost)


def mean(argument: Argument) -> AggForm:
    """Mean as a double, computed from an exact sum."""
    _check(argument, family(argument.type) == "number", "avg", "a number")
    wide, _ = _summed(argument.type)
    parts = _sum_and_count(argument, wide)

    def value(sum_: str, number: str) -> str:
        return finite(f"(cast({sum_} as double) / nullif({number}, 0))")

    def lost(sum_: str, number: str) -> str:
        return f"(coalesce({number}, 0) > 0 and {value(sum_, number)} is null)"

    return AggForm(parts, value, "double", _added(wide), lost if argument.type == "double" else None)


def _fitting(sum_: str, kind: str) -> str:
    return finite(sum_) if kind == "double" else f"try_cast({sum_} as {kind})"


def _sum_and_count(argument: Argument, wide: str) -> tuple[AggPart, AggPart]:
    return AggPart(f"sum(cast({argument.sql} as {wide}))", wide), AggPart(f"count({argument.sql})", "bigint")


def _summed(kind: str) -> tuple[str, str]:
    """Type in which values are summed without overflow, and the type of the result."""
    if kind in WHOLE:
        return "decimal(38,0)", "bigint"
    precision, scale = digits(kind) or (0, 0)
    if not precision:
        return "double", "double"
    return f"decimal(38,{scale})", f"decimal({18 if precision <= 18 else 38},{scale})"


def least(argument: Argument) -> AggForm:
    """Smallest value."""
    return _extreme("min", argument)


def greatest(argument: Argument) -> AggForm:
    """Greatest value."""
    return _extreme("max", argument)


def _extreme(name: str, argument: Argument) -> AggForm:
    _check_order(argument, name)
    return AggForm((AggPart(f"{name}({argument.ordered})", argument.type),), str, argument.type, (added(name),))


def least_by(argument: Argument, *order: Argument) -> AggForm:
    """Value of the row with the smallest order; for ties, the smallest value that is not null."""
    return _by("min", argument, order)


def greatest_by(argument: Argument, *order: Argument) -> AggForm:
    """Value of the row with the greatest order; for ties, the greatest value."""
    return _by("max", argument, order)


def _by(name: str, argument: Argument, order: Sequence[Argument]) -> AggForm:
    for one in (argument, *order):
        _check_order(one, f"{name}_by")
    only = (f"{order[0].ordered} is not null",) if len(order) == 1 else ()
    null, other = ("0", "1") if name == "max" else ("1", "0")
    # One text, since engines differ on nulls in structs, and a struct costs each group the memory of a batch. The value
    # itself is its last part, so that ties do not depend on the order of rows.
    keys = [f"coalesce(concat('1', {one.key()}), '0')" for one in order]
    last = f"coalesce(concat('{other}', {argument.key()}), '{null}')"
    key = f"concat({', chr(1), '.join([*keys, last])})"
    return AggForm((AggPart(f"{name}_by({argument.sql}, {key})", argument.type, only),), str, argument.type)


def most_frequent(argument: Argument) -> AggForm:
    """Most frequent value; for ties, the smallest."""
    suits = argument.type in ("string", "date", "timestamp", "int", "bigint", "double")
    _check(argument, suits, "mode", "text, a time or a whole number")
    part = AggPart(f"mode({argument.ordered}, true)", argument.type, counted=argument.ordered)
    return AggForm((part,), str, argument.type)


def percentile(argument: Argument, share: str) -> AggForm:
    """Value at a share of the ordered values, interpolated between two values."""
    _check(argument, family(argument.type) == "number", "percentile", "a number")
    value = f"nullif(cast({argument.sql} as double), double('NaN'))"
    return AggForm((AggPart(f"percentile({value}, {share})", "double"),), str, "double")


def deviation(argument: Argument) -> AggForm:
    """Sample standard deviation as a double; null for less than two values."""
    _check(argument, family(argument.type) == "number", "stddev_samp", "a number")
    value = f"nullif(cast({argument.sql} as double), double('NaN'))"
    return AggForm((AggPart(f"stddev_samp({value})", "double"),), str, "double")


def any_true(argument: Argument) -> AggForm:
    """Whether the argument is true for at least one row."""
    return _truth("max", argument)


def all_true(argument: Argument) -> AggForm:
    """Whether the argument is true for every row in which it is not null."""
    return _truth("min", argument)


def _truth(name: str, argument: Argument) -> AggForm:
    _check(argument, argument.type == "boolean", "bool_or" if name == "max" else "bool_and", "a condition")
    return AggForm((AggPart(f"{name}({argument.sql})", "boolean"),), str, "boolean", (added(name),))


def values(argument: Argument) -> AggForm:
    """Distinct values, sorted."""
    return _listed(argument, "collect_set", (_union_of_lists,), ("sort_array(array_distinct(", "))"))


def all_values(argument: Argument) -> AggForm:
    """All values, sorted, since rows have no order."""
    return _listed(argument, "collect_list", (), ("sort_array(", ")"))


def _listed(argument: Argument, function: str, merges: tuple[Merge, ...], around: tuple[str, str]) -> AggForm:
    suits = argument.type in ("string", "int", "bigint", "double")
    _check(argument, suits, function, "text, a whole number or a double")
    kind = "bigint" if argument.type == "int" else argument.type
    value = f"cast({argument.ordered} as {kind})"
    part = AggPart(f"collect_list({value})", f"array<{kind}>", (f"{value} is not null",), *around)
    return AggForm((part,), _listed_value, f"array<{kind}>", merges)


def _listed_value(values: str) -> str:
    return f"if(size({values}) = 0, null, {values})"


def _check(argument: Argument, suits: bool, function: str, wanted: str) -> None:
    if not suits:
        cast = f": write cast({argument.text} as decimal(18, 2)), or as what it is" if argument.type == "string" else ""
        raise ExpressionError(
            f"{function} needs {wanted}, and {argument.text!r} is a {type_in_words(argument.type)}{cast}"
        )


def _check_order(argument: Argument, function: str) -> None:
    suits = family(argument.type) in ("number", "text", "time", "truth")
    _check(argument, suits, function, "a value with an order")


FORMS: Mapping[type[exp.Expr], Callable[..., AggForm]] = {
    exp.Count: count, exp.ApproxDistinct: count_distinct, exp.CountIf: count_if, exp.Sum: total, exp.Avg: mean,
    exp.Min: least, exp.Max: greatest, exp.ArgMin: least_by, exp.ArgMax: greatest_by, exp.Mode: most_frequent,
    exp.Median: lambda argument: percentile(argument, "0.5"), exp.Quantile: percentile,
    exp.StddevSamp: deviation,
    exp.LogicalOr: any_true, exp.LogicalAnd: all_true, exp.ArrayUniqueAgg: values, exp.ArrayAgg: all_values,
}  # fmt: skip
