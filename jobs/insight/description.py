"""Describes the audiences about an entity: rows of each table of insight, and warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from jobs.audiences.rules import about, names_in_rules
from jobs.catalogue.moving import moving_names
from jobs.insight import overlaps, profile_index, references
from jobs.insight.audience_warnings import AudienceWarning, warnings
from jobs.insight.bands import stored_bands
from jobs.insight.earlier_days import EarlierDays, earlier_days, rules_of_members, warned_from
from jobs.insight.memberships import Movements, members_on, movements
from quanyu.discover import Catalogue
from quanyu.grammar.audience import Audience
from quanyu.grammar.entity import Entity
from quanyu.grammar.names import with_inputs
from quanyu.grammar.table import Table
from quanyu.grammar.tags import profile_column
from quanyu.grammar.task import REASONS
from quanyu.lake import place_of
from quanyu.model.entities import Customer
from quanyu.model.insight import (
    AudienceBands,
    AudienceNumbers,
    AudienceOverlaps,
    AudienceProfile,
    AudienceReach,
    AudienceTrends,
)
from quanyu.model.outcomes import memberships_of
from quanyu.model.people import ConsentAnswers
from quanyu.run import audience_days
from quanyu.run.runner import Context

TABLES = (AudienceTrends, AudienceBands, AudienceProfile, AudienceNumbers, AudienceOverlaps, AudienceReach)
NOBODY = Movements()
Rows = list[dict[str, Any]]
Drifts = Mapping[str, tuple[float, references.Drift]]


@dataclass
class Description:
    """Rows of each table about some entities, and warnings about their audiences."""

    rows: dict[type[Table], Rows] = field(default_factory=lambda: {table: [] for table in TABLES})
    warnings: list[AudienceWarning] = field(default_factory=list)
    drifted: dict[str, float] = field(default_factory=dict)


def describe(context: Context, entity: type[Entity], result: Description) -> None:
    """Add the rows and warnings of the audiences about an entity."""
    catalogue, lake, day, rows = context.catalogue, context.lake, context.day, result.rows
    audiences = about(catalogue, entity)
    profile = lake.arrow(f"gold/profile_{entity.name}")
    keys = profile.to_table(columns=[entity.key])[entity.key].combine_chunks()
    intervals = lake.arrow(place_of(memberships_of(entity)))
    members = members_on(intervals, entity.key, keys, tuple(audience.name for audience in audiences), day)
    columns = _columns(catalogue, entity, profile.schema.names)
    bands = stored_bands(_stored(context, AudienceBands, entity), {name: kind for name, (_, kind) in columns.items()})
    counted = profile_index.profiled(profile, columns, bands, members, day)
    since = references.references(_stored(context, AudienceProfile, entity))
    earlier = earlier_days(_stored(context, AudienceTrends, entity), day)
    rules = rules_of_members(context, audiences, earlier)
    edited = {name for name, rule in rules.items() if earlier[name].rule not in ("", rule)}
    since = references.continued(counted, members.names, since, day, edited)
    follows = [_following(catalogue, entity, audience, columns) for audience in audiences]
    rows[AudienceBands] += profile_index.band_rows(entity.name, counted, day)
    rows[AudienceProfile] += profile_index.profile_rows(entity.name, counted, members, follows, since, day)
    rows[AudienceNumbers] += [{"entity": entity.name, **row, "day": day} for row in counted.numbers]
    rows[AudienceOverlaps] += overlaps.overlap_rows(entity.name, members, len(keys), day)
    if entity is Customer and lake.exists(place_of(ConsentAnswers)):
        rows[AudienceReach] += overlaps.reach_rows(lake.arrow(place_of(ConsentAnswers)), keys, members, len(keys), day)
    drifts = references.drifts(counted, members.names, since, moving_names(catalogue, entity))
    _add_days(context, entity, audiences, earlier, drifts, rules, intervals, result)


def _columns(catalogue: Catalogue, entity: type[Entity], stored: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Column of the profile and type of each name; without what only explains a score."""
    names = {name: column for name, column in catalogue.names(entity).items() if profile_column(name) in stored}
    models = {spec.name for spec in catalogue.models_of(entity)}
    explaining = {f"{model}.{column}" for model in models for column in REASONS}
    return {n: (profile_column(n), column.type) for n, column in names.items() if n not in explaining}


def _following(
    catalogue: Catalogue, entity: type[Entity], audience: Audience, names: Mapping[str, Any]
) -> set[str]:  # fmt: skip
    """Names that follow from a rule: it names them, or they share with it what they are made of."""
    tags = catalogue.tags_of(entity)
    of_rule = {*with_inputs(names_in_rules(catalogue, [audience]), tags)}
    return {name for name in names if of_rule & {*with_inputs([name], tags)}}


def _stored(context: Context, table: type[Table], entity: type[Entity]) -> Rows:
    """Rows of an earlier day about an entity."""
    from pyarrow import compute as pc

    place = place_of(table)
    if not context.lake.exists(place):
        return []
    return list(context.lake.rows(place, where=pc.field("entity") == entity.name).to_pylist())


def _add_days(
    context: Context, entity: type[Entity], audiences: Sequence[Audience], earlier: Mapping[str, EarlierDays],
    drifts: Drifts, rules: Mapping[str, str], intervals: Any, result: Description,
) -> None:  # fmt: skip
    """Add a row for each day since the last one that is recorded, and the warnings of this day."""
    moved, day, settings = movements(intervals), context.day, context.settings.insight
    entities = context.lake.count_rows(f"gold/profile_{entity.name}")
    for audience in audiences:
        before = earlier[audience.name]
        of_audience = moved.get(audience.name, NOBODY)
        begins = max(before.sizes) + timedelta(days=1) if before.sizes else min(of_audience.first() or day, day)
        rows = of_audience.day_rows(entity.name, audience.name, begins, day)
        largest, drifted = drifts[audience.name]
        rows[-1] |= {"entities": entities, "drift": largest, "drifted": list(drifted),
                     "rule_digest": rules[audience.name], "warned_from": warned_from(before, day)}  # fmt: skip
        result.rows[AudienceTrends] += rows
        sizes = [*before.sizes.values(), *(row["size"] for row in rows[:-1])]
        result.drifted |= {audience.name: largest} if drifted and day >= rows[-1]["warned_from"] else {}
        last = audience_days.last_evaluated_day(context, audience.name)
        result.warnings += warnings(audience, rows[-1], sizes[-1] if sizes else None, last, settings)
