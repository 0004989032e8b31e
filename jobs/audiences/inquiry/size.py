"""The size of an audience before it is saved: in all, by each condition alone, and by what remains after each."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from jobs.audiences import rules
from jobs.audiences.inquiry.subject import audience_of, conditions, day_of_profiles, profiles_for
from quanyu.config.settings import Settings
from quanyu.grammar.audience import Audience
from quanyu.grammar.entity import Entity
from quanyu.grammar.tags import profile_column
from quanyu.point_in_time.profiles import consented
from quanyu.run.runner import Context


@dataclass(frozen=True)
class ConditionSize:
    """How many meet a condition alone, and how many meet it and all those before it."""

    text: str
    alone: int
    remaining: int


@dataclass(frozen=True)
class AudienceSize:
    """Members of an audience among all entities of a day; `consented` are those who agreed to its purpose, if any.

    Of a lookalike, `members` are those who may be found.
    """

    audience: Audience
    entity: type[Entity]
    day: date
    entities: int
    members: int
    consented: int | None
    conditions: tuple[ConditionSize, ...]


def size_of(settings: Settings, wanted: str, entity: str) -> AudienceSize:
    """Count an audience, a file or a rule over the newest profiles, in one pass.

    Raises ConfigError for a mistake in the rule, and before the first run.
    """
    with contextlib.closing(Context(settings, date.min)) as context:
        audience = audience_of(context.catalogue, wanted, entity)
        about = context.catalogue.entities[audience.entity]
        context.day = day_of_profiles(context, about)
        return counted(context, about, audience)


def sizes_of_all(settings: Settings) -> dict[str, tuple[str, int]]:
    """The entity and the members of every declared audience by the newest profiles; of a lookalike, the most it finds.

    Raises ConfigError before the first run.
    """
    sizes: dict[str, tuple[str, int]] = {}
    with contextlib.closing(Context(settings, date.min)) as context:
        for entity in context.catalogue.entities.values():
            audiences = rules.about(context.catalogue, entity)
            if audiences:
                context.day = day_of_profiles(context, entity)
                counts = members_of_all(context, entity, audiences)
                sizes |= {name: (entity.name, count) for name, count in counts.items()}
    return sizes


def members_of_all(context: Context, entity: type[Entity], audiences: Sequence[Audience]) -> dict[str, int]:
    """Number of members of each of some audiences about an entity on the context's day, in one pass over profiles."""
    counts = [
        f"count_if({rules.rule(context.catalogue, entity, one)}) as n{number}" for number, one in enumerate(audiences)
    ]
    row = profiles_for(context, entity, audiences).selectExpr(*counts).collect()[0]
    return {
        one.name: one.alike.number(count) if one.alike else count for one, count in zip(audiences, row, strict=True)
    }


def counted(context: Context, entity: type[Entity], audience: Audience) -> AudienceSize:
    """The same for the context's day."""
    parts = conditions(context.catalogue, entity, audience)
    whole = rules.rule(context.catalogue, entity, audience)
    consents = f"{entity.name}.consents"
    asks = entity.resolved and audience.purpose != "analytics"
    rows = profiles_for(context, entity, [audience], [consents] if asks else [])
    alone = [f"count_if({part.sql})" for part in parts]
    joined = [" and ".join(f"({part.sql})" for part in parts[: n + 1]) for n in range(len(parts))]
    agreed = f"count_if(({whole}) and {consented(audience.purpose, profile_column(consents))})" if asks else "null"
    sums = ["count(*)", f"count_if({whole})", agreed, *alone, *(f"count_if({sql})" for sql in joined)]
    total, members, agreed_to, *counts = rows.selectExpr(
        *(f"{sql} as n{n}" for n, sql in enumerate(sums))
    ).collect()[0]  # fmt: skip
    by_condition = zip(parts, counts[: len(parts)], counts[len(parts) :], strict=True)
    sizes = tuple(ConditionSize(part.text, one, rest) for part, one, rest in by_condition)
    return AudienceSize(audience, entity, context.day, total, members, agreed_to, sizes)
