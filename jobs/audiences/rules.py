"""Evaluates the rules of all audiences about an entity in one pass over its profiles as of one or more days."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import TYPE_CHECKING

from sqlglot import exp

from quanyu.discover import Catalogue
from quanyu.expressions import lost, parse, safe_sql, two_valued
from quanyu.grammar.audience import Audience, Measure
from quanyu.grammar.entity import Entity
from quanyu.grammar.names import with_inputs
from quanyu.grammar.tags import over_profile, profile_column
from quanyu.point_in_time import as_of, masters, view_parts
from quanyu.point_in_time.profiles import LOST, names_where, profiles
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Audiences = Collection[Audience]


def about(catalogue: Catalogue, entity: type[Entity]) -> list[Audience]:
    """Audiences about an entity."""
    return [audience for audience in catalogue.audiences.values() if audience.entity == entity.name]


def names_in_rules(audiences: Audiences) -> list[str]:
    """Features, tags, scores and attributes that the rules name, each once."""
    columns = (name for audience in audiences for name in parse(audience.who).columns)
    return list(dict.fromkeys(name for name in columns if "." in name))


def producers_of_inputs(catalogue: Catalogue, entity: type[Entity], audiences: Audiences) -> list[str]:
    """Views and models that audiences depend on, also by way of tags; the entity's name for attributes."""
    likeness = [name for audience in audiences if audience.alike for name in audience.alike.names()]
    names = with_inputs([*names_in_rules(audiences), *likeness], catalogue.tags_of(entity))
    return list(dict.fromkeys(name.split(".")[0] for name in names if name.split(".")[0] not in catalogue.tags))


def profile(
    context: Context, entity: type[Entity], skipped: Sequence[date], audiences: Audiences | None = None
) -> DataFrame:
    """Profiles of an entity: every name and measure that the rules of these audiences (by default all) refer to.

    One row per entity and day, for the skipped days and the day of the run, with the columns of `profiles`, and a
    column per measure.
    """
    audiences = about(context.catalogue, entity) if audiences is None else audiences
    rows = profiles(context, entity, names_in_rules(audiences), *skipped, context.day)
    return _with_measures(context, entity, rows, skipped, audiences)


def _with_measures(
    context: Context, entity: type[Entity], rows: DataFrame, skipped: Sequence[date], audiences: Audiences
) -> DataFrame:
    """Add a column `audience__measure` for each measure; those over the same facts are computed in one pass.

    Measures whose value cannot be computed for the entity are added to `_lost`.
    """
    by_facts: dict[tuple[str, str | None], dict[str, Measure]] = {}
    for audience in audiences:
        for name, measure in audience.measures.items():
            by_facts.setdefault((measure.over, measure.via), {})[full_name(audience, name)] = measure
    for measures in by_facts.values():
        plans = {name: measure.plan(context.catalogue.tables) for name, measure in measures.items()}
        columns = [f"`{name}`" for name in rows.columns if name != LOST]
        values = [f"{plan.value()} as `{name}`" for name, plan in plans.items()]
        losses = {name: condition for name, plan in plans.items() if (condition := plan.lost())}
        aggregated = _aggregated(context, entity, [*measures.values()], [*skipped, context.day])
        joined = rows.join(aggregated, entity.by(), "left")
        rows = joined.selectExpr(*columns, *values, f"concat({LOST}, {names_where(losses)}) as {LOST}")
    return rows


def full_name(audience: Audience, measure: str) -> str:
    """Name of a measure that is unique over all audiences."""
    return f"{audience.name}__{measure}"


def _aggregated(context: Context, entity: type[Entity], measures: Sequence[Measure], days: Sequence[date]) -> DataFrame:
    """Parts of measures over the same facts, by entity and day."""
    tables = context.catalogue.tables
    over = tables[measures[0].over]
    texts = [text for m in measures for text in (m.value, m.where) if text]
    rows = as_of.facts_of(context, entity, over, measures[0].via, *days)
    rows = masters.with_referred(context, rows, over, texts, *days)
    return view_parts.aggregate_plans(rows, [measure.plan(tables) for measure in measures], entity.by(), *days)


def rule(catalogue: Catalogue, entity: type[Entity], audience: Audience) -> str:
    """SQL of an audience's rule over the profile: true or false, never null. Measures have their full names."""
    return safe_sql(two_valued(over_profile(_full(audience))), _types(catalogue, entity, audience))


def _types(catalogue: Catalogue, entity: type[Entity], audience: Audience) -> dict[str, str]:
    columns = audience.columns(catalogue.names(entity), catalogue.tables)
    return {full_name(audience, n) if n in audience.measures else profile_column(n): c.type for n, c in columns.items()}


def _full(audience: Audience) -> exp.Expr:
    tree = parse(audience.who).tree.copy()
    for column in list(tree.find_all(exp.Column)):
        if column.name in audience.measures and not column.table:
            column.set("this", exp.to_identifier(full_name(audience, column.name)))
    return tree


def members_of_all(context: Context, entity: type[Entity], skipped: Sequence[date] = ()) -> DataFrame:
    """Members of every audience about an entity as of each day: audience, the entity's key, as_of, holdout."""
    return evaluate_rules(context, entity, skipped).where("lost is null").drop("lost")


def evaluate_rules(
    context: Context, entity: type[Entity], skipped: Sequence[date] = (), audiences: Audiences | None = None
) -> DataFrame:
    """Members of these audiences (by default all about the entity), and values that cannot be computed of an entity.

    Columns as `members_of_all`, and `lost`. A value that cannot be computed has a row of its own, with its name in
    `lost` and a null audience.
    """
    catalogue = context.catalogue
    audiences = about(catalogue, entity) if audiences is None else audiences
    members = names_where({a.name: rule(catalogue, entity, a) for a in audiences})
    losses = {
        f"{a.name}.who": condition
        for a in audiences
        if (condition := lost(over_profile(_full(a)), _types(catalogue, entity, a)))
    }
    named_lost = f"transform(concat(_lost, {names_where(losses)}), name -> concat('{_LOST}', name))"
    rows = profile(context, entity, skipped, audiences)
    rows = rows.selectExpr(*entity.by(), f"explode(concat({members}, {named_lost})) as name")
    audience, value = f"if(startswith(name, '{_LOST}'), null, name)", f"nullif(replace(name, '{_LOST}', ''), name)"
    holdout = f"{_drawn(entity, audiences)} as holdout"
    return rows.selectExpr(f"{audience} as audience", *entity.by(), holdout, f"{value} as lost")


def _drawn(entity: type[Entity], audiences: Audiences) -> str:
    """SQL of whether one is in the holdout: a hash of the audience and the entity's key, so the draw never changes.

    It hashes with SHA-256 to text, because engines agree on it. A customer who is in the holdout of a share is in that
    of every larger share.
    """
    shares = " ".join(f"when '{a.name}' then '{int(a.holdout * 2**32):08x}'" for a in audiences)
    lot = f"substring(sha2(concat(name, ':', `{entity.key}`), 256), 1, 8)"
    return f"{lot} < case name {shares} else '00000000' end"


# Prefix of a value that cannot be computed. No name of an audience contains a space.
_LOST = "lost "
