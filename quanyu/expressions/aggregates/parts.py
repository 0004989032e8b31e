"""How each aggregate function is written: the parts that an engine aggregates, how they add up, and the value of them.

Each form gives the same on both engines (nulls, NaN, ties, overflow) and stays within memory for a million groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from quanyu.errors import ExpressionError
from quanyu.expressions.datatypes import WHOLE, article, digits, family, finite


@dataclass(frozen=True)
class Part:
    """One aggregate call over the rows of which `only` is true. `before` and `after` stand around call and filter."""

    call: str
    only: tuple[str, ...] = ()
    before: str = ""
    after: str = ""

    def sql(self, conditions: Sequence[str]) -> str:
        """The call over the rows for which all conditions hold, and those of the part itself."""
        return f"{self.before}{self.call}{filtered([*conditions, *self.only])}{self.after}"


def filtered(conditions: Sequence[str]) -> str:
    """The filter of an aggregate, or nothing."""
    unique = list(dict.fromkeys(conditions))
    return f" filter (where {' and '.join(unique)})" if unique else ""


Merge = Callable[[Sequence[str], Sequence[str]], str]


@dataclass(frozen=True)
class Form:
    """Parts of an aggregate, the value out of the SQL that holds each, and the value's type.

    `lost` says, out of the same, whether values are there and no result.
    `merges` say for each part how it comes out of the columns that hold `daily` parts, under conditions on the days;
    there are none where the parts of days do not give the whole.
    """

    parts: tuple[Part, ...]
    value: Callable[..., str]
    type: str
    merges: tuple[Merge, ...] = ()
    daily: tuple[Part, ...] = ()
    lost: Callable[..., str] | None = None

    def by_day(self) -> tuple[Part, ...]:
        """Parts that are kept by day."""
        return self.daily or self.parts


def added(name: str, position: int = 0) -> Merge:
    """How a part comes out of those of days by an aggregate of its own column."""
    return lambda columns, conditions: f"{name}({columns[position]}){filtered(conditions)}"


_ADDED = (added("sum", 0), added("sum", 1))


def _united(columns: Sequence[str], conditions: Sequence[str]) -> str:
    return f"array_distinct(flatten(collect_list({columns[0]}){filtered(conditions)}))"


@dataclass(frozen=True)
class Argument:
    """An argument of an aggregate: safe SQL, its type, and its text for messages."""

    sql: str
    type: str
    text: str

    @property
    def ordered(self) -> str:
        """SQL to be compared with others: NaN is no value, and the two zeros are one."""
        return f"(nullif({self.sql}, double('NaN')) + 0.0D)" if self.type == "double" else self.sql

    def key(self) -> str:
        """SQL of a text that sorts as the values do: numbers and times of one width, all positive; null for null.

        Doubles keep twelve decimals.
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


def rows() -> Form:
    """Number of rows."""
    return _counted()


def _counted(*only: str) -> Form:
    return Form((Part("count(*)", only),), lambda number: f"coalesce({number}, 0)", "bigint", (added("sum"),))


def count(*arguments: Argument) -> Form:
    """Number of rows where every argument is there."""
    return _counted(*(f"{argument.sql} is not null" for argument in arguments))


def count_distinct(*arguments: Argument) -> Form:
    """Number of different values, or of combinations of which no value is null.

    A list without doubles, and not count(distinct): beside other aggregates that one takes gigabytes for a million
    groups on one engine and minutes on the other.
    """
    values = [f"({a.sql} + 0.0D)" if a.type == "double" else a.sql for a in arguments]
    value = values[0] if len(values) == 1 else f"struct({', '.join(f'{v} as c{n}' for n, v in enumerate(values))})"
    only = tuple(f"{argument.sql} is not null" for argument in arguments)
    part = Part(f"collect_list({value})", only, "array_distinct(", ")")
    return Form((part,), _size, "bigint", (_united,))


def _size(values: str) -> str:
    return f"cast(if({values} is null, 0, size({values})) as bigint)"


def count_if(argument: Argument) -> Form:
    """Number of rows for which the argument holds."""
    _check(argument, argument.type == "boolean", "count_if", "a condition")
    return _counted(argument.sql)


def total(argument: Argument, empty: int | None = 0) -> Form:
    """Sum, exact but for doubles: null where it does not fit its type; `empty` where no value is there."""
    _check(argument, family(argument.type) == "number", "sum", "a number")
    wide, kind = _summed(argument.type)
    nothing = f"cast({'null' if empty is None else empty} as {kind})"

    def value(sum_: str, number: str) -> str:
        return f"if(coalesce({number}, 0) = 0, {nothing}, {_fitting(sum_, kind)})"

    def lost(sum_: str, number: str) -> str:
        return f"(coalesce({number}, 0) > 0 and {_fitting(sum_, kind)} is null)"

    return Form(_sum_and_count(argument, wide), value, kind, _ADDED, (), lost)


def mean(argument: Argument) -> Form:
    """Mean as a double, out of an exact sum."""
    _check(argument, family(argument.type) == "number", "avg", "a number")
    parts = _sum_and_count(argument, _summed(argument.type)[0])

    def value(sum_: str, number: str) -> str:
        return finite(f"(cast({sum_} as double) / nullif({number}, 0))")

    def lost(sum_: str, number: str) -> str:
        return f"(coalesce({number}, 0) > 0 and {value(sum_, number)} is null)"

    return Form(parts, value, "double", _ADDED, (), lost if argument.type == "double" else None)


def _fitting(sum_: str, kind: str) -> str:
    return finite(sum_) if kind == "double" else f"try_cast({sum_} as {kind})"


def _sum_and_count(argument: Argument, wide: str) -> tuple[Part, Part]:
    return Part(f"sum(cast({argument.sql} as {wide}))"), Part(f"count({argument.sql})")


def _summed(kind: str) -> tuple[str, str]:
    """Type in which values are summed, in which no sum overflows, and the type that the sum has to fit."""
    if kind in WHOLE:
        return "decimal(38,0)", "bigint"
    precision, scale = digits(kind) or (0, 0)
    if not precision:
        return "double", "double"
    return f"decimal(38,{scale})", f"decimal({18 if precision <= 18 else 38},{scale})"


def least(argument: Argument) -> Form:
    """Smallest value."""
    return _extreme("min", argument)


def greatest(argument: Argument) -> Form:
    """Greatest value."""
    return _extreme("max", argument)


def _extreme(name: str, argument: Argument) -> Form:
    _check_order(argument, name)
    return Form((Part(f"{name}({argument.ordered})"),), str, argument.type, (added(name),))


def least_by(argument: Argument, *order: Argument) -> Form:
    """Value of the row with the smallest order; of several, the smallest value that is there."""
    return _by("min", argument, order)


def greatest_by(argument: Argument, *order: Argument) -> Form:
    """Value of the row with the greatest order; of several, the greatest value."""
    return _by("max", argument, order)


def _by(name: str, argument: Argument, order: Sequence[Argument]) -> Form:
    for one in (argument, *order):
        _check_order(one, f"{name}_by")
    only = (f"{order[0].ordered} is not null",) if len(order) == 1 else ()
    null, other = ("0", "1") if name == "max" else ("1", "0")
    # One text, since engines differ on nulls within structs, and a struct costs each group the memory of a batch. The
    # value itself comes last, one that is there first, so that ties do not hang on the order of rows.
    keys = [f"coalesce(concat('1', {one.key()}), '0')" for one in order]
    last = f"coalesce(concat('{other}', {argument.key()}), '{null}')"
    key = f"concat({', chr(1), '.join([*keys, last])})"
    value, greatest = Part(f"{name}_by({argument.sql}, {key})", only), Part(f"{name}({key})", only)
    merge: Merge = lambda columns, conditions: f"{name}_by({', '.join(columns)}){filtered(conditions)}"  # noqa: E731
    return Form((value,), str, argument.type, (merge,), (value, greatest))


def most_frequent(argument: Argument) -> Form:
    """Most frequent value; of several, the smallest."""
    suits = argument.type in ("string", "date", "timestamp", "int", "bigint", "double")
    _check(argument, suits, "mode", "text, a time or a whole number")
    return Form((Part(f"mode({argument.ordered}, true)"),), str, argument.type)


def percentile(argument: Argument, share: str) -> Form:
    """Value at a share of the ordered values, between two of them where it falls there."""
    _check(argument, family(argument.type) == "number", "percentile", "a number")
    value = f"nullif(cast({argument.sql} as double), double('NaN'))"
    return Form((Part(f"percentile({value}, {share})"),), str, "double")


def any_true(argument: Argument) -> Form:
    """Whether the argument holds for a row."""
    return _truth("max", argument)


def all_true(argument: Argument) -> Form:
    """Whether the argument holds for every row where it is known."""
    return _truth("min", argument)


def _truth(name: str, argument: Argument) -> Form:
    _check(argument, argument.type == "boolean", "bool_or" if name == "max" else "bool_and", "a condition")
    return Form((Part(f"{name}({argument.sql})"),), str, "boolean", (added(name),))


def values(argument: Argument) -> Form:
    """Different values, in order."""
    return _listed(argument, "collect_set", (_united,), ("array_distinct(", ")"))


def all_values(argument: Argument) -> Form:
    """All values, in their own order, since rows have none."""
    return _listed(argument, "collect_list", (), ("", ""))


def _listed(argument: Argument, function: str, merges: tuple[Merge, ...], around: tuple[str, str]) -> Form:
    suits = argument.type in ("string", "int", "bigint", "double")
    _check(argument, suits, function, "text, a whole number or a double")
    kind = "bigint" if argument.type == "int" else argument.type
    value = f"cast({argument.ordered} as {kind})"
    part = Part(f"collect_list({value})", (f"{value} is not null",), *around)
    return Form((part,), _sorted, f"array<{kind}>", merges)


def _sorted(values: str) -> str:
    return f"if(size({values}) = 0, null, sort_array({values}))"


def _check(argument: Argument, suits: bool, function: str, wanted: str) -> None:
    if not suits:
        cast = f": write cast({argument.text} as decimal(18, 2)), or as what it is" if argument.type == "string" else ""
        raise ExpressionError(f"{function} needs {wanted}, and {argument.text!r} is a {article(argument.type)}{cast}")


def _check_order(argument: Argument, function: str) -> None:
    suits = family(argument.type) in ("number", "text", "time", "truth")
    _check(argument, suits, function, "a value with an order")


FORMS: Mapping[type[exp.Expr], Callable[..., Form]] = {
    exp.Count: count, exp.ApproxDistinct: count_distinct, exp.CountIf: count_if, exp.Sum: total, exp.Avg: mean,
    exp.Min: least, exp.Max: greatest, exp.ArgMin: least_by, exp.ArgMax: greatest_by, exp.Mode: most_frequent,
    exp.Median: lambda argument: percentile(argument, "0.5"), exp.Quantile: percentile,
    exp.LogicalOr: any_true, exp.LogicalAnd: all_true, exp.ArrayUniqueAgg: values, exp.ArrayAgg: all_values,
}  # fmt: skip
