"""Evaluates the rules of all audiences about an entity in one pass over its profiles as of one or more days."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import TYPE_CHECKING

from sqlglot import exp

from jobs.audiences.shared_conditions import SharedConditions, own_types
from jobs.audiences.static_lists import entities_on
from quanyu.discover import Catalogue
from quanyu.expressions import column_name, lost, safe_sql, two_valued
from quanyu.grammar.audience import Audience, Measure, expanded, family, full_name, list_column, reference_columns
from quanyu.grammar.entity import Entity
from quanyu.grammar.names import with_inputs
from quanyu.grammar.table import Column
from quanyu.grammar.tags import over_profile, profile_column
from quanyu.literals import quoted
from quanyu.point_in_time import as_of, masters, view_parts
from quanyu.point_in_time.profiles import LOST, names_where, profiles
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Audiences = Collection[Audience]


def about(catalogue: Catalogue, entity: type[Entity]) -> list[Audience]:
    """Audiences about an entity."""
    return [audience for audience in catalogue.audiences.values() if audience.entity == entity.name]


def names_for_rules(catalogue: Catalogue, entity: type[Entity]) -> dict[str, Column]:
    """Columns that rules of audiences about an entity may name, without measures and lists of their own."""
    return {**catalogue.names(entity), **reference_columns(entity, catalogue.audiences.values())}


def with_named(catalogue: Catalogue, audiences: Audiences) -> list[Audience]:
    """The audiences and those that their rules depend on, each once."""
    return list({each.name: each for one in audiences for each in family(one, catalogue.audiences)}.values())


def names_in_rules(catalogue: Catalogue, audiences: Audiences) -> list[str]:
    """Features, tags, scores and attributes that the rules depend on, each once."""
    trees = (expanded(audience, catalogue.audiences) for audience in audiences)
    columns = (column_name(column) for tree in trees for column in tree.find_all(exp.Column) if column.table)
    return list(dict.fromkeys(columns))


def producers_of_inputs(catalogue: Catalogue, entity: type[Entity], audiences: Audiences) -> list[str]:
    """Views and models that audiences depend on, also by way of tags; the entity's name for attributes."""
    likeness = [name for audience in audiences if audience.alike for name in audience.alike.names()]
    names = with_inputs([*names_in_rules(catalogue, audiences), *likeness], catalogue.tags_of(entity))
    return list(dict.fromkeys(name.split(".")[0] for name in names if name.split(".")[0] not in catalogue.tags))


def profile(
    context: Context, entity: type[Entity], skipped: Sequence[date], audiences: Audiences | None = None,
    stored: DataFrame | None = None,
) -> DataFrame:  # fmt: skip
    """Profiles of an entity: every name and measure that the rules of these audiences (by default all) refer to.

    One row per entity and day, for the skipped days and the day of the run, with the columns of `profiles`, and a
    column per measure and per static list. `stored` are profiles to use instead of those of the day.
    """
    catalogue = context.catalogue
    audiences = about(catalogue, entity) if audiences is None else audiences
    rows = stored
    if rows is None:
        rows = profiles(context, entity, names_in_rules(catalogue, audiences), *skipped, context.day)
    named = with_named(catalogue, audiences)
    return _with_lists(context, entity, _with_measures(context, entity, rows, skipped, named), named)


def _with_lists(context: Context, entity: type[Entity], rows: DataFrame, audiences: Audiences) -> DataFrame:
    """Add a column of truth for each static list: whether the entity is on it by today's identifiers."""
    lists = {list_column(one, name): static for one in audiences for name, static in one.lists.items()}
    if not lists:
        return rows
    columns = [f"`{name}`" for name in rows.columns]
    for column, static in lists.items():
        listed = entities_on(context, entity, static).selectExpr(f"`{entity.key}`", f"true as `{column}`")
        rows = rows.join(context.lake.staging.materialize(listed), entity.key, "left")
    return rows.selectExpr(*columns, *(f"coalesce(`{column}`, false) as `{column}`" for column in lists))


def _with_measures(
    context: Context, entity: type[Entity], rows: DataFrame, skipped: Sequence[date], audiences: Audiences
) -> DataFrame:
    """Add a column `audience__measure` for each measure; those over the same facts are computed in one pass.

    Measures whose value cannot be computed for the entity are added to `_lost`.
    """
    by_facts: dict[tuple[str, str | None, str], dict[str, Measure]] = {}
    for audience in audiences:
        for name, measure in audience.measures.items():
            by_facts.setdefault((measure.over, measure.via, repr(measure.after)), {})[full_name(audience, name)] = (
                measure
            )
    for measures in by_facts.values():
        plans = {name: measure.plan(context.catalogue.tables) for name, measure in measures.items()}
        columns = [f"`{name}`" for name in rows.columns if name != LOST]
        values = [f"{plan.value()} as `{name}`" for name, plan in plans.items()]
        losses = {name: condition for name, plan in plans.items() if (condition := plan.lost())}
        aggregated = _aggregated(context, entity, [*measures.values()], [*skipped, context.day])
        joined = rows.join(aggregated, entity.by(), "left")
        rows = joined.selectExpr(*columns, *values, f"concat({LOST}, {names_where(losses)}) as {LOST}")
    return rows


def _aggregated(context: Context, entity: type[Entity], measures: Sequence[Measure], days: Sequence[date]) -> DataFrame:
    """Parts of measures over the same facts, by entity and day."""
    tables = context.catalogue.tables
    over = tables[measures[0].over]
    after = {name: following.derived() for name, following in measures[0].after.items()}
    texts = [text for m in measures for text in (m.value, m.where) if text]
    texts += [each.where for each in after.values()]
    rows = as_of.facts_of(context, entity, over, measures[0].via, *days)
    rows = masters.with_referred(context, rows, over, texts, *days)
    if after:
        rows = rows.selectExpr("*", *view_parts.derived_columns(over, after, entity.by(), tables))
    return view_parts.aggregate_plans(rows, [measure.plan(tables) for measure in measures], entity.by(), *days)


def rule(catalogue: Catalogue, entity: type[Entity], audience: Audience) -> str:
    """SQL of an audience's rule over the profile: true or false, never null. Measures have their full names."""
    return safe_sql(two_valued(_tree(catalogue, audience)), _types(catalogue, entity, audience))


def _tree(catalogue: Catalogue, audience: Audience) -> exp.Expr:
    return over_profile(expanded(audience, catalogue.audiences))


def _types(catalogue: Catalogue, entity: type[Entity], audience: Audience) -> dict[str, str]:
    """Types of the columns of `profile` that the rule depends on."""
    types = {profile_column(name): column.type for name, column in catalogue.names(entity).items()}
    return types | own_types(catalogue, audience)


def members_of_all(context: Context, entity: type[Entity], skipped: Sequence[date] = ()) -> DataFrame:
    """Members of every audience about an entity as of each day: audience, the entity's key, as_of, holdout."""
    return evaluate_rules(context, entity, skipped).where("lost is null").drop("lost")


def evaluate_rules(
    context: Context, entity: type[Entity], skipped: Sequence[date] = (), audiences: Audiences | None = None,
    stored: DataFrame | None = None,
) -> DataFrame:  # fmt: skip
    """Members of these audiences (by default all about the entity), and values that cannot be computed of an entity.

    Columns as `members_of_all`, and `lost`. A value that cannot be computed has a row of its own, with its name in
    `lost` and a null audience. `stored` as in `profile`.
    """
    catalogue = context.catalogue
    audiences = about(catalogue, entity) if audiences is None else audiences
    conditions = SharedConditions(catalogue, entity)
    members = {a.name: conditions.rule(a) for a in audiences}
    losses = {
        f"{a.name}.who": condition
        for a in audiences
        if (condition := lost(_tree(catalogue, a), _types(catalogue, entity, a)))
    }
    rows = profile(context, entity, skipped, audiences, stored).selectExpr(
        *entity.by(), *conditions.selected(), f"concat({LOST}, {names_where(losses)}) as {LOST}"
    )
    inside = names_where({name: conditions.sql(tree) for name, tree in members.items()})
    named_lost = f"transform({LOST}, name -> concat('{_LOST}', name))"
    rows = rows.selectExpr(*entity.by(), f"explode(concat({inside}, {named_lost})) as name")
    audience, value = f"if(startswith(name, '{_LOST}'), null, name)", f"nullif(replace(name, '{_LOST}', ''), name)"
    holdout = f"{_drawn(entity, audiences)} as holdout"
    return rows.selectExpr(f"{audience} as audience", *entity.by(), holdout, f"{value} as lost")


def _drawn(entity: type[Entity], audiences: Audiences) -> str:
    """SQL of whether one is in the holdout: a hash of the salt and the entity's key, so the draw never changes.

    It hashes with SHA-256 to text, because engines agree on it. A customer who is in the holdout of a share is in that
    of every larger share.
    """
    # Each hash costs more than a rule: audiences without a holdout have none.
    draws = " ".join(
        f"when {quoted(one.name)} then {_lot(entity, one)} < '{int(one.holdout * 2**32):08x}'"
        for one in audiences if one.holdout
    )  # fmt: skip
    return f"case name {draws} else false end" if draws else "false"


def _lot(entity: type[Entity], audience: Audience) -> str:
    return f"substring(sha2(concat({quoted(audience.salt or audience.name)}, ':', `{entity.key}`), 256), 1, 8)"


# Prefix of a value that cannot be computed. No name of an audience contains a space.
_LOST = "lost "
