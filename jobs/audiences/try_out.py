"""Tries a rule before it is saved as an audience: how many are in, who they are, and the values that it looked at."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from jobs.audiences import rules
from jobs.audiences.membership_intervals import members_on_day
from quanyu.config.settings import Settings
from quanyu.discover import Catalogue
from quanyu.engine.filtered import rows_where
from quanyu.errors import ConfigError, nearest
from quanyu.grammar.audience import Audience, full_name
from quanyu.grammar.declaration import NAME
from quanyu.grammar.entity import Entity
from quanyu.grammar.tags import profile_column
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

TRIAL = "trial"


@dataclass(frozen=True)
class RuleMembers:
    """Members of a rule on a day: how many there are among all entities, and rows of some with the values looked at."""

    audience: Audience
    entity: type[Entity]
    day: date
    entities: int
    members: int
    rows: pa.Table


def audience_of(catalogue: Catalogue, rule: str, entity: str) -> Audience:
    """The audience of a name, or one that is made of a rule. Raises ConfigError for an unknown name or a mistake."""
    if rule in catalogue.audiences:
        return catalogue.audiences[rule]
    if NAME.match(rule):
        raise ConfigError(f"there is no audience {rule!r}; {nearest(rule, catalogue.audiences)}")
    if entity not in catalogue.entities:
        raise ConfigError(f"unknown entity {entity!r}; {nearest(entity, catalogue.entities)}")
    audience = Audience(name=TRIAL, file="the rule", describes="A trial.", owner="you", entity=entity, goal="care",
                        who=rule, purpose="analytics")  # fmt: skip
    about = catalogue.entities[entity]
    audience.problems(about, rules.names_for_rules(catalogue, about), catalogue.tables, ()).check()
    return audience


def members_of(settings: Settings, rule: str, entity: str, day: date | None, limit: int) -> RuleMembers:
    """Evaluate an audience or a rule as of a day, by default that of the newest profiles; rows hold `limit` members.

    Raises ConfigError for a mistake in the rule, and before the first run.
    """
    with contextlib.closing(Context(settings, day or date.min)) as context:
        audience = audience_of(context.catalogue, rule, entity)
        about = context.catalogue.entities[audience.entity]
        context.day = day or context.forward_day(f"profile.{about.name}") or _never(about)
        rows = rules.profile(context, about, [], [audience])
        rows, condition = _with_condition(context, about, audience, rows)
        total, inside = rows.selectExpr("count(*)", f"count_if({condition})").collect()[0]
        names = {profile_column(name): name for name in rules.names_in_rules(context.catalogue, [audience])}
        names |= {full_name(audience, measure): measure for measure in audience.measures}
        shown = [f"`{column}` as `{name}`" for column, name in names.items()]
        members = rows_where(rows, condition).selectExpr(f"`{about.key}`", *shown).orderBy(about.key)
        table = (members.limit(limit) if limit else members).toArrow()
    return RuleMembers(audience, about, context.day, total, inside, table)


def _with_condition(
    context: Context, entity: type[Entity], audience: Audience, rows: DataFrame
) -> tuple[DataFrame, str]:
    """Profiles, and SQL of who is in: who fulfils the rule; of a lookalike, who was found when the day was run."""
    if audience.alike is None:
        return rows, rules.rule(context.catalogue, entity, audience)
    members = members_on_day(context, entity, audience.name).selectExpr(entity.key, "true as _found")
    return rows.join(members, entity.key, "left"), "coalesce(_found, false)"


def _never(entity: type[Entity]) -> date:
    raise ConfigError(f"profiles of {entity.plural(2)} were not computed yet: run a day first, quanyu run --day DAY")
