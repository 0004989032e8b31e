"""The point-in-time dataset: each customer's features as known at a cutoff, and the outcome after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce
from typing import TYPE_CHECKING

from quanyu import as_of
from quanyu.expressions import parse, safe_sql, to_sql, two_valued
from quanyu.expressions.aggregates import AggregateExpression
from quanyu.grammar.model_spec import ModelSpec
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame


def views_of(spec: type[ModelSpec]) -> list[str]:
    """Names of the views that a model's features and population use."""
    named = [*spec.features, *parse(spec.population).columns, spec.baseline.feature]
    return list(dict.fromkeys(name.split(".")[0] for name in named))


def population(context: Context, spec: type[ModelSpec], views: Mapping[str, DataFrame]) -> DataFrame:
    """Customers of the model's population, from its views: customer_id, as_of, and features named `view.feature`."""
    types = {name: column.type for name, column in context.catalogue.known.items()}
    packed = [rows.selectExpr("customer_id", "as_of", f"struct(*) as `{name}`") for name, rows in views.items()]
    joined = reduce(lambda left, right: left.join(right, ["customer_id", "as_of"]), packed)
    chosen = joined.where(safe_sql(two_valued(parse(spec.population).tree), types))
    named = dict.fromkeys([*spec.features, spec.baseline.feature])
    columns = [f"cast({to_sql(parse(feature).tree)} as double) as `{feature}`" for feature in named]
    return chosen.selectExpr("customer_id", "as_of", *columns)


def stored(context: Context, spec: type[ModelSpec]) -> pd.DataFrame:
    """The population from the views stored for the run's day, for daily scoring."""
    tables, day = context.catalogue.tables, context.day
    views = {name: context.lake.table(tables[name]).where(f"as_of = date'{day}'") for name in views_of(spec)}
    return population(context, spec, views).drop("as_of").orderBy("customer_id").toPandas()


def labelled(context: Context, spec: type[ModelSpec], *cutoffs: date) -> pd.DataFrame:
    """Customers at each cutoff with features and label, computed in one pass from the facts known at that cutoff.

    The label is 1 where no such row follows within the horizon; it is known only once the horizon is over.
    """
    views = {name: as_of.computed(context, context.catalogue.views[name], *cutoffs) for name in views_of(spec)}
    customers = population(context, spec, views)
    counts = spec.label.plan(context.catalogue.tables)
    rows = customers.join(_outcomes(context, spec, counts, cutoffs), as_of.BY, "left")
    features = [f"`{name}`" for name in customers.columns if name not in as_of.BY]
    labelled = rows.selectExpr("customer_id", "as_of as cutoff", *features, f"if({counts.value()} = 0, 1, 0) as label")
    return labelled.orderBy("cutoff", "customer_id").toPandas()


def _outcomes(
    context: Context, spec: type[ModelSpec], counts: AggregateExpression, cutoffs: Sequence[date]
) -> DataFrame:
    """What the label counts in the horizon after each cutoff, as known at its end: customer, cutoff, aggregates."""
    tables, label = context.catalogue.tables, spec.label
    ends = [label.window(cutoff)[1] for cutoff in cutoffs]
    rows = as_of.facts(context, tables[label.none_of], *ends).where("customer_id is not null")
    rows = as_of.with_referred(context, rows, tables[label.none_of], [label.where] if label.where else [], *ends)
    parts = as_of.aggregated(rows, counts.parts())
    return parts.selectExpr("customer_id", f"date_sub(as_of, {label.horizon_days}) as as_of", *counts.parts())


def first_day(context: Context, spec: type[ModelSpec]) -> date | None:
    """First day of the facts that the label counts."""
    table = context.catalogue.tables[spec.label.none_of]
    rows = context.lake.table(table).selectExpr(f"to_date(min(`{table.happens}`)) as first").collect()
    return rows[0]["first"] if rows else None
