"""The point-in-time dataset: each customer's features as known at a cutoff, and the outcome after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from quanyu.discover import Catalogue
from quanyu.engine.filtered import rows_where
from quanyu.expressions import parse, safe_sql, two_valued
from quanyu.expressions.aggregates import AggregateExpression
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.names import inputs_of, with_inputs
from quanyu.grammar.tags import over_profile, profile_column
from quanyu.point_in_time import as_of, masters, view_parts
from quanyu.point_in_time.profiles import profiles
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame


def views_of(catalogue: Catalogue, spec: type[ModelSpec]) -> list[str]:
    """Names of the views that a model's features and population use, also by way of tags."""
    names = with_inputs(inputs_of(spec), catalogue.tags_of(spec.entity))
    return list(dict.fromkeys(owner for name in names if (owner := name.split(".")[0]) in catalogue.views))


def population(context: Context, spec: type[ModelSpec], *days: date) -> DataFrame:
    """Entities of the model's population as of each day: the entity's key, as_of, and features by their names."""
    names = context.catalogue.names(spec.entity)
    types = {profile_column(name): column.type for name, column in names.items()}
    rows = profiles(context, spec.entity, inputs_of(spec), *days)
    chosen = rows_where(rows, safe_sql(two_valued(over_profile(parse(spec.population).tree)), types))
    features = dict.fromkeys([*spec.features, *([spec.baseline.feature] if spec.baseline else [])])
    columns = [f"cast(`{profile_column(feature)}` as double) as `{feature}`" for feature in features]
    return chosen.selectExpr(*spec.entity.by(), *columns)


def stored(context: Context, spec: type[ModelSpec]) -> pd.DataFrame:
    """The population of the run's day, from the stored views, for daily scoring."""
    return population(context, spec, context.day).drop("as_of").orderBy(spec.entity.key).toPandas()


def labelled(context: Context, spec: type[ModelSpec], *cutoffs: date) -> pd.DataFrame:
    """Entities at each cutoff with features and label, computed in one pass from the facts known at that cutoff.

    The label is known only once the horizon is over.
    """
    by = spec.entity.by()
    entities = population(context, spec, *cutoffs)
    plan = spec.label.plan(context.catalogue.tables)
    rows = entities.join(_outcomes(context, spec, plan, cutoffs), by, "left")
    features = [f"`{name}`" for name in entities.columns if name not in by]
    frame = rows.selectExpr(spec.entity.key, "as_of as cutoff", *features, f"{spec.label.sql(plan)} as label")
    return frame.orderBy("cutoff", spec.entity.key).toPandas()


def _outcomes(context: Context, spec: type[ModelSpec], plan: AggregateExpression, cutoffs: Sequence[date]) -> DataFrame:
    """What the label measures in the horizon after each cutoff, as known at its end: key, cutoff, aggregates."""
    label, table = spec.label, context.catalogue.tables[spec.label.over]
    ends = [label.window(cutoff)[1] for cutoff in cutoffs]
    rows = as_of.facts_of(context, spec.entity, table, None, *ends)
    rows = masters.with_referred(context, rows, table, list(filter(None, [label.where, label.value])), *ends)
    parts = view_parts.aggregated(rows, spec.entity.by(), plan.parts())
    return parts.selectExpr(spec.entity.key, f"date_sub(as_of, {label.horizon_days}) as as_of", *plan.parts())


def first_day(context: Context, spec: type[ModelSpec]) -> date | None:
    """First day of the facts that the label measures."""
    table = context.catalogue.tables[spec.label.over]
    rows = context.lake.table(table).selectExpr(f"to_date(min(`{table.event_time}`)) as first").collect()
    return rows[0]["first"] if rows else None
