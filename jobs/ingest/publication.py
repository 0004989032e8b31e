"""Publishes days of a feed from bronze to silver and quarantine: maps, checks limits, plans, and then commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from jobs.ingest.checks import crowds, guards, quarantine, refusals
from jobs.ingest.checks.tally import Part, Tally, frequent_in, frequent_reasons
from jobs.ingest.facts import IngestFacts
from jobs.ingest.landing import bronze
from jobs.ingest.mapped_delivery import (
    MappedDelivery,
    across_days,
    complete_before,
    map_delivery,
    without_bad_groups,
)
from jobs.ingest.mapping import mapping
from jobs.ingest.mapping.identifiers import identifiers_of
from jobs.ingest.receipts.group_days import days_of_groups, record_group_days
from jobs.ingest.receipts.relations import (
    Incomplete,
    belongs_to_sql,
    kept_keys,
    retracted,
    without_bad_rows,
    without_incomplete,
)
from jobs.ingest.silver import ended_identifiers, plan
from jobs.ingest.silver.commit import commit
from jobs.ingest.silver.delivery import Delivery
from jobs.ingest.work import IngestRun, part_sql, with_held
from quanyu.identifiers import valid
from quanyu.lake import WriteCounts
from quanyu.lake.staging import StagedRows
from quanyu.lake.union import union_all
from quanyu.plurals import number_of
from quanyu.run.runner import Outcome
from quanyu.store import HeldBack

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


# What was written of each table, and how many rows came too late for it.
Publications = Mapping[str, tuple[WriteCounts, int]]


@dataclass(frozen=True)
class Proposal:
    """What would be published with some parts held back: the bad rows with all their reasons, and a plan per table."""

    held_back: Sequence[HeldBack]
    bad: StagedRows
    delivery: Delivery
    plans: Mapping[str, plan.SilverPlan] = field(default_factory=dict)


def publish(work: IngestRun) -> Outcome:
    """Map the days of the work, hold back the days and files that exceed a limit of the contract, publish the rest."""
    mapped = map_delivery(work)
    held_parts = guards.bad_shares(work.source, mapped.counts)
    held_parts |= guards.volumes(
        work.source, _volumes_of_complete_days(work, mapped.counts, held_parts), work.redelivered, work.volumes
    )
    proposal = _proposed(work, mapped, held_parts)
    # Holding back a part changes the ends of the other days, so that they are checked again.
    while ends := _too_many_ends(work, proposal, held_parts):
        held_parts |= ends
        proposal = _proposed(work, mapped, held_parts)
    return _committed(work, mapped, proposal)


def _too_many_ends(work: IngestRun, proposal: Proposal, held_parts: Mapping[Part, str]) -> dict[Part, str]:
    ends = guards.too_many_ends(work.source, proposal.plans.values())
    return {part: words for part, words in ends.items() if part[0] in work.days and part not in held_parts}


def _volumes_of_complete_days(work: IngestRun, counts: Tally, held_parts: Mapping[Part, str]) -> dict[date, int]:
    """Number of rows of each complete day; the volume of the others is not checked before they are complete."""
    lacking = {day for day, _ in [*counts.refused, *held_parts]} | work.waiting_days
    return {day: counts.per_day().get(day, 0) for day in work.days - lacking}


def _proposed(work: IngestRun, mapped: MappedDelivery, held_parts: Mapping[Part, str]) -> Proposal:
    source = work.source
    frequent = frequent_in(mapped.rows, held_parts) if held_parts and mapped.counts.bad else {}
    parts = [
        HeldBack(source.name, day, path, words, frequent.get((day, path), ""), source.contract(work.tables))
        for (day, path), words in held_parts.items()
    ]
    rows = with_held(mapped.rows, parts)
    replaced = " or ".join(f"({part_sql(day, path)})" for day, path in held_parts if day in work.redelivered)
    delivery = _delivery(work, mapped, held_parts)
    incomplete = mapped.incomplete | delivery.redelivered_in_part
    rows, short = without_incomplete(work, rows, replaced or "false", incomplete, mapped.group_days)
    bad = work.lake.staging.stage(rows.where("size(_reasons) > 0"))
    days = mapped.group_days
    groups = without_bad_rows(work, mapped.groups, rows, bad, lambda fill: across_days(work, fill, days, short))
    names = work.names()

    def planned(name: str) -> plan.SilverPlan:
        table_rows = _table_rows(work, rows, name, delivery, short, days, groups)
        return _planned(work, table_rows, bad.rows, name, delivery, short)

    with ThreadPoolExecutor(max_workers=max(len(names), 1)) as pool:
        return Proposal(parts, bad, delivery, dict(zip(names, pool.map(planned, names), strict=True)))


def _delivery(work: IngestRun, mapped: MappedDelivery, held_parts: Mapping[Part, str]) -> Delivery:
    known_on = {day: work.recorded_on(day) for day in work.days}
    last = max([*known_on.values(), *([work.newest] if work.newest else [])])
    lacking = mapped.counts.bad_days() | {day for day, _ in held_parts} | work.waiting_days
    others = [day for day in work.volumes if day not in work.days]
    newest = max(others, default=None)
    return Delivery(
        work.source,
        known_on | dict.fromkeys(mapped.other_days, last),
        work.redelivered,
        work.days - lacking - {day for day in work.days if not mapped.counts.per_day().get(day)},
        newest,
        newest is not None and work.source.deleted_when is not None and bool(complete_before(work, [newest])),
        mapped.other_days,
        valid.replaces(work.source, work.tables),
        valid.ended_by_records(work.lake, work.context.catalogue, work.source),
    )


def _planned(
    work: IngestRun, table_rows: DataFrame, bad: DataFrame, name: str, delivery: Delivery, short: Incomplete
) -> plan.SilverPlan:
    """Plan the changes of one table by the rows of all its fills, and the bad mapped rows."""
    elsewhere = work.days | delivery.other_days
    return plan.plan(
        work.lake,
        work.tables[name],
        table_rows,
        delivery,
        lambda: _rows_of_other_days(work, name, delivery, elsewhere),
        retracted(work, bad, short, name) if short.keys else None,
        kept_keys(work, bad, short, name) if short.keys and delivery.corrected else None,
    )


def _rows_of_other_days(work: IngestRun, name: str, delivery: Delivery, days: frozenset[date]) -> DataFrame:
    rows = work.lake.staging.materialize(with_held(work.mapped(work.of_other_days(days)), work.held_before()))
    rows = mapping.without_repeated_keys(rows, work.source, work.tables, work.lake.staging)
    group_days = days_of_groups(work, rows)
    rows, _ = without_bad_groups(work, rows, group_days if len(work.days) > 1 else {})
    return _table_rows(work, rows, name, delivery, None, group_days, {})


def _table_rows(
    work: IngestRun,
    rows: DataFrame,
    name: str,
    delivery: Delivery,
    short: Incomplete | None,
    group_days: Mapping[str, DataFrame],
    groups: Mapping[str, DataFrame],
) -> DataFrame:
    """Rows of one table by all its fills; groups of several days are as of each day if `short` is None.

    `groups` are those of the fills that are computed already.
    """
    table, source = work.tables[name], work.source
    if name == "identifiers":
        first_only = not source.deleted_when and not delivery.redelivered and not delivery.records
        last_row = delivery.records and ended_identifiers.one_row_a_day(source, work.tables)
        return work.lake.staging.materialize(identifiers_of(rows, source, first_only, last_row))
    fills = []
    for fill in source.tables()[name]:
        across = across_days(work, fill, group_days, short)
        fills.append(mapping.rows_of(rows, fill, source, table, groups.get(fill), across))
    return union_all(fills)


def _committed(work: IngestRun, mapped: MappedDelivery, proposal: Proposal) -> Outcome:
    """Write quarantine and silver, and store the volumes and the parts that are held back."""
    store, source = work.context.store, work.source
    record_group_days(work, mapped.group_days)
    groups, bad = belongs_to_sql(work), proposal.bad.rows
    quarantine.replace(work.lake, source, mapped.rows, bad, work.days, mapped.other_days, groups, work.receipt)
    plans = proposal.plans
    with ThreadPoolExecutor(max_workers=max(len(plans), 1)) as pool:
        commits = pool.map(lambda plan: commit(work.lake, plan, work.receipt), plans.values())
        written = dict(zip(plans, commits, strict=True))
    held_parts = {(item.day, item.path) for item in proposal.held_back}
    accepted = mapped.counts.without(held_parts)
    store.held_back.replace(source.name, work.days, proposal.held_back)
    volumes = guards.volumes_to_record(accepted.per_day(), work.volumes, proposal.delivery.redelivered_in_part)
    store.ledger.record_volumes(source.name, volumes, work.context.day)
    outcome = _outcome(work, mapped, proposal, written)
    own_rows = mapped.rows.where(bronze.of_days(work.days))
    notes = refusals.record(work.lake, source, own_rows, work.days, work.receipt)
    notes += crowds.record_crowds(work.context, source, mapped.crowds, work.receipt)
    return replace(outcome, notes=(*outcome.notes, *notes))


def _outcome(work: IngestRun, mapped: MappedDelivery, proposal: Proposal, written: Publications) -> Outcome:
    bad = proposal.bad.rows.where(f"_refused is null and {bronze.of_days(work.days)}")
    quarantined = bad.count() if mapped.counts.bad or proposal.held_back else 0
    changes = {name: changed for name, (changed, _) in written.items()}
    notes = [f"{number_of(rows, 'row')} left out: {reason}" for reason, rows in sorted(mapped.counts.dropped.items())]
    if quarantined:
        notes.append(f"{number_of(quarantined, 'row')} quarantined, most often: {frequent_reasons(bad)}")
    late = {name: rows for name, (_, rows) in written.items() if rows and name != "identifiers"}
    notes += [f"{number_of(rows, 'row')} came too late for {name}, which has newer ones" for name, rows in late.items()]
    can_end = proposal.delivery.lists_all or bool(proposal.delivery.redelivered)
    if lacking := mapped.counts.bad_days():
        days = ", ".join(map(str, sorted(lacking)))
        kind = "snapshots" if proposal.delivery.lists_all else "files"
        notes += [f"no key was ended by the {kind} of {days}, which are not complete"] * can_end
    rows = sum(mapped.counts.rows.values())
    return Outcome(
        rows_in=rows, rows_out=sum(w.changed for w in changes.values()), quarantined=quarantined,
        unchanged=sum(w.unchanged for w in changes.values()), notes=tuple(notes),
        facts=IngestFacts(
            accepted=rows - quarantined - sum(mapped.counts.dropped.values()), dropped=mapped.counts.dropped, late=late,
            refused=len(mapped.counts.refused), tables={name: w.changed for name, w in changes.items()}),
    )  # fmt: skip
