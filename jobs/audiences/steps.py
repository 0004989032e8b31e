"""A step per entity: evaluates all audiences about it in one pass, then records who entered and who left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from jobs.audiences import alike, profile, rules, static_lists
from jobs.audiences.facts import AudienceFacts
from jobs.audiences.membership_intervals import (
    MOVES,
    ever_held_out,
    extend_intervals,
    held_out,
    id_changes,
    intervals_as_of,
)
from quanyu.discover import Catalogue
from quanyu.expressions import qualifiers
from quanyu.grammar.audience import Audience
from quanyu.grammar.declaration import digest
from quanyu.grammar.entity import Entity
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.lake.union import union_all
from quanyu.model.outcomes import memberships_of
from quanyu.point_in_time import as_of
from quanyu.point_in_time.profiles import lost_note
from quanyu.run import audience_days
from quanyu.run.runner import Context, Outcome, Step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Audiences with the same last day: that day, the days to compute now, and their names.
Group = tuple[date | None, tuple[date, ...], list[str]]


def steps(catalogue: Catalogue) -> list[Step]:
    """List the steps that write profiles, and those of memberships: one per entity that has audiences."""
    entities = (entity for entity in catalogue.entities.values() if rules.about(catalogue, entity))
    return [*profile.steps(catalogue), *(_memberships(catalogue, entity) for entity in entities)]


def step_of(entity: type[Entity]) -> str:
    """Name of the step that writes the memberships of an entity."""
    return f"memberships.{entity.name}"


def _memberships(catalogue: Catalogue, entity: type[Entity]) -> Step:
    audiences = rules.about(catalogue, entity)
    owners = rules.producers_of_inputs(catalogue, entity, audiences)
    reads = {profile.place(catalogue, entity, owner) for owner in owners} | {*_measured(catalogue, audiences)}
    reads |= {place_of(entity.table), *([as_of.IDENTITIES] if entity.resolved else [])}
    lists = [static_lists.content_digest(catalogue.settings.conf, audience) for audience in audiences]
    reads |= {place_of(catalogue.tables["identifiers"])} if any(lists) and entity.resolved else set()
    # Read if its step has run for the day; an audience that needs less than all views does not wait for it.
    reads |= {f"gold/profile_{entity.name}"} & {place_of(table) for table in catalogue.tables.values()}
    declares = {f"audience {audience.name}": audience.digest() for audience in audiences}
    return Step(
        step_of(entity), "audiences", tuple(sorted(reads)), (place_of(memberships_of(entity)),),
        digest([[*declares.values()], *([lists] if any(lists) else []), catalogue.tag_digests(entity),
                catalogue.tables[entity.table.name].definition()]),
        partial(update_memberships, entity=entity),
        f"Which {entity.plural(2)} are in each audience, since when, and which left.",
        as_of=True, forward=True, inputs=partial(lacking, entity=entity), declares=declares,
    )  # fmt: skip


def _measured(catalogue: Catalogue, audiences: Iterable[Audience]) -> Iterable[str]:
    """Places of the facts that measures aggregate, and of what their expressions refer to."""
    for measure in (measure for audience in audiences for measure in audience.measures.values()):
        yield from as_of.sources_of(catalogue.tables[measure.over])
        yield from (place_of(catalogue.tables[name]) for name in qualifiers([measure.value, measure.where or "true"]))


def lacking(context: Context, entity: type[Entity]) -> dict[str, str]:
    """What each audience about an entity lacks before it can be updated to the day, for those that lack anything.

    A missing row does not mean "not a member".
    """
    audiences = [each for each in rules.about(context.catalogue, entity) if not _ended(each, context.day)]
    return {audience.name: words for audience in audiences if (words := _lacks(context, entity, audience))}


def _lacks(context: Context, entity: type[Entity], audience: Audience) -> str:
    owners = rules.producers_of_inputs(context.catalogue, entity, [audience])
    models = [owner for owner in owners if owner in context.catalogue.models]
    steps_behind = audience_days.steps_not_current(context, _needed(context.catalogue, entity, audience))
    lacks = steps_behind or audience_days.models_without_scores(context, models)
    for name in audience.alike.seeds if audience.alike and not lacks else ():
        lacks = lacks or _lacks(context, entity, context.catalogue.audiences[name])
    return lacks


def _needed(catalogue: Catalogue, entity: type[Entity], audience: Audience) -> Iterable[str]:
    """Steps that must have run for the day before the rule of an audience can be evaluated."""
    owners = rules.producers_of_inputs(catalogue, entity, [audience])
    named = rules.with_named(catalogue, [audience])
    tables = [catalogue.tables[measure.over] for one in named for measure in one.measures.values()]
    needed = ["identities", as_of.job_of(entity.table).name] if entity.resolved else []
    needed += [as_of.job_of(table).name for table in tables if table.layer == "gold"]
    needed += ["scores" if name in catalogue.models else f"features.{name}" for name in owners if name != entity.name]
    return dict.fromkeys(needed)


def _ended(audience: Audience, day: date) -> bool:
    return audience.ended is not None and audience.ended <= day


def update_memberships(context: Context, receipt: Receipt, entity: type[Entity]) -> Outcome:
    """Update the memberships of an entity to the day, with skipped days computed one by one before it.

    An audience that lacks something, or whose file was deleted, stays unchanged. One that is about another entity now
    has no members of this one any more.
    """
    table, lake, day = memberships_of(entity), context.lake, context.day
    declared, lacks = rules.about(context.catalogue, entity), lacking(context, entity)
    audiences = [audience for audience in declared if audience.name not in lacks]
    groups, left_out = grouped(context, entity, audiences)
    before = lake.table(table)
    undeclared = _undeclared(before, {audience.name for audience in declared})
    moved = [name for name in undeclared if name in context.catalogue.audiences]
    considered, sizes = _evaluated(context, entity, audiences, groups)
    expanded = alike.expansions(context, entity, _going(context, audiences), considered, before)
    unsure = {each.audience: each.words for each in expanded if each.words}
    lacks |= unsure
    audiences = [audience for audience in audiences if audience.name not in unsure]
    groups = [(last, days, [name for name in names if name not in unsure]) for last, days, names in groups]
    now = alike.with_expanded(context, entity, considered, expanded)
    closing: list[Group] = [*groups, *([(None, (day,), moved)] if moved else [])]
    written = lake.sync(table, _together(context, entity, before, now, closing), receipt)
    for name, words in lacks.items():
        audience_days.record_evaluation(context, name, _last(context, entity, name), words)
    for audience in audiences:
        audience_days.record_evaluation(context, audience.name, day)
    alike.record_fits(context, expanded)
    sizes = {**sizes, **{each.audience: each.members.num_rows for each in expanded}}
    member_counts = {audience.name: sizes.get(audience.name, 0) for audience in audiences}
    days = max((len(days) for _, days, _ in groups), default=1) - 1
    notes = [f"{days} skipped days computed first"] if days else []
    notes += [each.fit.sentence(each.audience) for each in expanded if each.fit and each.fit.seed]
    notes += [lost_note(name, sizes[key], entity) for key in sizes if (name := _lost(key))]
    notes += [f"{left_out} earlier days were not computed (catch_up_days)"] if left_out else []
    notes += [note for audience in audiences for note in static_lists.notes(context, entity, audience)]
    notes += [*_held_notes(lacks), *_undeclared_notes(context.catalogue, entity, undeclared)]
    return Outcome(
        sum(member_counts.values()), written.changed, unchanged=written.unchanged, notes=tuple(notes),
        facts=AudienceFacts(member_counts, lacks, entity.name, *alike.facts(expanded)),
    )  # fmt: skip


def _held_notes(lacks: Mapping[str, str]) -> Iterable[str]:
    by_words = defaultdict(list)
    for name, words in lacks.items():
        by_words[words].append(name)
    for words, names in by_words.items():
        yield f"not updated to the day, nobody enters or leaves: {', '.join(names)}: {words}"


def _undeclared(before: DataFrame, declared: Collection[str]) -> dict[str, int]:
    """Number of members of each audience with any that is not declared about the entity."""
    standing = before.where("left_on is null").groupBy("audience").count().collect()
    return dict(sorted((row[0], row[1]) for row in standing if row[0] not in declared))


def _undeclared_notes(catalogue: Catalogue, entity: type[Entity], undeclared: Mapping[str, int]) -> Iterable[str]:
    for name, count in undeclared.items():
        members = f"{count} {entity.plural(count)}"
        if audience := catalogue.audiences.get(name):
            yield f"{name} is about {catalogue.entities[audience.entity].plural(2)} now: {members} left it"
            continue
        fix = f"restore audiences/{name}.yml; to end the audience, add a line `ended: DAY`"
        yield f"{name} has no file any more and stays unchanged, with {members}: {fix}"


def _going(context: Context, audiences: Iterable[Audience]) -> list[Audience]:
    return [audience for audience in audiences if not _ended(audience, context.day)]


def _evaluated(
    context: Context, entity: type[Entity], audiences: Sequence[Audience], groups: Sequence[Group]
) -> tuple[DataFrame, Mapping[Any, int]]:
    """Members on all days of all groups, and the rows of the day by audience or by value that cannot be computed."""
    skipped = sorted({on for _, days, _ in groups for on in days} - {context.day})
    going = _going(context, audiences)
    if not going:
        inside = f"audience string, `{entity.key}` string, as_of date, holdout boolean"
        return context.lake.spark.createDataFrame([], inside), {}
    considered, sizes = context.lake.staging.stage_and_count(
        rules.evaluate_rules(context, entity, skipped, going).selectExpr("*", _sized(context.day)), by="_sized"
    )
    return considered.rows.where("lost is null").drop("lost", "_sized"), sizes


def _together(
    context: Context, entity: type[Entity], before: DataFrame, now: DataFrame, groups: Sequence[Group]
) -> DataFrame:
    """Intervals of all audiences after their days. Audiences outside the groups stay unchanged."""
    lake = context.lake
    identities = lake.table(context.catalogue.tables["identities"]) if entity.resolved else None
    holdouts = lake.staging.stage(ever_held_out(entity, before, identities)).rows
    names = [name for _, _, of_group in groups for name in of_group]
    parts = [before.where(f"not ({_among(names)})")]
    for last, days, of_group in groups:
        earlier = intervals_as_of(before.where(_among(of_group)), min(last or days[0], days[0] - timedelta(days=1)))
        # A finished interval keeps the holdout with which it was measured.
        earlier = earlier.where("left_on is not null").unionByName(held_out(earlier.where("left_on is null"), holdouts))
        inside = held_out(now.where(_among(of_group)).where(f"as_of >= date'{days[0]}'"), holdouts)
        moved = lake.spark.createDataFrame(id_changes(context, last) if entity.resolved else [], MOVES)
        parts.append(extend_intervals(entity, earlier, inside, days, moved))
    return union_all(parts)


def _among(names: Iterable[str]) -> str:
    listed = ", ".join(f"'{name}'" for name in names)
    return f"audience in ({listed})" if listed else "false"


def _sized(day: date) -> str:
    """SQL of the label under which a row of the day is counted: an audience, or `lost NAME` for a lost value."""
    return f"if(as_of = date'{day}', coalesce(audience, concat('lost ', lost)), null) as _sized"


def _lost(sized: str | None) -> str:
    return sized.removeprefix("lost ").replace("__", ".") if sized and sized.startswith("lost ") else ""


def grouped(context: Context, entity: type[Entity], audiences: Iterable[Audience]) -> tuple[list[Group], int]:
    """Group audiences that compute the same days. Returns the groups and how many days are too old to be computed.

    The days are those after the last computed one, at most `catch_up_days` before the day of the run. An ended audience
    has one day, on which all members leave.
    """
    by_days: dict[tuple[date | None, tuple[date, ...]], list[str]] = defaultdict(list)
    left_out = 0
    for audience in audiences:
        last = _last(context, entity, audience.name)
        skipped, missed = _skipped_days(context, last)
        if audience.ended and _ended(audience, context.day):
            days: tuple[date, ...] = (max(audience.ended, skipped[0] if skipped else context.day),)
        else:
            days, left_out = (*skipped, context.day), max(left_out, missed)
        if audience.alike:
            # Who was most alike on a day is not found out later: members of the last day stay until this one.
            days = days[-1:]
        by_days[last, days].append(audience.name)
    return [(last, days, names) for (last, days), names in by_days.items()], left_out


def _skipped_days(context: Context, last: date | None) -> tuple[list[date], int]:
    if last is None:
        return [], 0
    between = (context.day - last).days - 1
    count = max(min(between, context.settings.catch_up_days), 0)
    return [context.day - timedelta(days=n) for n in range(count, 0, -1)], max(between - count, 0)


def _last(context: Context, entity: type[Entity], audience: str) -> date | None:
    """Last day to which an audience was updated; None before the first."""
    return audience_days.last_evaluated_day(context, audience) or _last_taken(context, entity)


def _last_taken(context: Context, entity: type[Entity]) -> date | None:
    """Last day to which memberships were updated, for an audience without a record of its own."""
    last = context.store.unchanged_runs.load(step_of(entity), "")
    receipt = context.lake.receipt(place_of(memberships_of(entity)))
    days = [last["day"]] if last else []
    days += [receipt["day"]] if receipt else []
    return date.fromisoformat(max(days)) if days else None
