"""Tries a rule before it is saved as an audience: how many are in, who they are, and the values that it looked at."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from jobs.audiences import rules
from jobs.audiences.inquiry.subject import audience_of, columns, day_of_profiles
from jobs.audiences.memberships.intervals import members_on_day
from quanyu.config.settings import Settings
from quanyu.engine.filtered import rows_where
from quanyu.grammar.audience import Audience
from quanyu.grammar.entity import Entity
from quanyu.point_in_time.last_run import check_run
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class RuleMembers:
    """Members of a rule on a day: how many there are among all entities, and rows of some with the values looked at."""

    audience: Audience
    entity: type[Entity]
    day: date
    entities: int
    members: int
    rows: pa.Table


def members_of(settings: Settings, wanted: str, entity: str, day: date | None, limit: int) -> RuleMembers:
    """Evaluate an audience, a file or a rule as of a day, by default that of the newest profiles.

    The rows hold `limit` members, all of them for 0. Raises ConfigError for a mistake in the rule, before the first
    run, and for a day after the last one.
    """
    with contextlib.closing(Context(settings, day or date.min)) as context:
        audience = audience_of(context.catalogue, wanted, entity)
        about = context.catalogue.entities[audience.entity]
        check_run(context, day)
        context.day = day or day_of_profiles(context, about)
        rows = rules.profile(context, about, [], [audience])
        rows, condition = _with_condition(context, about, audience, rows)
        total, inside = rows.selectExpr("count(*)", f"count_if({condition})").collect()[0]
        shown = [f"`{column}` as `{name}`" for column, name in columns(context.catalogue, audience).items()]
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
