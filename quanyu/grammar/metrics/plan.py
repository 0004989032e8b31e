"""Plans a metric over the rows of a table: its aggregate, the rows that count, and its dimensions, as SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from sqlglot import exp

from quanyu.errors import ConfigError, ExpressionError, nearest
from quanyu.expressions import Expression, check_columns, check_domain, parse, qualifiers, safe_sql, two_valued, type_of
from quanyu.expressions.aggregates import AggregateExpression, condition, plan
from quanyu.grammar.metrics.metric import Metric, ValidTime
from quanyu.grammar.row_expressions import reach
from quanyu.grammar.table import Column, Table
from quanyu.grammar.tags import over_profile, profile_column

ADDITIVE = (exp.Sum, exp.Count, exp.CountIf)
WANTED = "sum(x), count(*), count_if(condition) or count(distinct x)"
_OF_DIMENSIONS = ("string", "boolean", "int", "bigint")
Profiles = Mapping[str, Mapping[str, Column]]


@dataclass(frozen=True)
class MetricScope:
    """The table of a metric, and what its expressions may name. Over a profile, names have a dot in place of __."""

    table: type[Table]
    columns: Mapping[str, Column]
    is_profile: bool

    @property
    def types(self) -> dict[str, str]:
        """Types of the columns as SQL names them."""
        names = ((profile_column(name) if self.is_profile else name, column) for name, column in self.columns.items())
        return {name: column.type for name, column in names}

    def tree(self, text: str) -> exp.Expr:
        """The tree of an expression, over the columns of the table."""
        return over_profile(parse(text).tree) if self.is_profile else parse(text).tree

    def checked(self, text: str) -> Expression:
        """The expression. Raises ExpressionError for an unknown column or a value that a column never has."""
        expression = parse(text)
        check_columns(expression, self.columns)
        check_domain(expression.tree, self.columns)
        return expression


def scope_of(metric: Metric, tables: Mapping[str, type[Table]], profiles: Profiles) -> MetricScope:
    """The scope of a metric that is no ratio. Raises ConfigError for an unknown table."""
    over = str(metric.over)
    if over in profiles and over in tables:
        return MetricScope(tables[over], profiles[over], True)
    allowed = [name for name, table in tables.items() if _is_measured(table)]
    if over not in allowed:
        raise ConfigError(f"unknown table {over!r}; {nearest(over, [*allowed, *(p for p in profiles if p in tables)])}")
    columns = reach(tables[over], tables)
    if tables[over].personal:
        columns["customer_id"] = Column("string", "The customer; null if unknown.")
    return MetricScope(tables[over], columns, False)


def _is_measured(table: type[Table]) -> bool:
    """Whether metrics may be over a table: facts as received, acts, customers, or results of each day."""
    by_day = table.overwrite_by is not None and table.overwrite_by == table.event_time
    return table.layer == "silver" or table.name in ("activity", "customers") or by_day


@dataclass(frozen=True)
class MetricPlan:
    """A metric over the rows of a table, planned."""

    name: str
    metric: Metric
    scope: MetricScope
    aggregate: AggregateExpression

    @property
    def counted(self) -> str | None:
        """SQL of the value whose distinct values are counted; None for other metrics."""
        inner = next(iter(self.aggregate.aggregates.values()))
        return safe_sql(inner.arguments[0], self.scope.types) if inner.distinct else None

    def where(self) -> str:
        """SQL condition of the rows that count."""
        if self.metric.where is None:
            return "true"
        return safe_sql(two_valued(self.scope.tree(self.metric.where)), self.scope.types)

    def dimensions(self) -> dict[str, str]:
        """SQL of the member of each dimension."""
        trees = {name: self.scope.tree(text) for name, text in self.metric.dimensions.items()}
        return {name: f"cast({safe_sql(tree, self.scope.types)} as string)" for name, tree in trees.items()}

    def texts(self) -> list[str]:
        """Every expression."""
        texts = [self.metric.value, self.metric.where, *self.metric.dimensions.values()]
        return [text for text in texts if text]

    def columns(self) -> set[str]:
        """Every column that it names, of other tables as `table.column`, and those that say when a row counts."""
        return self.needed() | {name for text in self.metric.dimensions.values() for name in parse(text).columns}

    def needed(self) -> set[str]:
        """The same without those of dimensions only."""
        valid = self.metric.valid
        times = [self.metric.at or self.scope.table.event_time]
        times = [valid.since, valid.until] if isinstance(valid, ValidTime) else times
        texts = [text for text in (self.metric.value, self.metric.where) if text]
        return {name for text in texts for name in parse(text).columns} | {time for time in times if time}

    def referred(self) -> tuple[str, ...]:
        """Names of the tables whose columns it names beside those of its own."""
        return () if self.scope.is_profile else tuple(qualifiers(self.texts()))


def planned_metric(name: str, metric: Metric, scope: MetricScope) -> MetricPlan:
    """Plan a metric. Raises ExpressionError for a value that is no sum or count."""
    expression = scope.checked(str(metric.value))
    where = condition(metric.where, scope.columns) if metric.where else None
    if scope.is_profile:
        expression = Expression(expression.text, over_profile(expression.tree))
        where = over_profile(where) if where is not None else None
    aggregate = plan(expression, scope.types, where)
    inner = next(iter(aggregate.aggregates.values()))
    if inner.function is exp.Avg:
        words = "is a mean, and means of days or members do not add up: declare its sum and its count as metrics"
        raise ExpressionError(f"{metric.value!r} {words}, and write `ratio: [the sum, the count]`")
    alone = len(aggregate.aggregates) == 1 and isinstance(aggregate.around, exp.Column)
    if not alone or inner.function not in ADDITIVE or (inner.distinct and len(inner.arguments) > 1):
        words = "what else is made of them is a `ratio`"
        raise ExpressionError(f"{metric.value!r} is no single sum or count: write {WANTED}; {words}")
    return MetricPlan(name, metric, scope, aggregate)


def faults(name: str, metric: Metric, scope: MetricScope) -> Iterator[tuple[str, str]]:
    """Yield the mistakes in the expressions of a metric that is no ratio: its key, and what is wrong."""
    for key, check in _checks(name, metric, scope):
        try:
            check()
        except ConfigError as error:
            yield key, str(error)


def _checks(name: str, metric: Metric, scope: MetricScope) -> Iterator[tuple[str, Callable[[], object]]]:
    bare = metric.model_copy(update={"where": None})
    yield "value", partial(planned_metric, name, bare, scope)
    if metric.where:
        yield "where", partial(condition, metric.where, scope.columns)
    for dimension, text in metric.dimensions.items():
        yield f"dimensions.{dimension}", partial(_check_dimension, text, scope)
    yield from _time_checks(metric, scope)
    if metric.first and "distinct" not in str(metric.value).lower():
        yield "first", partial(_refuse, "only distinct values have a first day: write count(distinct x)")


def _time_checks(metric: Metric, scope: MetricScope) -> Iterator[tuple[str, Callable[[], object]]]:
    if scope.is_profile:
        if metric.at or metric.valid or metric.first or "within" in metric.model_fields_set:
            words = "a profile is of the day: leave out within, at, valid and first"
            yield "over", partial(_refuse, words)
        return
    if isinstance(metric.valid, ValidTime):
        yield "valid.since", partial(_check_time, metric.valid.since, scope)
        yield "valid.until", partial(_check_time, metric.valid.until, scope)
    elif metric.valid == "recorded":
        if scope.table.layer != "silver":
            yield "valid", partial(_refuse, f"{scope.table.name} keeps no versions: only tables of silver do")
    elif metric.at:
        yield "at", partial(_check_time, metric.at, scope)
    elif not scope.table.event_time:
        words = f"{scope.table.name} says of no row when it happened: name a column as `at`, or write `valid: recorded`"
        yield "over", partial(_refuse, words)


def _check_time(name: str, scope: MetricScope) -> None:
    times = [key for key, column in scope.columns.items() if column.type in ("date", "timestamp") and "." not in key]
    if name not in times:
        raise ConfigError(f"{name!r} is no time of {scope.table.name}; {nearest(name, times)}")


def _check_dimension(text: str, scope: MetricScope) -> None:
    expression = scope.checked(text)
    if expression.aggregates:
        raise ExpressionError(f"{text!r} aggregates rows, where a dimension is a value of one")
    personal = {name for name in expression.columns if scope.columns[name].pii}
    personal |= {"customer_id", *scope.table.identifies()}
    if named := sorted(personal & set(expression.columns)):
        raise ExpressionError(f"{', '.join(named)} may identify a person, and metrics tell of no person")
    kind = type_of(scope.tree(text) if scope.is_profile else expression, scope.types)
    if kind not in _OF_DIMENSIONS:
        raise ExpressionError(f"{text!r} is a {kind}, which has no members: name a text, a truth value or a number")


def _refuse(words: str) -> None:
    raise ConfigError(words)
