"""What a view stores as of a day: the rows that it is computed from, and the parts of its features."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from quanyu.engine.filtered import rows_where
from quanyu.expressions import parse, qualifiers, safe_sql, two_valued, type_of
from quanyu.expressions.aggregates import AggregateExpression, any_of
from quanyu.grammar.feature import Derived, FeatureView, FirstAfter
from quanyu.grammar.row_expressions import reach
from quanyu.grammar.table import Table
from quanyu.lake import place_of
from quanyu.lake.staging import Staging
from quanyu.point_in_time.as_of import facts_of
from quanyu.point_in_time.masters import with_referred
from quanyu.point_in_time.most_frequent import most_frequent
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# With more, the most frequent values are counted by groups of equal ones.
MANY_FACTS = 1_000_000


def referred(view: type[FeatureView], tables: Mapping[str, type[Table]]) -> list[type[Table]]:
    """Tables whose columns a view names beside those of its own table."""
    return [tables[name] for name in qualifiers(_texts(view))]


def _texts(view: type[FeatureView]) -> list[str]:
    wheres = [feature.where for feature in view.features.values()]
    after = [derivation.where for derivation in view.derived.values() if isinstance(derivation, FirstAfter)]
    groups = view.groups.texts() if view.groups else []
    texts = [*(feature.expression for feature in view.features.values()), *wheres, *after, *groups, view.where]
    return [text for text in texts if text]


def compute(context: Context, view: type[FeatureView], *days: date, among: DataFrame | None = None) -> DataFrame:
    """Compute what a view stores, as of each day, in one pass: the entity's key, as_of, and the parts of its features.

    An entity without facts that count has no row. `among` are keys of entities, if only these are wanted.
    """
    rows = facts_of(context, view.entity, view.over, view.via, *days, among=among)
    many = among is None and not view.groups and context.lake.count_rows(place_of(view.over)) > MANY_FACTS
    return compute_from(context, view, rows, *days, staging=context.lake.staging if many else None)


def compute_from(
    context: Context, view: type[FeatureView], facts_of_view: DataFrame, *days: date, staging: Staging | None = None
) -> DataFrame:
    """The same from rows of `facts_of`; without days, from rows that say their own as `as_of`."""
    rows = _rows_of(context, view, facts_of_view, *days)
    if view.groups:
        rows = _groups_of(context, view, rows, *days)
    plans = view.plans(context.catalogue.tables).values()
    return aggregate_plans(rows, plans, view.entity.by(), *days, staging=staging)


def aggregate_plans(
    rows: DataFrame, plans: Collection[AggregateExpression], by: Sequence[str], *days: date,
    staging: Staging | None = None,
) -> DataFrame:  # fmt: skip
    """Compute the parts of plans by entity and day, from rows that at least one of them uses.

    With `staging`, most frequent values are counted by groups of equal ones, which is faster for many rows.
    """
    used = rows_where(rows, _with_day(any_of(plan.condition() for plan in plans), days))
    parts = {name: _with_day(sql, days) for plan in plans for name, sql in plan.parts().items()}
    counted = {name: _with_day(sql, days) for plan in plans for name, sql in plan.counted().items()}
    if staging is None or not counted:
        return aggregated(used, by, parts)
    # The count keeps entities whose only part is one of them.
    result = aggregated(used, by, {"_rows": "count(*)", **{n: sql for n, sql in parts.items() if n not in counted}})
    for values in most_frequent(staging, used, by, counted):
        result = result.join(values, list(by), "left")
    return result.select(*by, *parts)


def _with_day(sql: str, days: Sequence[date]) -> str:
    """Replace the column `as_of` by the day itself, so that the engine computes expressions of it once."""
    return sql.replace("`as_of`", f"date'{days[0]}'") if len(days) == 1 else sql


def aggregated(rows: DataFrame, by: Sequence[str], parts: Mapping[str, str]) -> DataFrame:
    """Aggregate rows by the key of an entity and the day: `by`, and a column for each named SQL."""
    from pyspark.sql import functions as F  # noqa: N812

    return rows.groupBy(*by).agg(*(F.expr(sql).alias(name) for name, sql in parts.items()))


def _rows_of(context: Context, view: type[FeatureView], rows: DataFrame, *days: date) -> DataFrame:
    """Input rows of a view as of each day, with its derived columns."""
    tables = context.catalogue.tables
    rows = with_referred(context, rows, view.over, _texts(view), *days)
    reached = reach(view.over, tables)
    if view.where:
        types = {name: column.type for name, column in reached.items()}
        rows = rows_where(rows, safe_sql(two_valued(parse(view.where).tree), types))
    derived = derived_columns(view.over, view.derived, view.entity.by(), tables)
    return rows.selectExpr("*", *derived) if derived else rows


def derived_columns(
    over: type[Table], derived: Mapping[str, Derived], by: Sequence[str], tables: Mapping[str, type[Table]]
) -> list[str]:
    """SQL of columns from the ordered facts of a table, each under its name; facts are ordered within the keys `by`."""
    reached = reach(over, tables)
    order = list(dict.fromkeys([str(over.event_time), *over.identity()]))
    return [f"{derivation.sql(reached, by, order)} as `{name}`" for name, derivation in derived.items()]


def _groups_of(context: Context, view: type[FeatureView], rows: DataFrame, *days: date) -> DataFrame:
    """Groups of the rows of a view, within its window: the entity's key, as_of, and the columns of a group."""
    groups, tables, by = view.groups, context.catalogue.tables, view.entity.by()
    if groups is None:
        return rows
    types = {name: column.type for name, column in view.row_columns(tables).items()}
    for name, text in groups.by.items():
        if text != name:
            rows = rows.selectExpr("*", f"{_key(text, types)} as `{name}`")
    plans = view.group_plans(tables)
    parts = aggregate_plans(rows, plans.values(), [*by, *groups.by], *days)
    values = (f"{plan.value()} as `{name}`" for name, plan in plans.items())
    return parts.selectExpr(*by, *(f"`{name}`" for name in groups.by), *values)


def _key(text: str, types: Mapping[str, str]) -> str:
    """SQL of a column that rows are grouped by; a row is repeated for each value of a list."""
    key = parse(text)
    sql = safe_sql(key.tree, types)
    return f"explode(array_distinct({sql}))" if type_of(key, types).startswith("array") else sql
