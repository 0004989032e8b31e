"""The point-in-time dataset: what was known of each customer at a cutoff, and what came after it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
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


def population(context: Context, spec: type[ModelSpec], day: date, stored: bool) -> DataFrame:
    """Customers of the model's population as of a day with its features, in columns named `view.feature`.

    `stored` reads the views as they were written for the day, which the daily scoring wants; without it they are
    computed for that day out of the facts known on it.
    """
    joined: DataFrame | None = None
    for name in views_of(spec):
        view = context.catalogue.views[name]
        if stored:
            rows = context.lake.table(context.catalogue.tables[name]).where(f"as_of = date'{day}'")
        else:
            rows = asof.computed(context, view, day)
        packed = rows.selectExpr("customer_id", f"struct(*) as `{name}`")
        joined = packed if joined is None else joined.join(packed, "customer_id")
    if joined is None:
        raise ValueError(f"{spec.name} names no feature")
    chosen = joined.where(to_sql(two_valued(parse(spec.population).tree)))
    named = dict.fromkeys([*spec.features, spec.baseline.feature])
    columns = [f"cast({to_sql(parse(feature).tree)} as double) as `{feature}`" for feature in named]
    return chosen.selectExpr("customer_id", *columns)


def labelled(context: Context, spec: type[ModelSpec], cutoff: date) -> pd.DataFrame:
    """Customers at a cutoff with features and label (1: no such row in the days after). Known only a horizon later."""
    first, last = spec.label.window(cutoff)
    table = context.catalogue.tables[spec.label.none_of]
    zone = context.settings.tzinfo
    start, end = (datetime.combine(day, time(), zone).isoformat() for day in (first, last + timedelta(days=1)))
    after = asof.facts(context, table, last).where(
        f"customer_id is not null and `{table.happens}` >= timestamp'{start}' and `{table.happens}` < timestamp'{end}'"
    )
    if spec.label.where:
        after = after.where(to_sql(two_valued(parse(spec.label.where).tree)))
    came = after.select("customer_id").distinct().selectExpr("customer_id", "0 as _label")
    rows = population(context, spec, cutoff, stored=False).join(came, "customer_id", "left")
    found = rows.selectExpr("*", "coalesce(_label, 1) as label", f"date'{cutoff}' as cutoff").drop("_label")
    return found.orderBy("customer_id").toPandas()


def first_day(context: Context, spec: type[ModelSpec]) -> date | None:
    """First day of the facts that the label is about."""
    table = context.catalogue.tables[spec.label.none_of]
    found = context.lake.table(table).selectExpr(f"to_date(min(`{table.happens}`)) as first").collect()
    return found[0]["first"] if found else None
