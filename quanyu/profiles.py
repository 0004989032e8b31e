"""Profiles: all that is known of each entity as of a day, in one pass: attributes, features, scores, tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from quanyu import as_of
from quanyu.expressions import lost, parse
from quanyu.grammar.entity import Entity
from quanyu.grammar.names import with_inputs
from quanyu.grammar.tags import Tag, over_profile, profile_column
from quanyu.literals import dates, quoted
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Names of values that cannot be computed of an entity though all that they are made of is there.
LOST = "_lost"


def profiles(context: Context, entity: type[Entity], names: Iterable[str], *days: date) -> DataFrame:
    """Entities as of each of the days, with a flat column for each of the names and what tags among them are made of.

    Columns: the entity's key, `as_of`, `view__feature`, `model__score`, `entity__attribute`, `scene__tag`, and `_lost`,
    an array of the names whose value is null though all that it is made of is there.
    """
    catalogue = context.catalogue
    tags_of_entity = catalogue.tags_of(entity)
    wanted = with_inputs(names, tags_of_entity)
    rows = _everybody(context, entity, *days)
    by_owner: dict[str, list[str]] = {}
    for name in wanted:
        owner, _, column = name.partition(".")
        if name not in tags_of_entity:
            by_owner.setdefault(owner, []).append(column)
    for owner, columns in by_owner.items():
        part = _part(context, entity, owner, days)
        values = (f"`{column}` as `{profile_column(f'{owner}.{column}')}`" for column in columns)
        rows = rows.join(part.selectExpr(*entity.by(), *values), entity.by(), "left")
    tags = {name: tag for name, tag in tags_of_entity.items() if name in wanted}
    types = {profile_column(name): column.type for name, column in catalogue.names(entity).items()}
    return with_tags(rows.selectExpr("*", f"cast(array() as array<string>) as {LOST}"), tags, types)


def _everybody(context: Context, entity: type[Entity], *days: date) -> DataFrame:
    """Every entity that was there at the end of each day: its key, as_of. Of the run's day, as they are stored."""
    others = [day for day in days if day != context.day]
    if not entity.resolved or others == list(days):
        return as_of.all_entities(context, entity, *days)
    today = context.lake.table(context.catalogue.tables[entity.table.name])
    rows = today.selectExpr(f"`{entity.key}`", f"date'{context.day}' as as_of")
    return rows.unionByName(as_of.all_entities(context, entity, *others)) if others else rows


def _part(context: Context, entity: type[Entity], owner: str, days: Sequence[date]) -> DataFrame:
    catalogue = context.catalogue
    if owner == entity.name:
        return as_of.attributes(context, entity, *days)
    if owner in catalogue.models:
        return scores(context, entity, owner, days)
    return features(context, owner, days)


def features(context: Context, view: str, days: Sequence[date]) -> DataFrame:
    """A view as of some days: as it is stored for the day of the run, computed for others."""
    catalogue, others = context.catalogue, [day for day in days if day != context.day]
    computed = as_of.computed(context, catalogue.views[view], *others) if others else None
    if context.day not in days and computed is not None:
        return computed
    stored = context.lake.table(catalogue.tables[view]).where(f"as_of = date'{context.day}'")
    return stored if computed is None else stored.unionByName(computed, allowMissingColumns=True)


def scores(context: Context, entity: type[Entity], model: str, days: Sequence[date]) -> DataFrame:
    """Scores of a model: of the run's day those of the day; of another the newest before it, which still held."""
    rows = context.lake.table(context.catalogue.tables[f"scores_{entity.name}"]).where(f"model = {quoted(model)}")
    today = rows.where(f"as_of = date'{context.day}'")
    others = [day for day in days if day != context.day]
    if not others:
        return today
    valid = rows.selectExpr("*", f"explode(array({dates(others)})) as valid_on").where("as_of <= valid_on")
    order = f"partition by `{entity.key}`, valid_on order by as_of desc"
    newest = valid.selectExpr("*", f"row_number() over ({order}) as nth").where("nth = 1")
    newest = newest.drop("nth", "as_of").withColumnRenamed("valid_on", "as_of")
    return today.unionByName(newest) if context.day in days else newest


def with_tags(rows: DataFrame, tags: Mapping[str, Tag], types: Mapping[str, str]) -> DataFrame:
    """Add tags to rows that have all that they are made of; `tags` are in an order in which each follows its inputs."""
    for level in levels(tags):
        values = [f"{tags[name].sql(types)} as `{profile_column(name)}`" for name in level]
        losses = {name: loss for name in level if (loss := _loss(tags[name], types))}
        columns = [f"`{column}`" for column in rows.columns if column != LOST]
        rows = rows.selectExpr(*columns, *values, f"concat({LOST}, {names_where(losses)}) as {LOST}")
    return rows


def levels(tags: Mapping[str, Tag]) -> list[list[str]]:
    """Names of tags in groups: each is made of tags of groups before its own."""
    groups: list[list[str]] = []
    depth: dict[str, int] = {}
    for name, tag in tags.items():
        depth[name] = 1 + max((depth[other] for other in tag.inputs() if other in depth), default=-1)
        groups += [[] for _ in range(depth[name] + 1 - len(groups))]
        groups[depth[name]].append(name)
    return groups


def _loss(tag: Tag, types: Mapping[str, str]) -> str | None:
    conditions = [lost(over_profile(parse(text).tree), types) for text in tag.texts().values()]
    return " or ".join(f"({condition})" for condition in conditions if condition) or None


def names_where(conditions: Mapping[str, str]) -> str:
    """SQL of the list of the names whose condition holds."""
    cases = ", ".join(f"if({condition}, {quoted(name)}, null)" for name, condition in conditions.items())
    return f"filter(array({cases}), e -> e is not null)" if cases else "cast(array() as array<string>)"
