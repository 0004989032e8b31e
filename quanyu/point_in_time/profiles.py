"""Profiles: all that is known of each entity as of a day, in one pass: attributes, features, scores, tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol

from quanyu.expressions import lost, parse
from quanyu.grammar.entity import Entity
from quanyu.grammar.feature import FeatureView
from quanyu.grammar.names import with_inputs
from quanyu.grammar.tags import Tag, over_profile, profile_column
from quanyu.literals import dates, quoted
from quanyu.point_in_time import as_of, view_parts
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Names of values that cannot be computed of an entity though all that they are made of is there.
LOST = "_lost"
NO_LOSS = "cast(array() as array<string>)"


def profiles(context: Context, entity: type[Entity], names: Iterable[str], *days: date) -> DataFrame:
    """Entities as of each of the days, with a flat column for each of the names and what tags among them are made of.

    Columns: the entity's key, `as_of`, `view__feature`, `model__score`, `entity__attribute`, `scene__tag`, and `_lost`,
    an array of the names whose value is null though all that it is made of is there. Of the run's day they are read
    from the table of profiles, if its step has run: the step has then said which values are lost.
    """
    others = [day for day in days if day != context.day]
    if others == list(days) or not is_stored(context, entity):
        return computed(context, entity, names, *days)
    columns = (f"`{profile_column(name)}`" for name in with_inputs(names, context.catalogue.tags_of(entity)))
    table = context.lake.table(context.catalogue.tables[f"profile_{entity.name}"])
    rows = table.selectExpr(f"`{entity.key}`", f"date'{context.day}' as as_of", f"{NO_LOSS} as {LOST}", *columns)
    return rows.unionByName(computed(context, entity, names, *others)) if others else rows


def is_stored(context: Context, entity: type[Entity]) -> bool:
    """Whether the table of the entity's profiles is of the run's day."""
    return f"profile_{entity.name}" in context.catalogue.tables and context.is_current(f"profile.{entity.name}")


class ProfileInputs(Protocol):
    """What profiles are made of, each by the entity's key and `as_of`."""

    def everybody(self) -> DataFrame:
        """Every entity that is wanted and was there at the end of the day."""

    def attributes(self) -> DataFrame:
        """Rows of the entity's own table."""

    def parts(self, view: type[FeatureView]) -> DataFrame:
        """What a view stores."""

    def scores(self, model: str) -> DataFrame:
        """Scores of a model."""


@dataclass(frozen=True)
class InputsOfDays:
    """Of all entities as of each of some days; of the run's day as they are stored."""

    context: Context
    entity: type[Entity]
    days: Sequence[date]

    def everybody(self) -> DataFrame:
        """Every entity that was there at the end of each day."""
        return _everybody(self.context, self.entity, *self.days)

    def attributes(self) -> DataFrame:
        """Rows of the entity's own table."""
        return as_of.attributes(self.context, self.entity, *self.days)

    def parts(self, view: type[FeatureView]) -> DataFrame:
        """What a view stores."""
        return stored_parts(self.context, view, self.days)

    def scores(self, model: str) -> DataFrame:
        """Scores of a model."""
        return scores(self.context, self.entity, model, self.days)


def computed(context: Context, entity: type[Entity], names: Iterable[str], *days: date) -> DataFrame:
    """The same, from attributes, stored views and scores for the run's day, and from facts for others."""
    return computed_from(context, entity, names, InputsOfDays(context, entity, days))


def computed_from(
    context: Context, entity: type[Entity], names: Iterable[str], inputs: ProfileInputs
) -> DataFrame:  # fmt: skip
    """The same from given inputs."""
    catalogue = context.catalogue
    tags_of_entity = catalogue.tags_of(entity)
    wanted = with_inputs(names, tags_of_entity)
    rows, columns = inputs.everybody().selectExpr("*", f"{NO_LOSS} as {LOST}"), entity.by()
    by_owner: dict[str, list[str]] = {}
    for name in wanted:
        owner, _, column = name.partition(".")
        if name not in tags_of_entity:
            by_owner.setdefault(owner, []).append(column)
    for owner, parts in by_owner.items():
        # The columns are counted here: an engine would resolve the growing plan to name them.
        added = [profile_column(f"{owner}.{part}") for part in parts]
        if owner in catalogue.views:
            rows = _with_features(context, rows, columns, catalogue.views[owner], parts, inputs)
        else:
            part = inputs.scores(owner) if owner in catalogue.models else inputs.attributes()
            values = (f"`{column}` as `{name}`" for column, name in zip(parts, added, strict=True))
            rows = rows.join(part.selectExpr(*entity.by(), *values), entity.by(), "left")
        columns = [*columns, *added]
    tags = {name: tag for name, tag in tags_of_entity.items() if name in wanted}
    types = {profile_column(name): column.type for name, column in catalogue.names(entity).items()} | {"as_of": "date"}
    if any(tag.quantiles for tag in tags.values()):
        # They are read twice, and an engine shares its memory among the joins and the ranks of a query.
        rows = context.lake.staging.materialize(rows)
    return with_tags(rows, columns, tags, types, entity.by())


def _everybody(context: Context, entity: type[Entity], *days: date) -> DataFrame:
    """Every entity that was there at the end of each day: its key, as_of. Of the run's day, as they are stored."""
    others = [day for day in days if day != context.day]
    if not entity.resolved or others == list(days):
        return as_of.all_entities(context, entity, *days)
    today = context.lake.table(context.catalogue.tables[entity.table.name])
    rows = today.selectExpr(f"`{entity.key}`", f"date'{context.day}' as as_of")
    return rows.unionByName(as_of.all_entities(context, entity, *others)) if others else rows


def _with_features(
    context: Context, rows: DataFrame, columns: Sequence[str], view: type[FeatureView], names: Sequence[str],
    inputs: ProfileInputs,
) -> DataFrame:  # fmt: skip
    """Add features of a view to rows with some columns. Without facts, what only counts and adds is 0, the rest null.

    What changes by itself, such as the days since something, is computed here from what the view stores.
    """
    by = view.entity.by()
    plans = {name: plan for name, plan in view.plans(context.catalogue.tables).items() if name in names}
    joined = rows.join(inputs.parts(view), by, "left")
    value, allowed = "{}", ""
    if view.purpose:
        joined = joined.join(
            inputs.attributes().selectExpr(*by, f"{consented(view.purpose)} as _consented"), by, "left"
        )
        value, allowed = "if(coalesce(_consented, false), {}, null)", "coalesce(_consented, false) and "
    values = [
        f"{value.format(plan.value())} as `{profile_column(f'{view.name}.{name}')}`" for name, plan in plans.items()
    ]
    losses = {f"{view.name}.{name}": f"{allowed}({loss})" for name, plan in plans.items() if (loss := plan.lost())}
    earlier = (f"`{column}`" for column in columns)
    return joined.selectExpr(*earlier, *values, f"concat({LOST}, {names_where(losses)}) as {LOST}")


def consented(purpose: str, consents: str = "consents") -> str:
    """SQL of whether a customer has consented to a purpose, on any channel; `consents` names the column of consents."""
    return f"exists({consents}, consent -> startswith(consent, '{purpose}:'))"


def is_view_stored(context: Context, view: type[FeatureView]) -> bool:
    """Whether the table of a view is of the run's day, and as the view is declared now."""
    if context.forward_day(view.step()) != context.day:
        return False
    last = context.store.unchanged_runs.load(view.step(), "")
    return last is not None and last.get("declared") == context.step(view.step()).definition


def stored_parts(context: Context, view: type[FeatureView], days: Sequence[date]) -> DataFrame:
    """What a view stores as of some days: of the run's day from its table if it has them, else computed."""
    if context.day not in days or not is_view_stored(context, view):
        return view_parts.compute(context, view, *days)
    stored = context.lake.table(context.catalogue.tables[view.name]).selectExpr("*", f"date'{context.day}' as as_of")
    others = [day for day in days if day != context.day]
    return stored.unionByName(view_parts.compute(context, view, *others)) if others else stored


def scores(context: Context, entity: type[Entity], model: str, days: Sequence[date]) -> DataFrame:
    """Scores of a model: of the run's day those of the day; of another the newest before it, which still held."""
    rows = scores_of(context, entity, model)
    today = rows.where(f"as_of = date'{context.day}'")
    others = [day for day in days if day != context.day]
    if not others:
        return today
    newest = newest_scores(entity, rows.selectExpr("*", f"explode(array({dates(others)})) as asked_on"))
    return today.unionByName(newest) if context.day in days else newest


def scores_of(context: Context, entity: type[Entity], model: str) -> DataFrame:
    """All scores of a model, of every day."""
    return context.lake.table(context.catalogue.tables[f"scores_{entity.name}"]).where(f"model = {quoted(model)}")


def newest_scores(entity: type[Entity], scores_and_days: DataFrame) -> DataFrame:
    """The newest scores of an entity up to a day: `asked_on` of each row, which becomes `as_of`."""
    order = f"partition by `{entity.key}`, asked_on order by as_of desc"
    earlier = scores_and_days.where("as_of <= asked_on").selectExpr("*", f"row_number() over ({order}) as nth")
    return earlier.where("nth = 1").drop("nth", "as_of").withColumnRenamed("asked_on", "as_of")


def with_tags(
    rows: DataFrame, columns: Sequence[str], tags: Mapping[str, Tag], types: Mapping[str, str], by: Sequence[str]
) -> DataFrame:
    """Add tags to rows that have all that they are made of; `tags` are in an order in which each follows its inputs.

    `columns` are those of the rows besides LOST; `by` are the ones that a row is known by.
    """
    earlier = [f"`{column}`" for column in columns]
    for level in levels(tags):
        values = {name: f"{tags[name].sql(types)} as `{profile_column(name)}`" for name in level}
        losses = {name: loss for name in level if (loss := _loss(tags[name], types))}
        ranked = [name for name in level if tags[name].quantiles]
        if ranked:
            # Ranks sort all rows, so they are computed of the columns that they need alone.
            bands = rows.selectExpr(*by, *(values.pop(name) for name in ranked))
            rows = bands.join(rows, list(by))
            earlier += [f"`{profile_column(name)}`" for name in ranked]
        rows = rows.selectExpr(*earlier, *values.values(), f"concat({LOST}, {names_where(losses)}) as {LOST}")
        earlier += [f"`{profile_column(name)}`" for name in values]
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
    return f"filter(array({cases}), e -> e is not null)" if cases else NO_LOSS


def lost_note(names: str, number: int, entity: type[Entity]) -> str:
    """Say for how many entities a value is null although all its inputs are present."""
    whom = f"{number} {entity.plural(number)}"
    return f"{names} cannot be computed for {whom}: too large, a division by 0, or no number"
