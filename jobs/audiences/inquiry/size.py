"""The size of an audience before it is saved: in all, by each condition alone, and by what remains after each."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlglot import exp

from jobs.audiences import rules
from jobs.audiences.inquiry.subject import audience_of, day_of_profiles, profiles_for, texts_of_conditions
from jobs.audiences.shared_conditions import NUMBER, SharedConditions, number_where
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
    conditions = SharedConditions(context.catalogue, entity)
    members = [conditions.rule(one) for one in audiences]
    rows = conditions.combinations(profiles_for(context, entity, audiences, conditions.names))
    counts = [number_where(tree, rows) for tree in members]
    return {
        one.name: one.alike.number(count) if one.alike else count for one, count in zip(audiences, counts, strict=True)
    }


def counted(context: Context, entity: type[Entity], audience: Audience) -> AudienceSize:
    """The same for the context's day."""
    from pyarrow import compute as pc

    conditions = SharedConditions(context.catalogue, entity)
    texts = texts_of_conditions(audience)
    parts = [conditions.rule(audience.model_copy(update={"who": text})) for text in texts]
    joined = [parts[0]]
    for part in parts[1:]:
        joined.append(exp.And(this=joined[-1].copy(), expression=part.copy()))
    consents, agreed = f"{entity.name}.consents", None
    if entity.resolved and audience.purpose != "analytics":
        agrees = f"coalesce({consented(audience.purpose, profile_column(consents))}, false)"
        agreed = exp.And(this=joined[-1].copy(), expression=conditions.column(agrees))
    names = [*conditions.names, *([consents] if agreed else [])]
    rows = conditions.combinations(profiles_for(context, entity, [audience], names))
    counts = ([number_where(tree, rows) for tree in trees] for trees in (parts, joined))
    sizes = tuple(ConditionSize(*each) for each in zip(texts, *counts, strict=True))
    total = pc.sum(rows[NUMBER]).as_py() or 0
    agreed_to = number_where(agreed, rows) if agreed else None
    return AudienceSize(audience, entity, context.day, total, sizes[-1].remaining, agreed_to, sizes)
