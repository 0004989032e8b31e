"""Why one is in an audience or not: each condition with the values it read, the stay, the holdout, and consent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from jobs.audiences.inquiry.subject import RulePart, columns, conditions, day_of_profiles, profiles_for
from jobs.audiences.rules import names_in_rules
from jobs.consent import gate
from jobs.consent.answers import questions
from jobs.consent.facts import held_out
from jobs.entities.one_entity import OneEntity, entity_named
from quanyu.config.settings import Settings
from quanyu.discover import Catalogue
from quanyu.engine.filtered import rows_where
from quanyu.errors import ConfigError, nearest
from quanyu.grammar.audience import Audience, expanded
from quanyu.grammar.tags import profile_column
from quanyu.literals import quoted
from quanyu.run.runner import Context

Refusal = tuple[str, str | None, str | None]


@dataclass(frozen=True)
class ConditionOfOne:
    """A condition, whether it holds for one entity, and the values that it read, by name."""

    text: str
    holds: bool
    values: dict[str, Any]


@dataclass(frozen=True)
class Explanation:
    """Why one entity is in an audience by the newest profiles, or not.

    `memberships` are those that are recorded, the newest first: audience, entered_on, left_on, holdout. `refusals` are
    what the consent gate answers for the audience's purpose: channel, kind of address, and why not, None for a yes.
    """

    audience: Audience
    key: str
    day: date
    inside: bool
    conditions: tuple[ConditionOfOne, ...]
    memberships: tuple[dict[str, Any], ...]
    refusals: tuple[Refusal, ...]


def why(settings: Settings, name: str, who: str) -> Explanation:
    """Explain an audience for one, named as `quanyu customer` takes it.

    Raises ConfigError for an unknown audience, where several or none match, and before the first run.
    """
    catalogue = Context(settings, date.min).catalogue
    if name not in catalogue.audiences:
        raise ConfigError(f"there is no audience {name!r}; {nearest(name, catalogue.audiences)}")
    audience = catalogue.audiences[name]
    one = entity_named(settings, audience.entity, who)
    context, entity = one.context, one.entity
    try:
        context.day = day_of_profiles(context, entity)
        parts = _conditions(context, one, audience)
        stays = [row for row in one.audiences() if row["audience"] == name]
        stays.sort(key=lambda row: row["entered_on"], reverse=True)
        inside = any(row["left_on"] is None for row in stays) if audience.alike else all(part.holds for part in parts)
        refusals = tuple(_refusals(context, audience, one.key)) if entity.resolved else ()
        return Explanation(audience, one.key, context.day, inside, parts, tuple(stays), refusals)
    finally:
        context.close()


def _conditions(context: Context, one: OneEntity, audience: Audience) -> tuple[ConditionOfOne, ...]:
    parts = conditions(context.catalogue, one.entity, audience)
    names = columns(context.catalogue, audience)
    profiles = profiles_for(context, one.entity, [audience], names_in_rules(context.catalogue, [audience]))
    rows = rows_where(profiles, f"`{one.entity.key}` = {quoted(one.key)}")
    truths = (f"{part.sql} as holds_{n}" for n, part in enumerate(parts))
    values = rows.selectExpr(*(f"`{column}`" for column in names), *truths).collect()
    if not values:
        raise ConfigError(f"it is no {one.entity.name} of {context.day}, the day of the newest profiles")
    row = values[0].asDict()
    return tuple(
        ConditionOfOne(part.text, row[f"holds_{n}"], {
            names[column]: row[column] for column in _read(context.catalogue, audience, part) if column in row
        })
        for n, part in enumerate(parts)
    )  # fmt: skip


def _read(catalogue: Catalogue, audience: Audience, part: RulePart) -> Iterator[str]:
    """Columns of profiles that a condition reads, each once."""
    from sqlglot import exp

    tree = expanded(audience.model_copy(update={"who": part.text}), catalogue.audiences)
    names = (f"{node.table}.{node.name}" if node.table else node.name for node in tree.find_all(exp.Column))
    yield from dict.fromkeys(profile_column(name) for name in names)


def _refusals(context: Context, audience: Audience, customer: str) -> Iterator[Refusal]:
    one = context.lake.spark.createDataFrame([(customer,)], "customer_id string")
    for question in questions():
        if question.purpose == audience.purpose:
            rows = gate.check_consent(context, question, one, held_out(context, audience.name)).orderBy("kind")
            answers = rows.select("kind", "reason").collect()
            yield from dict.fromkeys((question.channel, row["kind"], row["reason"]) for row in answers)
