"""Maps the days of a delivery, and writes its rows to bronze with their persons."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from jobs.ingest.checks import crowds
from jobs.ingest.checks.tally import Tally, tally
from jobs.ingest.landing import bronze, landing
from jobs.ingest.mapping import mapping
from jobs.ingest.mapping.groups import AcrossDays, groups_of
from jobs.ingest.receipts.group_days import days_of_groups, with_other_days
from jobs.ingest.receipts.relations import NONE_SHORT, Incomplete
from jobs.ingest.work import IngestRun

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class MappedDelivery:
    """Mapped rows of a delivery, with the rows that their groups have on `other_days`, and the counts of the delivery.

    `incomplete` are the other days that are not completely in silver. `group_days` are the groups with rows on several
    days (`_key`), by fill. `groups` are the grouped rows by fill; those with a bad row may be of rows that are bad now.
    """

    rows: DataFrame
    other_days: frozenset[date]
    incomplete: frozenset[date]
    counts: Tally
    group_days: Mapping[str, DataFrame]
    groups: Mapping[str, DataFrame]
    crowds: pd.DataFrame


def map_delivery(work: IngestRun) -> MappedDelivery:
    """Map and check the rows of the days, with those that their groups have on other days."""
    staged, crowd = _mapped_days(work)
    staged, other_days = with_other_days(work, staged)
    staged = _to_bronze(work, staged)
    staged = mapping.without_repeated_keys(staged, work.source, work.tables, work.lake.staging)
    group_days = days_of_groups(work, staged) if other_days or len(work.days) > 1 else {}
    staged, groups = without_bad_groups(work, staged, group_days)
    own_rows = staged.where(bronze.of_days(work.days)) if other_days else staged
    incomplete = other_days - complete_before(work, other_days)
    return MappedDelivery(staged, other_days, incomplete, tally(own_rows), group_days, groups, crowd)


def _to_bronze(work: IngestRun, mapped: DataFrame) -> DataFrame:
    """Write the new rows to bronze with their persons, and leave out the columns that only bronze needs."""
    bronze.write(work.lake, work.source, work.arrival, mapped, work.receipt)
    work.arrival = None
    return mapped.drop("_stored", "_stored_person", "_untrimmed")


def _mapped_days(work: IngestRun) -> tuple[DataFrame, pd.DataFrame]:
    """Map the rows of the days. If a value names many people, map its rows again, with those of earlier days."""
    lake, source = work.lake, work.source
    work.crowded = crowds.known_crowds(lake, source)
    staged = lake.staging.materialize(work.mapped(work.of_days(work.days)))
    crowd = crowds.crowds(work.context, source, staged)
    if not len(crowd):
        return staged, crowd
    work.crowded |= frozenset(crowd["value_key"])
    tables = [work.tables[name] for name in [*source.tables(), "identifiers"]]
    earlier = crowds.days_with_crowds(lake, source, tables, work.crowded) - work.days
    work.days, work.redelivered = work.days | earlier, work.redelivered | earlier
    return lake.staging.materialize(work.mapped(work.of_days(work.days))), crowd


def without_bad_groups(
    work: IngestRun, staged: DataFrame, group_days: Mapping[str, DataFrame]
) -> tuple[DataFrame, dict[str, DataFrame]]:
    """Mark the rows of groups that break their Table's constraints. Returns the groups of each fill too."""
    groups: dict[str, DataFrame] = {}
    for name, fill in work.source.fills.items():
        if not fill.one_row_per:
            continue
        table, across = work.tables[fill.table], across_days(work, name, group_days, NONE_SHORT)
        groups[name] = work.lake.staging.materialize(groups_of(staged, name, work.source, table, across))
        bad = groups[name].where("size(_why) > 0")
        if bad.limit(1).count():
            staged = work.lake.staging.materialize(mapping.marked(staged, bad, fill, table, across is None))
    return staged, groups


def across_days(
    work: IngestRun, name: str, group_days: Mapping[str, DataFrame], short: Incomplete | None
) -> AcrossDays | None:
    """How a fill aggregates rows of several days; None if it has no such groups."""
    parent = next((parent for parent in work.parents if parent.name == name), None)
    if parent is None:
        return None
    since, lacking = (date.min, None) if short is None else (min(work.days), short.of(parent))
    days = group_days.get(name)
    return None if days is None and lacking is None else AcrossDays(parent, since, days, lacking)


def complete_before(work: IngestRun, days: Collection[date]) -> frozenset[date]:
    """Those of some earlier days that are completely in silver, with all files in the feed's folders."""
    if not days:
        return frozenset()
    store, name, place = work.context.store, work.source.name, f"quarantine/{work.source.name}"
    files = store.ledger.files(name).values()
    lacking = landing.waiting_days(work.context, work.source, days)
    lacking |= {file.feed_day for file in files if file.status == "refused" and file.feed_day}
    lacking |= {item.day for item in store.held_back.of(name)}
    if work.lake.exists(place):
        bad = work.lake.read(place).where(bronze.of_days(days)).select("_day").distinct()
        lacking |= {row["_day"] for row in bad.collect()}
    return frozenset(days) - lacking
