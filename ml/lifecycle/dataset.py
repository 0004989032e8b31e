"""The point-in-time dataset: what was known of each customer at a cutoff, and what came after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce
from typing import TYPE_CHECKING

from quanyu import asof
from quanyu.expressions import parse, to_sql, two_valued
from quanyu.modelspec import ModelSpec
from quanyu.run import Context

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame


def views_of(spec: type[ModelSpec]) -> list[str]:
    """Names of the views that a model's features and population name."""
    named = [*spec.features, *parse(spec.population).columns, spec.baseline.feature]
    return list(dict.fromkeys(name.split(".")[0] for name in named))


def population(spec: type[ModelSpec], views: Mapping[str, DataFrame]) -> DataFrame:
    """Customers of the model's population out of its views: customer_id, as_of, features named `view.feature`."""
    packed = [rows.selectExpr("customer_id", "as_of", f"struct(*) as `{name}`") for name, rows in views.items()]
    joined = reduce(lambda one, other: one.join(other, ["customer_id", "as_of"]), packed)
    chosen = joined.where(to_sql(two_valued(parse(spec.population).tree)))
    named = dict.fromkeys([*spec.features, spec.baseline.feature])
    columns = [f"cast({to_sql(parse(feature).tree)} as double) as `{feature}`" for feature in named]
    return chosen.selectExpr("customer_id", "as_of", *columns)


def stored(context: Context, spec: type[ModelSpec]) -> pd.DataFrame:
    """The population as the views were written for the run's day, which daily scoring wants."""
    tables, day = context.catalogue.tables, context.day
    views = {name: context.lake.table(tables[name]).where(f"as_of = date'{day}'") for name in views_of(spec)}
    return population(spec, views).drop("as_of").orderBy("customer_id").toPandas()


def labelled(context: Context, spec: type[ModelSpec], *cutoffs: date) -> pd.DataFrame:
    """Customers at each cutoff, computed out of the facts known on it, with features and label; in one pass.

    The label is 1 where no such row came in the days after; it is known a horizon later, not before.
    """
    views = {name: asof.computed(context, context.catalogue.views[name], *cutoffs) for name in views_of(spec)}
    rows = population(spec, views).join(_came(context, spec, cutoffs), ["customer_id", "as_of"], "left")
    found = rows.selectExpr("*", "coalesce(_label, 1) as label").drop("_label").withColumnRenamed("as_of", "cutoff")
    return found.orderBy("cutoff", "customer_id").toPandas()


def _came(context: Context, spec: type[ModelSpec], cutoffs: Sequence[date]) -> DataFrame:
    """Who had such a row within the horizon after each cutoff, as known at the horizon's end."""
    table, days = context.catalogue.tables[spec.label.none_of], spec.label.horizon_days
    ends = [spec.label.window(cutoff)[1] for cutoff in cutoffs]
    after = asof.facts(context, table, *ends).where("customer_id is not null").where(asof.since(table, days))
    if spec.label.where:
        after = after.where(to_sql(two_valued(parse(spec.label.where).tree)))
    return after.selectExpr("customer_id", f"date_sub(as_of, {days}) as as_of", "0 as _label").distinct()


def first_day(context: Context, spec: type[ModelSpec]) -> date | None:
    """First day of the facts that the label is about."""
    table = context.catalogue.tables[spec.label.none_of]
    found = context.lake.table(table).selectExpr(f"to_date(min(`{table.happens}`)) as first").collect()
    return found[0]["first"] if found else None
