"""The point-in-time dataset: each customer's features as known at a cutoff, and the outcome after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from ml.lifecycle.frames.data_notes import on_identities, on_sample
from quanyu.discover import Catalogue
from quanyu.engine.filtered import rows_where
from quanyu.expressions import parse, safe_sql, two_valued
from quanyu.expressions.aggregates import AggregateExpression
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.names import inputs_of, with_inputs
from quanyu.grammar.tags import over_profile, profile_column
from quanyu.identifiers.valid import PERSON
from quanyu.point_in_time import masters, view_parts
from quanyu.point_in_time.frame import everybody_on, frame
from quanyu.point_in_time.identities import log_began, valid_sql
from quanyu.point_in_time.profiles import profiles
from quanyu.point_in_time.spine import InputsOfSpine
from quanyu.run.runner import Context
from quanyu.sentences import Sentence

# Measured: training and evaluation of 700,000 rows of 15 features take 1.2 GB, of which 0.9 do not grow with them, and
# rows come as a frame of pandas besides.
ROWS_PER_GIB = 1_000_000
SEED = 20111209

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame


def views_of(catalogue: Catalogue, spec: type[ModelSpec]) -> list[str]:
    """Names of the views that a model's features and population use, also by way of tags."""
    names = with_inputs(inputs_of(spec), catalogue.tags_of(spec.entity))
    return list(dict.fromkeys(owner for name in names if (owner := name.split(".")[0]) in catalogue.views))


def population(context: Context, spec: type[ModelSpec], *days: date) -> DataFrame:
    """Entities of the model's population as of each day: the entity's key, as_of, and features by their names."""
    return _chosen(context, spec, profiles(context, spec.entity, inputs_of(spec), *days))


def _chosen(context: Context, spec: type[ModelSpec], rows: DataFrame) -> DataFrame:
    """The population among rows with flat columns: the entity's key, as_of, features, and segments where they are."""
    names = context.catalogue.names(spec.entity)
    types = {profile_column(name): column.type for name, column in names.items()}
    chosen = rows_where(rows, safe_sql(two_valued(over_profile(parse(spec.population).tree)), types))
    features = dict.fromkeys([*spec.features, *([spec.baseline.feature] if spec.baseline else [])])
    columns = [f"cast(`{profile_column(feature)}` as double) as `{feature}`" for feature in features]
    segments = [name for name in spec.segments if name not in features and profile_column(name) in rows.columns]
    columns += [f"cast(`{profile_column(name)}` as string) as `{name}`" for name in segments]
    return chosen.selectExpr(*spec.entity.by(), *columns)


def stored(context: Context, spec: type[ModelSpec]) -> pd.DataFrame:
    """The population of the run's day, from the stored views, for daily scoring."""
    return population(context, spec, context.day).drop("as_of").orderBy(spec.entity.key).toPandas()


@dataclass(frozen=True)
class LabelledFrame:
    """Entities at each cutoff, and what a reader must know of them.

    `rows` have the entity's key, `cutoff`, features as doubles, segments as text, and `label`.
    """

    rows: pd.DataFrame
    notes: tuple[Sentence, ...]
    share: float = 1.0
    """Share of the entities that was drawn; 1 where all of them fit into memory."""


def labelled(context: Context, spec: type[ModelSpec], *cutoffs: date, share: float | None = None) -> LabelledFrame:
    """Entities at each cutoff with features and label, in one pass from the facts known at that cutoff.

    Who is one customer is as valid on the cutoff, as far back as the log of customer ids reaches: what was found out
    later changes no feature. The label is known only once the horizon is over. More rows than fit into memory are
    sampled by entity, or those of a `share` are drawn whatever fits.
    """
    began = log_began(context) if spec.entity.resolved else date.min
    spine = everybody_on(context, spec.entity, cutoffs, began).withColumnRenamed("as_of", "cutoff")
    population, notes = described(context, spec, spine)
    entities, share = sampled(context, spec, population, share)
    if share < 1:
        notes.append(on_sample(spec.entity, share, context.settings.models.memory))
    rows = with_outcomes(context, spec, entities).withColumnRenamed("as_of", "cutoff")
    return LabelledFrame(rows.orderBy("cutoff", spec.entity.key).toPandas(), tuple(notes), share)


def sampled(
    context: Context, spec: type[ModelSpec], rows: DataFrame, share: float | None = None
) -> tuple[DataFrame, float]:
    """Materialized rows of a `share` of the entities, by default of as many as fit into memory, and the share.

    A hash of the entity's key decides, so that all rows of an entity are in or none is.
    """
    materialized = context.lake.staging.materialize(rows)
    if share is None:
        fitting, count = int(ROWS_PER_GIB * context.settings.models.gigabytes), materialized.count()
        share = round(fitting / count, 3) if count > fitting else 1.0
    if share >= 1:
        return materialized, 1.0
    drawn = f"crc32(concat(`{spec.entity.key}`, ' {SEED}')) % 1000 < {round(share * 1000)}"
    return context.lake.staging.materialize(materialized.where(drawn)), share


def described(context: Context, spec: type[ModelSpec], spine: DataFrame) -> tuple[DataFrame, list[Sentence]]:
    """Those of a spine (the entity's key, `cutoff`) in the population, and notes on identities.

    The rows have the entity's key, `as_of`, features and segments.
    """
    names = list(dict.fromkeys([*inputs_of(spec), *spec.segments]))
    result = frame(context, spec.entity, spine, names, present=True)
    flat = (f"`{name}` as `{profile_column(name)}`" for name in names)
    rows = result.rows.selectExpr(spec.entity.key, "cutoff as as_of", *flat)
    return _chosen(context, spec, rows), on_identities(result)


def with_outcomes(context: Context, spec: type[ModelSpec], entities: DataFrame) -> DataFrame:
    """Materialized entities with features as of a day, each with its `label`; the key is that of the day.

    Those whose label is not known, such as the sum of amounts that nobody delivered, are left out.
    """
    by, plan = spec.entity.by(), spec.label.plan(context.catalogue.tables)
    rows = entities.join(_outcomes(context, spec, plan, entities.select(*by)), by, "left")
    features = [f"`{name}`" for name in entities.columns if name not in by]
    labelled_rows = rows.selectExpr(*by, *features, f"{spec.label.sql(plan)} as label")
    # Where no row is a 0, null is no answer; where it is null, such as a day that did not come, it is one.
    return labelled_rows.where("label is not null") if plan.empty == 0 else labelled_rows


def _outcomes(context: Context, spec: type[ModelSpec], plan: AggregateExpression, pairs: DataFrame) -> DataFrame:
    """What the label measures in the horizon after the cutoff of each pair, as known at its end.

    The entity's key and as_of are those of the cutoff. Its facts are those of the customer, or the customers, that its
    records have become by the end of the horizon.
    """
    label, key, by = spec.label, spec.entity.key, spec.entity.by()
    began = log_began(context) if spec.entity.resolved else date.min
    ends = context.lake.staging.materialize(_at_end(context, spec, pairs, began))
    later = ends.selectExpr(f"later as `{key}`", "until as as_of").distinct()
    table = context.catalogue.tables[label.over]
    rows = InputsOfSpine.of(context, spec.entity, later, began).facts_of(table, None)
    rows = masters.with_referred(context, rows, table, list(filter(None, [label.where, label.value])))
    # The horizon of a plan ends with `as_of`.
    rows = rows_where(rows, plan.condition())
    then = ends.selectExpr(f"`{key}` as _then", "as_of as _cutoff", f"later as `{key}`", "until as as_of")
    parts = view_parts.aggregated(then.join(rows, by), ["_then", "_cutoff"], plan.parts())
    return parts.withColumnsRenamed({"_then": key, "_cutoff": "as_of"})


def _at_end(context: Context, spec: type[ModelSpec], pairs: DataFrame, began: date) -> DataFrame:
    """What each pair has become at the end of its horizon: the pair, `later`, a key of the entity, and `until`."""
    key, by = spec.entity.key, spec.entity.by()
    pairs = pairs.selectExpr("*", f"date_add(as_of, {spec.label.horizon_days}) as until")
    if not spec.entity.resolved:
        return pairs.selectExpr("*", f"`{key}` as later")
    identities = context.lake.table(context.catalogue.tables["identities"])
    valid = valid_sql(began)
    persons = pairs.join(identities, key).where(valid).select(*by, "until", *PERSON)
    then = identities.selectExpr(*PERSON, f"`{key}` as later", "valid_from", "valid_to")
    owned = persons.join(then, PERSON).where(valid.replace("as_of", "until"))
    return owned.select(*by, "until", "later").distinct()


def first_day(context: Context, spec: type[ModelSpec]) -> date | None:
    """First day of the facts that the label measures."""
    table = context.catalogue.tables[spec.label.over]
    rows = context.lake.table(table).selectExpr(f"to_date(min(`{table.event_time}`)) as first").collect()
    return rows[0]["first"] if rows else None
