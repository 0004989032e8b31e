"""How each aggregate function is written: the parts that an engine aggregates, how they add up, and the value of them.

Each form gives the same on both engines (nulls, NaN, ties, overflow) and stays within memory for a million groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from quanyu.errors import ExpressionError
from quanyu.expressions.datatypes import WHOLE, article, digits, family


@dataclass(frozen=True)
class Part:
    """One aggregate call. `before` and `after` stand around call and filter; `merge` adds up the parts of days."""

    call: str
    merge: str = ""
    only: tuple[str, ...] = ()
    before: str = ""
    after: str = ""

    def sql(self, conditions: Sequence[str]) -> str:
        """The call over the rows for which all conditions hold, and those of the part itself."""
        return f"{self.before}{self.call}{_filter([*conditions, *self.only])}{self.after}"

    def merged(self, column: str, conditions: Sequence[str]) -> str:
        """The same part of all rows, out of a column that holds it by day."""
        if self.merge == "union":
            return f"array_distinct(flatten(collect_list({column}){_filter(conditions)}))"
        return f"{self.merge}({column}){_filter(conditions)}"


def _filter(conditions: Sequence[str]) -> str:
    unique = list(dict.fromkeys(conditions))
    return f" filter (where {' and '.join(unique)})" if unique else ""


@dataclass(frozen=True)
class Form:
    """Parts of an aggregate, the value out of the SQL that holds each, and the value's type."""

    parts: tuple[Part, ...]
    value: Callable[..., str]
    type: str

    @property
    def adds_up(self) -> bool:
        """Whether the parts of days give the whole."""
        return all(part.merge for part in self.parts)


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


def rows() -> Form:
    """Number of rows."""
    return _counted(Part("count(*)", "sum"))


def _counted(*parts: Part) -> Form:
    return Form(parts, lambda number: f"coalesce({number}, 0)", "bigint")


def count(*arguments: Argument) -> Form:
    """Number of rows where every argument is there."""
    return _counted(Part("count(*)", "sum", tuple(f"{argument.sql} is not null" for argument in arguments)))


def count_distinct(*arguments: Argument) -> Form:
    """Number of different values, or of combinations of which no value is null.

    A list without doubles, and not count(distinct): beside other aggregates that one takes gigabytes for a million
    groups on one engine and minutes on the other.
    """
    values = [f"({a.sql} + 0.0D)" if a.type == "double" else a.sql for a in arguments]
    value = values[0] if len(values) == 1 else f"struct({', '.join(f'{v} as c{n}' for n, v in enumerate(values))})"
    only = tuple(f"{argument.sql} is not null" for argument in arguments)
    part = Part(f"collect_list({value})", "union", only, "array_distinct(", ")")
    return Form((part,), lambda values: f"cast(if({values} is null, 0, size({values})) as bigint)", "bigint")


def count_if(argument: Argument) -> Form:
    """Number of rows for which the argument holds."""
    _check(argument, argument.type == "boolean", "count_if", "a condition")
    return _counted(Part("count(*)", "sum", (argument.sql,)))


def total(argument: Argument) -> Form:
    """Sum, exact but for doubles: 0 where no value is there, null where it does not fit its type."""
    _check(argument, family(argument.type) == "number", "sum", "a number")
    wide, kind = _summed(argument.type)
    parts = (Part(f"sum(cast({argument.sql} as {wide}))", "sum"), _known(argument))
    zero = f"cast(0 as {kind})"
    return Form(parts, lambda sum_, number: f"if(coalesce({number}, 0) = 0, {zero}, try_cast({sum_} as {kind}))", kind)


def mean(argument: Argument) -> Form:
    """Mean as a double, out of an exact sum."""
    _check(argument, family(argument.type) == "number", "avg", "a number")
    parts = (Part(f"sum(cast({argument.sql} as {_summed(argument.type)[0]}))", "sum"), _known(argument))
    return Form(parts, lambda sum_, number: f"(cast({sum_} as double) / nullif({number}, 0))", "double")


def _known(argument: Argument) -> Part:
    return Part(f"count({argument.sql})", "sum")


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
    return Form((Part(f"{name}({argument.ordered})", name),), str, argument.type)


def least_by(argument: Argument, *order: Argument) -> Form:
    """Value of the row with the smallest order; of several, the smallest value that is there."""
    return _by("min", argument, order)


def greatest_by(argument: Argument, *order: Argument) -> Form:
    """Value of the row with the greatest order; of several, the greatest value."""
    return _by("max", argument, order)


def _by(name: str, argument: Argument, order: Sequence[Argument]) -> Form:
    for one in (argument, *order):
        _check_order(one, f"{name}_by")
    # Engines differ on nulls within structs, so that a flag before each value decides; the value itself settles ties.
    fields = [field for one in order for field in (f"{one.ordered} is not null", one.ordered)]
    fields += [f"{argument.sql} is {'not ' if name == 'max' else ''}null", argument.sql]
    named = ", ".join(f"{field} as f{n}" for n, field in enumerate(fields))
    only = (f"{order[0].ordered} is not null",) if len(order) == 1 else ()
    part = Part(f"{name}(struct({named}))", name, only)
    return Form((part,), lambda row: f"({row}).f{len(fields) - 1}", argument.type)


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
    return Form((Part(f"{name}({argument.sql})", name),), str, "boolean")


def values(argument: Argument) -> Form:
    """Different values, in order."""
    return _listed(argument, "collect_set", "union", ("array_distinct(", ")"))


def all_values(argument: Argument) -> Form:
    """All values, in their own order, since rows have none."""
    return _listed(argument, "collect_list", "", ("", ""))


def _listed(argument: Argument, function: str, merge: str, around: tuple[str, str]) -> Form:
    suits = argument.type in ("string", "int", "bigint", "double")
    _check(argument, suits, function, "text, a whole number or a double")
    kind = "bigint" if argument.type == "int" else argument.type
    value = f"cast({argument.ordered} as {kind})"
    part = Part(f"collect_list({value})", merge, (f"{value} is not null",), *around)
    return Form((part,), _sorted, f"array<{kind}>")


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
