"""The step of memberships: evaluates all audiences in one pass, then records who entered and who left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from jobs.audiences import profile, rules
from jobs.audiences.facts import AudienceFacts
from jobs.audiences.membership_intervals import MOVES, ever_held_out, extend_intervals, held_out, intervals_as_of
from quanyu import as_of
from quanyu.discover import Catalogue
from quanyu.grammar.audience import Audience
from quanyu.grammar.declaration import digest
from quanyu.lake.receipt import Receipt
from quanyu.lake.union import union_all
from quanyu.model.entities import Customer
from quanyu.profiles import lost_note
from quanyu.run import audience_days
from quanyu.run.runner import Context, Outcome, Step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Audiences with the same last day: that day, the days to compute now, and their names.
Group = tuple[date | None, tuple[date, ...], list[str]]

INSIDE = "audience string, customer_id string, as_of date, holdout boolean"


def steps(catalogue: Catalogue) -> list[Step]:
    """List the steps that write profiles, and the one that updates memberships, if there are audiences."""
    return [*profile.steps(catalogue), *_memberships(catalogue)]


def _memberships(catalogue: Catalogue) -> list[Step]:
    if not catalogue.audiences:
        return []
    tables = catalogue.tables
    measured = {m.over for a in catalogue.audiences.values() for m in a.measures.values()}
    facts = {place for name in measured for place in as_of.sources_of(tables[name])}
    owners = rules.producers_of_inputs(catalogue, catalogue.audiences.values())
    reads = {profile.place(catalogue, Customer, owner) for owner in owners}
    reads |= facts | {as_of.IDENTITIES, "gold/customers"}
    declares = {f"audience {name}": audience.digest() for name, audience in catalogue.audiences.items()}
    definition = digest([[*declares.values()], catalogue.tag_digests(Customer)])
    return [
        Step(
            "memberships", "audiences", tuple(sorted(reads)), ("gold/memberships",), definition, update_memberships,
            "Who is in each audience, since when, and who left.", as_of=True, forward=True, inputs=lacking,
            declares=declares,
        )
    ]  # fmt: skip


def lacking(context: Context) -> dict[str, str]:
    """What each audience still needs before it can be updated to the day, for those that need anything.

    A missing row does not mean "not a member".
    """
    catalogue, day = context.catalogue, context.day
    lacks = {
        audience.name: audience_days.steps_not_current(context, _needed(catalogue, audience))
        for audience in catalogue.audiences.values()
        if not _ended(audience, day)
    }
    return {name: words for name, words in lacks.items() if words}


def _needed(catalogue: Catalogue, audience: Audience) -> Iterable[str]:
    """Steps that must have run for the day before the rule of an audience can be evaluated."""
    owners = rules.producers_of_inputs(catalogue, [audience])
    tables = [catalogue.tables[measure.over] for measure in audience.measures.values()]
    needed = ["identities", "customers", *(as_of.job_of(table).name for table in tables if table.layer == "gold")]
    needed += ["scores" if name in catalogue.models else f"features.{name}" for name in owners if name != Customer.name]
    return dict.fromkeys(needed)


def _ended(audience: Audience, day: date) -> bool:
    return audience.ended is not None and audience.ended <= day


def update_memberships(context: Context, receipt: Receipt) -> Outcome:
    """Update memberships to the day, with skipped days computed one by one before it.

    An audience that lacks something, or whose file was deleted, stays unchanged.
    """
    table, lake, day = context.catalogue.tables["memberships"], context.lake, context.day
    lacks = lacking(context)
    audiences = [audience for audience in context.catalogue.audiences.values() if audience.name not in lacks]
    groups, left_out = grouped(context, audiences)
    before = lake.table(table)
    now, sizes = _evaluated(context, audiences, groups)
    written = lake.sync(table, _together(context, before, now, groups), receipt)
    for name, words in lacks.items():
        audience_days.record_evaluation(context, name, _last(context, name), words)
    for audience in audiences:
        audience_days.record_evaluation(context, audience.name, day)
    member_counts = {audience.name: sizes.get(audience.name, 0) for audience in audiences}
    days = max((len(days) for _, days, _ in groups), default=1) - 1
    notes = [f"{days} skipped days computed first"] if days else []
    notes += [lost_note(name, sizes[key], Customer) for key in sizes if (name := _lost(key))]
    notes += [f"{left_out} earlier days were not computed (catch_up_days)"] if left_out else []
    notes += [*_held_notes(lacks), *_gone_notes(before, context.catalogue.audiences)]
    return Outcome(
        sum(member_counts.values()), written.changed, unchanged=written.unchanged, notes=tuple(notes),
        facts=AudienceFacts(member_counts, lacks),
    )  # fmt: skip


def _held_notes(lacks: Mapping[str, str]) -> Iterable[str]:
    by_words = defaultdict(list)
    for name, words in lacks.items():
        by_words[words].append(name)
    for words, names in by_words.items():
        yield f"not updated to the day, nobody enters or leaves: {', '.join(names)}: {words}"


def _gone_notes(before: DataFrame, declared: Collection[str]) -> Iterable[str]:
    standing = before.where("left_on is null").groupBy("audience").count().collect()
    for name, customers in sorted((row[0], row[1]) for row in standing if row[0] not in declared):
        fix = f"restore audiences/{name}.yml; to end the audience, add a line `ended: DAY`"
        yield f"{name} has no file any more and stays unchanged, with {customers} customers: {fix}"


def _evaluated(
    context: Context, audiences: Sequence[Audience], groups: Sequence[Group]
) -> tuple[DataFrame, Mapping[Any, int]]:
    """Members on all days of all groups, and the rows of the day by audience or by value that cannot be computed."""
    skipped = sorted({on for _, days, _ in groups for on in days} - {context.day})
    going = [audience for audience in audiences if not _ended(audience, context.day)]
    if not going:
        return context.lake.spark.createDataFrame([], INSIDE), {}
    considered, sizes = context.lake.staging.stage_and_count(
        rules.evaluate_rules(context, skipped, going).selectExpr("*", _sized(context.day)), by="_sized"
    )
    return considered.rows.where("lost is null").drop("lost", "_sized"), sizes


def _together(context: Context, before: DataFrame, now: DataFrame, groups: Sequence[Group]) -> DataFrame:
    """Intervals of all audiences after their days. Audiences outside the groups stay unchanged."""
    lake = context.lake
    holdouts = lake.staging.stage(ever_held_out(before, lake.table(context.catalogue.tables["identities"]))).rows
    names = [name for _, _, of_group in groups for name in of_group]
    parts = [before.where(f"not ({_among(names)})")]
    for last, days, of_group in groups:
        earlier = intervals_as_of(before.where(_among(of_group)), min(last or days[0], days[0] - timedelta(days=1)))
        # A finished interval keeps the holdout with which it was measured.
        earlier = earlier.where("left_on is not null").unionByName(held_out(earlier.where("left_on is null"), holdouts))
        inside = held_out(now.where(_among(of_group)).where(f"as_of >= date'{days[0]}'"), holdouts)
        moved = lake.spark.createDataFrame(id_changes(context, last), MOVES)
        parts.append(extend_intervals(earlier, inside, days, moved))
    return union_all(parts)


def _among(names: Iterable[str]) -> str:
    listed = ", ".join(f"'{name}'" for name in names)
    return f"audience in ({listed})" if listed else "false"


def _sized(day: date) -> str:
    """SQL of the label under which a row of the day is counted: an audience, or `lost NAME` for a lost value."""
    return f"if(as_of = date'{day}', coalesce(audience, concat('lost ', lost)), null) as _sized"


def _lost(sized: str | None) -> str:
    return sized.removeprefix("lost ").replace("__", ".") if sized and sized.startswith("lost ") else ""


def grouped(context: Context, audiences: Iterable[Audience]) -> tuple[list[Group], int]:
    """Group audiences that compute the same days. Returns the groups and how many days are too old to be computed.

    The days are those after the last computed one, at most `catch_up_days` before the day of the run. An ended audience
    has one day, on which all members leave.
    """
    by_days: dict[tuple[date | None, tuple[date, ...]], list[str]] = defaultdict(list)
    left_out = 0
    for audience in audiences:
        last = _last(context, audience.name)
        skipped, missed = _skipped_days(context, last)
        if audience.ended and _ended(audience, context.day):
            days: tuple[date, ...] = (max(audience.ended, skipped[0] if skipped else context.day),)
        else:
            days, left_out = (*skipped, context.day), max(left_out, missed)
        by_days[last, days].append(audience.name)
    return [(last, days, names) for (last, days), names in by_days.items()], left_out


def _skipped_days(context: Context, last: date | None) -> tuple[list[date], int]:
    if last is None:
        return [], 0
    between = (context.day - last).days - 1
    count = max(min(between, context.settings.catch_up_days), 0)
    return [context.day - timedelta(days=n) for n in range(count, 0, -1)], max(between - count, 0)


def _last(context: Context, audience: str) -> date | None:
    """Last day to which an audience was updated; None before the first."""
    return audience_days.last_evaluated_day(context, audience) or _last_taken(context)


def _last_taken(context: Context) -> date | None:
    """Last day to which memberships were updated, for an audience without a record of its own."""
    last = context.store.unchanged_runs.load("memberships", "")
    receipt = context.lake.receipt("gold/memberships")
    days = [last["day"]] if last else []
    days += [receipt["day"]] if receipt else []
    return date.fromisoformat(max(days)) if days else None


def id_changes(context: Context, since: date | None) -> list[tuple[str, str]]:
    """Id changes since a day: the id before, and the id that has its records now.

    Redirects of ended ids are always included, because their intervals close only when they have moved.
    """
    if since is None:
        return []
    return [*as_of.redirects(context.lake).items(), *as_of.split_ids(context.lake, since)]
