"""One step per source: landed files in; bronze, silver and quarantine out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

from jobs.ingest import bronze, crowds, extract, guards, landing, mapping, quarantine, refusals, silver, untied
from jobs.ingest.groups import groups_of
from jobs.unify import ceased
from quanyu.discover import Catalogue
from quanyu.lake import Written, place_of
from quanyu.lake.receipt import Receipt
from quanyu.run import Context, Outcome, Step
from quanyu.settings import person_key_secret
from quanyu.source import Source
from quanyu.store import LandedFile
from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def steps(catalogue: Catalogue) -> list[Step]:
    """List a step for every source."""
    return [_step(source, catalogue.tables) for source in catalogue.sources.values()]


def _step(source: Source, tables: Mapping[str, type[Table]]) -> Step:
    filled = [place_of(tables[name]) for name in source.tables()] + (
        ["silver/identifiers", refusals.PLACE, crowds.PLACE] if source.person else []
    )
    return Step(
        name=f"ingest.{source.name}", room="ingest", reads=(), definition=source.digest(), describes=source.describes,
        writes=(f"bronze/{source.name}", *filled), do=partial(ingest, source=source),
        inputs=partial(_depends, source=source),
    )  # fmt: skip


def _depends(context: Context, source: Source) -> dict[str, object]:
    late = source.freshness is not None and context.day.isoformat()
    due = extract.pending(context, source) and context.day.isoformat()
    refused = landing.still_refused(context, source)
    return {"files": dict(landing.fingerprint(context, source)), "day": late, "extract": due, "refused": refused}


@dataclass
class Work:
    """One ingestion under way: what was found, which days of the feed are mapped, and where its rows went."""

    context: Context
    source: Source
    receipt: Receipt
    files: list[landing.Found] = field(default_factory=list)
    days: frozenset[date] = frozenset()
    again: frozenset[date] = frozenset()
    counts: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, Any] = field(default_factory=dict)
    crowded: frozenset[str] = frozenset()
    crowd: Any = ()

    @property
    def tables(self) -> Mapping[str, type[Table]]:
        """Every declared table."""
        return self.context.catalogue.tables


def ingest(context: Context, receipt: Receipt, source: Source) -> Outcome:
    """Extract the day where a database is the source, then take what has landed and not been taken yet.

    Raises ContractError beyond the source's limits on bad rows and volume, where nothing is published. A refused file
    and a late feed are breaches of the outcome: what was good is published.
    """
    told = extract.extract(context, source)
    if told:
        landing.list_anew(context, source)
    outcome = _taken(context, receipt, source)
    return replace(outcome, notes=(*told, *landing.set_aside(context, source), *outcome.notes))


def _taken(context: Context, receipt: Receipt, source: Source) -> Outcome:
    known = context.store.ledger.files(source.name)
    newest = landing.newest_taken(known)
    work = Work(context, source, receipt, landing.landed(context, source))
    with _as_the_source_writes(context, source):
        if work.files:
            _to_bronze(work)
        # Files without a row, such as an extract when nothing has changed, have no day to map.
        outcome = _map_and_publish(work, newest) if work.days else Outcome(notes=_without_rows(known, work.files))
    refused = work.counts.get("refused", ())
    context.store.ledger.record([landing.ledger_row(source, f, context.day, newest, refused) for f in work.files])
    return replace(outcome, breaches=guards.breaches(context, source))


def _without_rows(known: Mapping[str, LandedFile], files: list[landing.Found]) -> tuple[str, ...]:
    if files:
        return (f"{len(files)} files without a row: nothing has changed",)
    return ("nothing new has landed" if known else "nothing has landed yet",)


def replay(context: Context, source: Source, days: frozenset[date]) -> Outcome:
    """Map days of a feed again out of bronze, by today's contract; what is good now goes in, once."""
    step = context.step(f"ingest.{source.name}")
    receipt = Receipt(step.name, context.day.isoformat(), context.run_id, step.definition)
    known = context.store.ledger.files(source.name)
    with _as_the_source_writes(context, source):
        work = Work(context, source, receipt, days=days, again=days)
        return _map_and_publish(work, landing.newest_taken(known))


def _as_the_source_writes(context: Context, source: Source) -> Any:
    """Read naive times in the source's zone, and let a bad value come out null, where a check finds it."""
    zone = source.zone or context.settings.zone
    return context.lake.session_settings({"spark.sql.session.timeZone": zone, "spark.sql.ansi.enabled": "false"})


def _to_bronze(work: Work) -> None:
    """Read the files once, into bronze, and learn which days of the feed they touch."""
    lake, source, place = work.context.lake, work.source, f"bronze/{work.source.name}"
    read = bronze.read_landed(lake, source, work.files)
    rows = bronze.not_taken(read, source, work.context.day.isoformat())
    staged, counts = lake.staging.counted(rows, by="_day")
    changed = [item.name for item in work.files if item.changed]
    touched = set(counts) | (_days(lake.read(place).where(_files(changed))) if changed else set())
    bronze.write(lake, source, staged, work.files, work.receipt)
    taken = set(work.context.store.ledger.volumes(source.name))
    work.days, work.again = frozenset(touched), frozenset(touched & taken)


def _files(names: Iterable[str]) -> Any:
    from pyspark.sql import functions as F  # noqa: N812

    return F.col("_file").isin(list(names))


def _days(rows: DataFrame) -> set[date]:
    return {row["_day"] for row in rows.select("_day").distinct().collect()}


def _map_and_publish(work: Work, newest: date | None) -> Outcome:
    staged = _named(work)
    staged = mapping.without_repeated_keys(staged, work.source, work.tables, work.context.lake.staging)
    staged = _without_bad_groups(work, staged)
    _count(work, staged)
    if work.days - work.again:
        guards.check_volume(work.source, _fresh(work), work.context.store.ledger.volumes(work.source.name))
    guards.check_bad_share(work.source, work.counts["rows"], work.counts["bad"], work.counts["common"])
    bad = work.counts["bad"] + len(work.counts["refused"])
    quarantine.replace(work.context.lake, work.source, staged, bad, work.days, work.receipt)
    work.counts["identifiers"] = refusals.record(work.context.lake, work.source, staged, work.days, work.receipt)
    known_on = {day: _known_on(work, day, newest) for day in work.days}
    delivery = silver.Delivery(
        work.source, known_on, work.again, frozenset(work.days - work.counts["incomplete"]),
        ceased.replaces(work.source, work.tables),
        ceased.untied_for(work.context.lake, work.context.catalogue, work.source),
    )  # fmt: skip
    written = _publish(work, staged, delivery)
    work.counts["identifiers"] += crowds.remember(work.context, work.source, work.crowd, work.receipt)
    work.context.store.ledger.record_volumes(work.source.name, work.counts["per_day"], work.context.day)
    return _outcome(work, written)


def _named(work: Work) -> DataFrame:
    """Map the days' rows; where a value turns out to name many people, name its rows, of earlier days too, anew."""
    lake, source = work.context.lake, work.source
    work.crowded = crowds.known(lake, source)
    staged = lake.staging.keep(_mapped(work, _of_days(work, work.days)))
    work.crowd = crowds.crowds(work.context, source, staged)
    if not len(work.crowd):
        return staged
    work.crowded |= frozenset(work.crowd["value_key"])
    tables = [work.tables[name] for name in [*source.tables(), "identifiers"]]
    earlier = crowds.days_of(lake, source, tables, work.crowded) - work.days
    work.days, work.again = work.days | earlier, work.again | earlier
    return lake.staging.keep(_mapped(work, _of_days(work, work.days)))


def _publish(work: Work, staged: DataFrame, delivery: silver.Delivery) -> dict[str, Written]:
    """Publish every table that the source fills, several at a time: small ones spend their time in planning."""
    names = [*work.source.tables(), *(["identifiers"] if work.source.person else [])]
    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        return dict(zip(names, pool.map(lambda name: _fill(work, staged, name, delivery), names), strict=True))


def _known_on(work: Work, day: date, newest: date | None) -> date:
    if newest is not None and (day in work.again or day < newest):
        return max(day, newest) if day in work.again else landing.recorded_on(day, work.context.day, newest)
    return day


def _of_days(work: Work, days: frozenset[date]) -> DataFrame:
    from pyspark.sql import functions as F  # noqa: N812

    return bronze.as_received(work.context.lake, work.source).where(F.col("_day").isin(sorted(days)))


def _of_other_days(work: Work) -> DataFrame:
    from pyspark.sql import functions as F  # noqa: N812

    return bronze.as_received(work.context.lake, work.source).where(~F.col("_day").isin(sorted(work.days)))


def _mapped(work: Work, rows: DataFrame) -> DataFrame:
    settings = work.context.settings
    trimmed = mapping.trimmed(rows, work.source)
    addresses = any(work.tables[name].addressed_by for name in work.source.tables())
    with_person = mapping.with_person(
        trimmed, work.source, settings.region, person_key_secret(settings), addresses, work.crowded
    )
    return mapping.mapped(mapping.without_repeats(with_person, work.source), work.source, dict(work.tables))


def _without_bad_groups(work: Work, staged: DataFrame) -> DataFrame:
    """Mark the rows of groups that break what their Table declares; keep the groups, where there is no such one."""
    for name, fill in work.source.fills.items():
        if not fill.one_row_per:
            continue
        table = work.tables[fill.table]
        groups = work.context.lake.staging.keep(groups_of(staged, name, work.source, table))
        bad = groups.where("size(_why) > 0")
        if bad.limit(1).count():
            staged = work.context.lake.staging.keep(mapping.marked(staged, bad, fill, table))
            # A marked row is in no group any more, of this fill or another.
            work.groups.clear()
        else:
            work.groups[name] = groups
    return staged


def _count(work: Work, staged: DataFrame) -> None:
    """Count every row once: accepted, bad or dropped, and by day of the feed."""
    from pyspark.sql import functions as F  # noqa: N812

    state = "case when size(_reasons) > 0 then 'bad' when _drop is not null then _drop else 'accepted' end as state"
    told = "concat(_file, ': ', _refused) as told"
    groups = staged.selectExpr(state, told, "_day").groupBy("state", "told", "_day").count().collect()
    refused = [row["told"] for row in groups if row["told"]]
    refused_on = {row["_day"] for row in groups if row["told"]}
    incomplete = refused_on | {row["_day"] for row in groups if row["state"] == "bad"}
    by_state: dict[str, int] = {}
    per_day: dict[date, int] = {}
    for row in (row for row in groups if not row["told"]):
        by_state[row["state"]] = by_state.get(row["state"], 0) + row["count"]
        per_day[row["_day"]] = per_day.get(row["_day"], 0) + row["count"]
    bad, accepted = by_state.pop("bad", 0), by_state.pop("accepted", 0)
    rows = sum(per_day.values())
    common = []
    if bad:
        why = staged.where("_refused is null").selectExpr("explode(_reasons) as reason").groupBy("reason").count()
        common = [f"{r['reason']} ({r['count']})" for r in why.orderBy(F.desc("count"), "reason").limit(3).collect()]
    work.counts = {"rows": rows, "bad": bad, "accepted": accepted, "dropped": by_state, "per_day": per_day,
                   "common": common, "refused": refused, "refused_on": refused_on,
                   "incomplete": incomplete}  # fmt: skip


def _fresh(work: Work) -> dict[date, int]:
    """Rows of each day that was not taken before; a day with a refused file is told as that, and judged when whole."""
    return {day: work.counts["per_day"].get(day, 0) for day in work.days - work.again - work.counts["refused_on"]}


def _fill(work: Work, staged: DataFrame, name: str, delivery: silver.Delivery) -> Written:
    """Publish what all fills of one table give together."""
    table, source_fills = work.tables[name], work.source.tables().get(name, ())

    def rows(mapped: DataFrame, groups: Mapping[str, DataFrame]) -> DataFrame:
        if name == "identifiers":
            first_only = not work.source.deleted_when and not delivery.again and not delivery.replaces
            last_row = delivery.replaces and untied.one_row_a_day(work.source, work.tables)
            return work.context.lake.staging.keep(mapping.identifiers_of(mapped, work.source, first_only, last_row))
        fills = [mapping.rows_of(mapped, fill, work.source, table, groups.get(fill)) for fill in source_fills]
        return reduce(lambda one, other: one.unionByName(other), fills)

    return silver.publish(
        work.context.lake,
        table,
        rows(staged, work.groups),
        delivery,
        work.receipt,
        lambda: rows(_mapped(work, _of_other_days(work)), {}),
    )


def _outcome(work: Work, written: Mapping[str, Written]) -> Outcome:
    counts = work.counts
    notes = [f"{rows} rows left out: {reason}" for reason, rows in sorted(counts["dropped"].items())]
    notes += [f"{counts['bad']} rows quarantined, most often: {'; '.join(counts['common'])}"] if counts["bad"] else []
    notes += counts["identifiers"]
    if work.source.deleted_when and counts["incomplete"]:
        told = ", ".join(str(day) for day in sorted(counts["incomplete"]))
        notes.append(f"nothing was taken for gone by the snapshots of {told}, which are not complete")
    return Outcome(
        rows_in=counts["rows"], rows_out=sum(w.changed for w in written.values()), quarantined=counts["bad"],
        unchanged=sum(w.unchanged for w in written.values()), notes=tuple(notes),
        facts={"accepted": counts["accepted"], "dropped": counts["dropped"], "refused": len(counts["refused"]),
               "tables": {name: w.changed for name, w in written.items()}},
    )  # fmt: skip
