"""One step per source: reads landed files, writes bronze, silver and quarantine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from jobs.ingest import rebuild
from jobs.ingest.checks import crowds, guards, refusals
from jobs.ingest.extracts import extract
from jobs.ingest.landing import bronze, landing
from jobs.ingest.publication import publish
from jobs.ingest.receipts.group_days import groups_place
from jobs.ingest.receipts.parents import parents
from jobs.ingest.work import IngestRun
from quanyu.discover import Catalogue
from quanyu.errors import ConfigError
from quanyu.feeds.source import Source
from quanyu.grammar.table import Table
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.plurals import number_of
from quanyu.run.runner import Context, Outcome, Step
from quanyu.store import LandedFile

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def steps(catalogue: Catalogue) -> list[Step]:
    """List a step for every source."""
    return [_step(source, catalogue.tables) for source in catalogue.sources.values()]


def _step(source: Source, tables: Mapping[str, type[Table]]) -> Step:
    named = ["silver/identifiers", refusals.PLACE, crowds.PLACE] if source.person else []
    filled = [*(place_of(tables[name]) for name in source.tables()), *named]
    groups = [groups_place(source)] if parents(source, tables) else []
    return Step(
        name=f"ingest.{source.name}", stage="ingest", reads=(), definition=source.contract(tables),
        describes=source.describes, run=partial(ingest, source=source),
        writes=(f"bronze/{source.name}", *filled, *groups), inputs=partial(_depends, source=source),
        rebuilds=(f"bronze/{source.name}", f"quarantine/{source.name}", *filled, *groups),
        declares={f"source {source.name}": source.digest()},
    )  # fmt: skip


def _depends(context: Context, source: Source) -> dict[str, object]:
    late = source.freshness is not None and context.day.isoformat()
    due = extract.pending(context, source) and context.day.isoformat()
    refused = landing.still_refused(context, source)
    held_parts = [[str(item.day), item.path, item.reason] for item in context.store.held_back.of(source.name)]
    return {
        "files": dict(landing.fingerprint(context, source)),
        "day": late,
        "extract": due,
        "refused": refused,
        "held": held_parts,
    }


def ingest(context: Context, receipt: Receipt, source: Source) -> Outcome:
    """Extract the day if the source is a database, then ingest the files that have landed and are new or changed.

    Breaches of the outcome are refused files, a late feed, and days or files that are held back since they exceed a
    limit on bad rows, volume or ends. All other good rows are published.
    """
    _rebuild_lost(context, receipt, source)
    notes = extract.extract(context, source)
    if notes:
        landing.refresh_listing(context, source)
    outcome = _ingest_files(context, receipt, source)
    return replace(outcome, notes=(*notes, *landing.skipped_notes(context, source), *outcome.notes))


def _ingest_files(context: Context, receipt: Receipt, source: Source) -> Outcome:
    ledger = context.store.ledger.files(source.name)
    work = IngestRun(context, source, receipt, landing.newest_ingested_day(ledger), landing.landed(context, source))
    with _source_session(context, source):
        refused = _read(work) if work.files else ()
        fixed_days = _days_of_older_contract(work)
        work.days |= fixed_days
        work.redelivered |= fixed_days & set(work.volumes)
        # Files without rows, such as an extract without changes, have no day to map.
        outcome = publish(work) if work.days else Outcome(notes=_without_rows(ledger, work.files))
    rows = [landing.ledger_row(source, file, context.day, work.newest, refused) for file in work.files]
    context.store.ledger.record(rows)
    return replace(outcome, breaches=guards.breaches(context, source))


def _days_of_older_contract(work: IngestRun) -> frozenset[date]:
    """Days that were held back under another version of the contract."""
    held_parts = work.context.store.held_back.of(work.source.name)
    return frozenset(item.day for item in held_parts if item.definition != work.source.contract(work.tables))


def _without_rows(ledger: Mapping[str, LandedFile], files: list[landing.IncomingFile]) -> tuple[str, ...]:
    if files:
        return (f"{number_of(len(files), 'file')} without a row: nothing has changed",)
    return ("nothing new has landed" if ledger else "nothing has landed yet",)


def replay(context: Context, source: Source, days: frozenset[date]) -> Outcome:
    """Map days of a feed again from bronze by the current contract, and publish the rows that are good now.

    Raises ConfigError if bronze has no row of one of the days, since a missing day must not end anything.
    """
    step = context.step(f"ingest.{source.name}")
    receipt = Receipt(step.name, context.day.isoformat(), context.run_id, step.fingerprint())
    stored_days = _days(context.lake.read(step.writes[0])) if context.lake.exists(step.writes[0]) else set()
    if missing := sorted(days - stored_days):
        raise ConfigError(
            f"{source.name}: there is no row of {', '.join(map(str, missing))} in {step.writes[0]}; days of which there"
            f" are rows: {', '.join(map(str, sorted(stored_days)[-7:])) or 'none'}"
        )
    ledger = context.store.ledger.files(source.name)
    with _source_session(context, source):
        work = IngestRun(context, source, receipt, landing.newest_ingested_day(ledger), days=days)
        work.redelivered = days & frozenset(work.volumes)
        outcome = publish(work)
    breaches = guards.held_back(source, (item for item in context.store.held_back.of(source.name) if item.day in days))
    return replace(outcome, breaches=breaches)


def _rebuild_lost(context: Context, receipt: Receipt, source: Source) -> None:
    """Map all days of bronze again into lost tables; if bronze is lost too, landing is read again."""
    if lost := rebuild.lost_tables(context, source):
        with _source_session(context, source):
            publish(rebuild.work(context, source, receipt, lost))


def _source_session(context: Context, source: Source) -> Any:
    """Session settings: naive times are in the source's zone, and a bad value gives null, which a check reports."""
    zone = source.zone or context.settings.zone
    return context.lake.session_settings({"spark.sql.session.timeZone": zone, "spark.sql.ansi.enabled": "false"})


def _read(work: IngestRun) -> list[str]:
    """Read the files and set the days of the feed that they affect. Returns why files were refused."""
    lake, source, place = work.lake, work.source, f"bronze/{work.source.name}"
    arrival = bronze.read(lake, source, work.files, work.context.day.isoformat())
    landing.postpone(work.context, source, arrival.changing)
    work.files, work.arrival = arrival.files, arrival if arrival.files else None
    # A feed whose files had no rows has no table yet.
    changed = [item.name for item in work.files if item.changed and lake.delta(place)]
    touched = set(arrival.counts) | (_days(lake.read(place).where(bronze.of_files(changed))) if changed else set())
    work.days, work.redelivered = frozenset(touched), frozenset(touched & set(work.volumes))
    refused = arrival.rows.rows.where("_refused is not null").selectExpr("concat(_file, ': ', _refused) as words")
    return [row["words"] for row in refused.collect()]


def _days(rows: DataFrame) -> set[date]:
    return {row["_day"] for row in rows.select("_day").distinct().collect()}
