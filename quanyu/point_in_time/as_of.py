"""Facts and entities as of a day: events before the end of the day, as recorded by then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING

from quanyu import discover
from quanyu.errors import ConfigError
from quanyu.expressions.datatypes import midnight
from quanyu.grammar.entity import Entity
from quanyu.grammar.job import Job
from quanyu.grammar.table import Table
from quanyu.identifiers.valid import AS_KNOWN, PERSON, current_identifiers, recorded_identifiers, repeat_for_days
from quanyu.lake import Lake, place_of
from quanyu.lake.union import union_all
from quanyu.point_in_time.masters import LAST_KNOWN, ONCE_KNOWN, with_referred
from quanyu.point_in_time.survivorship import with_traits
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

IDENTITIES, EVENTS = "gold/identities", "gold/identity_events"


def entity_sources(entity: type[Entity]) -> tuple[str, ...]:
    """Places that say which of an entity there are, and which facts are about them."""
    return (IDENTITIES, "silver/identifiers") if entity.resolved else (place_of(entity.table),)


def leading_places(entity: type[Entity], over: type[Table], via: str | None) -> tuple[str, ...]:
    """Places that say to which of an entity the facts of a table lead; none if a fact names it by its key."""
    if entity.resolved:
        return (IDENTITIES,)
    return () if entity.path_column(over, via) == entity.key else (place_of(entity.table),)


def sources_of(table: type[Table]) -> list[str]:
    """Places from which the facts of a table are read: the table, and for a gold table also what its job reads."""
    if table.layer == "silver":
        return [place_of(table)]
    return [place_of(table), *job_of(table).places()]


def job_of(table: type[Table]) -> Job:
    """Job that writes a gold table. Raises ConfigError if no stage has a job that writes it."""
    for job in (job for stage in discover.stages() for job in stage.jobs()):
        if job.writes.name == table.name:
            return job
    raise ConfigError(f"{table.name}: facts come from silver, or from a job of a stage that writes them")


def is_current(context: Context, table: type[Table]) -> bool:
    """Whether the job that writes a gold table has run for the day."""
    return context.is_current(job_of(table).name)


def people_of(context: Context) -> DataFrame:
    """Current customer of each person: source, person_key, customer_id."""
    return people(context.lake, context.catalogue.tables["identities"])


def people(lake: Lake, identities: type[Table]) -> DataFrame:
    """The same, without a context."""
    return lake.table(identities).where("valid_to is null").select("source", "person_key", "customer_id")


def redirects(lake: Lake) -> dict[str, str]:
    """Customer ids that ended in a merge, each with the id that is valid today."""
    if not lake.exists(EVENTS):
        return {}
    columns = ["number", "event", "customer_id", "other_id", "source", "person_key"]
    rows = lake.arrow(EVENTS).to_table(columns=columns).sort_by("number").to_pandas()
    alive = set(rows.drop_duplicates(["source", "person_key"], keep="last")["customer_id"])
    ended = rows[rows["event"] == "merge"].drop_duplicates("other_id", keep="last")
    into = dict(zip(ended["other_id"], ended["customer_id"], strict=True))
    return {
        customer_id: last
        for customer_id in into
        if customer_id not in alive and (last := _surviving_id(customer_id, into, alive)) is not None
    }


def split_ids(lake: Lake, since: date) -> set[tuple[str, str]]:
    """Pairs (old id, new id): the new id was split from the old one on this day or later."""
    if not lake.exists(EVENTS):
        return set()
    from pyarrow import compute

    chosen = (compute.field("event") == "split") & (compute.field("day") >= since)
    rows = lake.rows(EVENTS, ["other_id", "customer_id"], chosen)
    return set(zip(rows["other_id"].to_pylist(), rows["customer_id"].to_pylist(), strict=True))


def _surviving_id(customer_id: str, into: Mapping[str, str], alive: set[str]) -> str | None:
    visited = {customer_id}
    while customer_id not in alive:
        customer_id = into.get(customer_id, customer_id)
        if customer_id in visited:
            return None
        visited.add(customer_id)
    return customer_id


def facts(context: Context, table: type[Table], *days: date, owners: DataFrame | None = None) -> DataFrame:
    """Rows of a fact table up to the end of each day, as recorded by then, with `as_of`.

    Facts about persons also have `customer_id`, null for an unknown person: by `owners`, or that of today. Of
    identifiers, only current ones.
    """
    rows = _dated(context, table, *days)
    if table.layer == "gold" or not table.personal:
        return rows
    return rows.join(people_of(context) if owners is None else owners, PERSON, "left")


def _dated(context: Context, table: type[Table], *days: date) -> DataFrame:
    """The same without `customer_id`, but for gold tables that have it themselves."""
    lake = context.lake
    # A conf folder may add columns to the table that a job or an entity names.
    table = context.catalogue.tables.get(table.name, table)
    if table.layer == "gold":
        job = job_of(table)
        if days == (context.day,) and is_current(context, table):
            return lake.table(table).selectExpr("*", f"date'{context.day}' as as_of")
        frames = (of_job(context, job, day) for day in days)
        dated = (rows.selectExpr("*", f"date'{day}' as as_of") for rows, day in zip(frames, days, strict=True))
        return union_all(list(dated)).where(before_end(table))
    if table.name == "identifiers":
        rows = current_identifiers(lake, context.catalogue, *days)
    else:
        rows = repeat_for_days(lake.table(table), days).where(AS_KNOWN)
    return rows.where(before_end(table)) if table.event_time else rows


def of_job(
    context: Context, job: Job, day: date, owners: DataFrame | None = None, among: DataFrame | None = None,
    began: date | None = None,
) -> DataFrame:  # fmt: skip
    """What a job makes of the facts up to the end of a day.

    `owners` are the customers of persons, if not today's, and `began` is then the first day of the log of ids; `among`
    are customers, if the job is by customer and only these are wanted.
    """
    if job.of_context:
        return job(context, day, owners)
    owners = people_of(context) if owners is None else owners
    owners = owners if among is None else owners.join(among, "customer_id", "left_semi")

    def rows(table: type[Table]) -> DataFrame:
        dated = _dated(context, table, day)
        if job.by_customer:
            # Sail builds its hash table from the left side of a join: persons are fewer than facts.
            dated = owners.join(dated, PERSON)
        elif table.personal:
            dated = dated.join(owners, PERSON, "left")
        return rows_of_job(context, job, table, dated, day).drop("as_of")

    # Tags are joins of many views, which an engine does not plan together with what the job makes of them.
    tags = {"tags": context.lake.staging.materialize(job.tags.on(context, day, began))} if job.tags else {}
    return of_rows(context, job, rows, lambda: records_known(context, day, owners=owners), **tags)


def rows_of_job(context: Context, job: Job, table: type[Table], rows: DataFrame, *days: date) -> DataFrame:
    """Facts of a table as a job takes them: with the named conditions of the table, and what they refer to.

    Without days, rows say their own as `as_of`.
    """
    return with_referred(context, rows, table, job.refers.get(table, ()), *days)


def of_rows(
    context: Context, job: Job, rows: Callable[[type[Table]], DataFrame], records: Callable[[], DataFrame],
    **tags: DataFrame,
) -> DataFrame:  # fmt: skip
    """What a job makes of rows of the tables that it reads, of records as `records_known` gives them, and of tags."""
    known_records = {"records": records()} if "records" in job.extra_inputs else {}
    survivorship = {"survivorship": context.settings.survivorship} if "survivorship" in job.extra_inputs else {}
    table = {"table": context.catalogue.tables[job.writes.name]} if "table" in job.extra_inputs else {}
    return job(*map(rows, job.reads), **known_records, **survivorship, **table, **tags)


def facts_of(
    context: Context, entity: type[Entity], table: type[Table], via: str | None, *days: date,
    among: DataFrame | None = None,
) -> DataFrame:  # fmt: skip
    """The facts of a table that are about some entity, with the entity's key; `among` are the keys, if not all."""
    return keyed(context, entity, table, via, _dated(context, table, *days), *days, among=among)


def by_person(entity: type[Entity], table: type[Table]) -> bool:
    """Whether facts lead to the entity by their person, and identities."""
    return entity.resolved and table.layer == "silver" and table.personal


def keyed(
    context: Context, entity: type[Entity], table: type[Table], via: str | None, rows: DataFrame, *days: date,
    among: DataFrame | None = None,
) -> DataFrame:  # fmt: skip
    """Facts of a table as of some days with the key of the entity that they are about, without those about none."""
    path = entity.path(table, via)
    if by_person(entity, table):
        owners = people_of(context)
        owners = owners if among is None else owners.join(among, entity.key, "left_semi")
        # Sail builds its hash table from the left side of a join: persons are fewer than facts.
        return owners.where(f"`{path}` is not null").join(rows, PERSON)
    rows = rows.where(f"`{path}` is not null")
    if (column := entity.path_column(table, via)) != entity.key:
        rows = keys_by(context, entity, column, *days).withColumnRenamed(column, path).join(rows, [path, "as_of"])
    elif path != entity.key:
        rows = rows.selectExpr("*", f"`{path}` as `{entity.key}`")
    return rows if among is None else among.join(rows, entity.key)


def keys_by(context: Context, entity: type[Entity], column: str, *days: date) -> DataFrame:
    """The entity that each value of another column of its table leads to: column, the entity's key, as_of.

    By the last version that was recorded by the day, even one that has ended. Of several entities with the same value,
    the one whose version is newest.
    """
    versions = repeat_for_days(context.lake.table(entity.table), days).where(ONCE_KNOWN)
    order = f"partition by `{column}`, as_of order by {LAST_KNOWN}, `{entity.key}`"
    newest = versions.where(f"`{column}` is not null").selectExpr(
        f"`{column}`", f"`{entity.key}`", "as_of", f"row_number() over ({order}) as _n"
    )
    return newest.where(f"_n = 1 and `{entity.key}` is not null").drop("_n")


def all_entities(context: Context, entity: type[Entity], *days: date) -> DataFrame:
    """Every entity that was there at the end of each day: its key, as_of."""
    if entity.resolved:
        return records_known(context, *days).select(*entity.by()).distinct()
    rows = repeat_for_days(context.lake.table(entity.table), days).where(f"{AS_KNOWN} and `{entity.key}` is not null")
    return rows.select(*entity.by()).distinct()


def attributes(context: Context, entity: type[Entity], *days: date) -> DataFrame:
    """Rows of the entity's own table as of each day, one per entity: its key, as_of and the table's columns."""
    rows = facts(context, entity.table, *days)
    return rows if entity.resolved else newest_rows(context, entity, rows)


def newest_rows(context: Context, entity: type[Entity], rows: DataFrame) -> DataFrame:
    """The newest row of each entity as of each day, of several sources' rows, with its traits."""
    order = f"partition by `{entity.key}`, as_of order by recorded_on desc, source"
    newest = rows.selectExpr("*", f"row_number() over ({order}) as _n").where("_n = 1").drop("_n")
    return with_traits(newest, rows, context.catalogue.tables[entity.table.name], entity.by())


def before_end(table: type[Table]) -> str:
    """Condition of rows before the end of their `as_of`, in the session's time zone (the retailer's)."""
    return f"`{table.event_time}` < {midnight('date_add(as_of, 1)')}" if table.event_time else "true"


def records_known(context: Context, *days: date, owners: DataFrame | None = None) -> DataFrame:
    """Records of customers at the end of each day: source, person_key, customer_id, as_of, known_on.

    A record without current identifiers still belongs to its customer, as its facts do.
    """
    rows = (
        recorded_identifiers(context.lake, context.catalogue, *days)
        .groupBy(*PERSON, "as_of")
        .agg({"recorded_on": "min"})
    )
    rows = rows.withColumnRenamed("min(recorded_on)", "known_on")
    return rows.join(people_of(context) if owners is None else owners, PERSON)
