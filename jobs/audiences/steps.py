"""A step per entity: evaluates all audiences about it in one pass, then records who entered and who left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from jobs.audiences import alike, profile, rules, static_lists
from jobs.audiences.facts import AudienceFacts
from jobs.audiences.memberships import day_records
from jobs.audiences.memberships.changes import ChangedIntervals, changed_intervals
from jobs.audiences.memberships.due import DueDays, due_days, is_over, last_day, step_of
from jobs.audiences.memberships.evaluation import evaluated
from jobs.audiences.memberships.intervals import among, members_on
from quanyu.discover import Catalogue
from quanyu.grammar.audience import Audience
from quanyu.grammar.declaration import digest
from quanyu.grammar.entity import Entity
from quanyu.lake import WriteCounts, place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.outcomes import memberships_of
from quanyu.point_in_time import as_of
from quanyu.point_in_time.profiles import lost_note
from quanyu.run import audience_days
from quanyu.run.runner import Context, Outcome, Step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def steps(catalogue: Catalogue) -> list[Step]:
    """List the steps that write profiles, those of memberships, one per entity that has audiences, and their record."""
    entities = [entity for entity in catalogue.entities.values() if rules.about(catalogue, entity)]
    memberships = [_memberships(catalogue, entity) for entity in entities]
    return [*profile.steps(catalogue), *memberships, *([day_records.step(catalogue)] if memberships else [])]


def _memberships(catalogue: Catalogue, entity: type[Entity]) -> Step:
    audiences = rules.about(catalogue, entity)
    owners = rules.producers_of_inputs(catalogue, entity, audiences)
    reads = {profile.place(catalogue, entity, owner) for owner in owners} | {
        *day_records.measured(catalogue, audiences)
    }
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


def lacking(context: Context, entity: type[Entity]) -> dict[str, str]:
    """What each audience about an entity lacks before it can be updated to the day, for those that lack anything.

    A missing row does not mean "not a member".
    """
    audiences = [each for each in rules.about(context.catalogue, entity) if not is_over(each, context.day)]
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


def update_memberships(context: Context, receipt: Receipt, entity: type[Entity]) -> Outcome:
    """Update the memberships of an entity to the day, with skipped days computed one by one before it.

    An audience that lacks something, whose rule cannot be evaluated, or whose file was deleted, stays unchanged. One
    that is about another entity now has no members of this one any more.
    """
    table, lake, day = memberships_of(entity), context.lake, context.day
    declared, lacks = rules.about(context.catalogue, entity), lacking(context, entity)
    groups, left_out = due_days(context, entity, [audience for audience in declared if audience.name not in lacks])
    before = lake.table(table)
    undeclared = _undeclared(before, {audience.name for audience in declared})
    moved = tuple(name for name in undeclared if name in context.catalogue.audiences)
    going = [context.catalogue.audiences[name] for group in groups for name in group.names if not group.unchanged]
    going = [audience for audience in going if not is_over(audience, day)]
    skipped = sorted({on for group in groups for on in group.days} - {day})
    evaluation = evaluated(context, entity, skipped, _with_seeds(context, going))
    failed = _failed(going, evaluation.failures)
    sound = [audience for audience in going if audience.name not in failed]
    expanded = alike.expansions(context, entity, sound, evaluation.rows, before)
    lacks |= {**failed, **{each.audience: each.words for each in expanded if each.words}}
    groups = [replace(group, names=tuple(n for n in group.names if n not in lacks)) for group in groups]
    now = alike.with_expanded(context, entity, evaluation.rows, expanded)
    closing = [*groups, *([DueDays(None, (day,), moved)] if moved else [])]
    written = _write(context, receipt, entity, changed_intervals(context, entity, before, now, closing))
    for name, words in lacks.items():
        audience_days.record_evaluation(context, name, last_day(context, entity, name), words)
    for group in groups:
        for name in group.names:
            audience_days.record_evaluation(context, name, day, "", group.unchanged, group.days[-1])
    alike.record_fits(context, expanded)
    updated = {name for group in groups for name in group.names}
    sizes = {**dict.fromkeys(updated, 0), **_counted(lake.table(table), day, updated)}
    return Outcome(
        sum(sizes.values()), written.changed, unchanged=written.unchanged,
        notes=(*_day_notes(groups, left_out), *_fit_notes(expanded),
               *(lost_note(name, count, entity) for name, count in evaluation.losses.items()),
               *(note for audience in sound for note in static_lists.notes(context, entity, audience)),
               *_held_notes(lacks), *_undeclared_notes(context.catalogue, entity, undeclared)),
        facts=AudienceFacts(sizes, lacks, entity.name, *alike.facts(expanded)),
    )  # fmt: skip


def _write(context: Context, receipt: Receipt, entity: type[Entity], changed: ChangedIntervals) -> WriteCounts:
    """Write the rows of members who may have changed. `unchanged` counts those of all others too."""
    table = memberships_of(entity)
    written = context.lake.sync(table, changed.rows, receipt, among=changed.members)
    rows = context.lake.count_rows(place_of(table))
    return replace(written, unchanged=rows - written.inserted - written.updated)


def _with_seeds(context: Context, going: Sequence[Audience]) -> list[Audience]:
    """The audiences, and seeds of lookalikes among them that their own schedule leaves as they are."""
    seeds = [context.catalogue.audiences[name] for each in going if each.alike for name in each.alike.seeds]
    by_name = {each.name: each for each in (*going, *seeds) if not is_over(each, context.day)}
    return list(by_name.values())


def _failed(going: Iterable[Audience], failures: Mapping[str, str]) -> dict[str, str]:
    """Why audiences could not be evaluated; without one of its seeds a lookalike would be another one.

    A seed that is not among them was evaluated for its lookalike only, and is current.
    """
    seeds = {
        one.name: f"its seed {seed} could not be evaluated: {failures[seed]}"
        for one in going if one.alike for seed in one.alike.seeds if seed in failures
    }  # fmt: skip
    return seeds | {one.name: failures[one.name] for one in going if one.name in failures}


def _counted(memberships: DataFrame, day: date, audiences: Collection[str]) -> dict[str, int]:
    """Number of members of each of some audiences on a day."""
    inside = members_on(memberships, day).where(among(audiences)).groupBy("audience").count().collect()
    return {row[0]: row[1] for row in inside}


def _day_notes(groups: Iterable[DueDays], left_out: int) -> Iterable[str]:
    days = max((len(group.days) for group in groups), default=1) - 1
    if days:
        yield f"{days} skipped days computed first"
    if left_out:
        yield f"{left_out} earlier days were not computed (catch_up_days)"


def _fit_notes(expanded: Iterable[alike.Expansion]) -> Iterable[str]:
    return (each.fit.sentence(each.audience) for each in expanded if each.fit and each.fit.seed)


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
