"""Facts and features as of a day, by entity: events before the end of the day, as recorded by then."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from quanyu import discover
from quanyu.errors import ConfigError
from quanyu.expressions import parse, qualifiers, safe_sql, two_valued
from quanyu.expressions.aggregates import AggregateExpression, any_of
from quanyu.expressions.datatypes import midnight
from quanyu.grammar.derived import FirstAfter
from quanyu.grammar.entity import Entity
from quanyu.grammar.feature import FeatureView, reach
from quanyu.grammar.job import Job
from quanyu.grammar.table import Table
from quanyu.identifiers.valid import AS_KNOWN, PERSON, current_identifiers, recorded_identifiers, repeat_for_days
from quanyu.lake import Lake, place_of
from quanyu.lake.receipt import Receipt
from quanyu.lake.union import union_all
from quanyu.run.runner import Context, Outcome, Step
from quanyu.survivorship import with_traits

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

IDENTITIES = "gold/identities"


def steps(catalogue: discover.Catalogue) -> list[Step]:
    """List a step for every view."""
    return [_step(view, catalogue.tables) for view in catalogue.views.values()]


def _step(view: type[FeatureView], tables: Mapping[str, type[Table]]) -> Step:
    reads = sorted({*sources_of(view.over), *_referred(view, tables), *entity_sources(view.entity)})
    return Step(
        name=f"features.{view.name}", stage="features", reads=tuple(reads), writes=(f"gold/{view.name}",), as_of=True,
        definition=view.definition(tables), run=partial(_write, view=view),
        describes=" ".join((view.__doc__ or "").split()), rebuilds=(f"gold/{view.name}",),
        declares=view.declares(tables),
    )  # fmt: skip


def entity_sources(entity: type[Entity]) -> tuple[str, ...]:
    """Places that say which of an entity there are, and which facts are about them."""
    return (IDENTITIES, "silver/identifiers") if entity.resolved else (place_of(entity.table),)


def sources_of(table: type[Table]) -> list[str]:
    """Places from which the facts of a table are read: the table, and for a gold table also what its job reads."""
    if table.layer == "silver":
        return [place_of(table)]
    return [place_of(table), *(place_of(read) for read in job_of(table).reads)]


def job_of(table: type[Table]) -> Job:
    """Job that writes a gold table. Raises ConfigError if no stage has a job that writes it."""
    for job in (job for stage in discover.stages() for job in stage.jobs()):
        if job.writes.name == table.name:
            return job
    raise ConfigError(f"{table.name}: facts come from silver, or from a job of a stage that writes them")


def _referred(view: type[FeatureView], tables: Mapping[str, type[Table]]) -> list[str]:
    return [place_of(tables[name]) for name in qualifiers(_texts(view))]


def _texts(view: type[FeatureView]) -> list[str]:
    wheres = [feature.where for feature in view.features.values()]
    after = [derivation.where for derivation in view.derived.values() if isinstance(derivation, FirstAfter)]
    texts = [*(feature.expression for feature in view.features.values()), *wheres, *after, view.where]
    return [text for text in texts if text]


def people(lake: Lake, identities: type[Table]) -> DataFrame:
    """Current customer of each person: source, person_key, customer_id."""
    return lake.table(identities).where("valid_to is null").select("source", "person_key", "customer_id")


def redirects(lake: Lake) -> dict[str, str]:
    """Customer ids that ended in a merge, each with the id that is valid today."""
    if not lake.exists("gold/identity_events"):
        return {}
    columns = ["number", "event", "customer_id", "other_id", "source", "person_key"]
    rows = lake.arrow("gold/identity_events").to_table(columns=columns).sort_by("number").to_pandas()
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
    if not lake.exists("gold/identity_events"):
        return set()
    from pyarrow import compute

    chosen = (compute.field("event") == "split") & (compute.field("day") >= since)
    rows = lake.rows("gold/identity_events", ["other_id", "customer_id"], chosen)
    return set(zip(rows["other_id"].to_pylist(), rows["customer_id"].to_pylist(), strict=True))


def _surviving_id(customer_id: str, into: Mapping[str, str], alive: set[str]) -> str | None:
    visited = {customer_id}
    while customer_id not in alive:
        customer_id = into.get(customer_id, customer_id)
        if customer_id in visited:
            return None
        visited.add(customer_id)
    return customer_id


def facts(context: Context, table: type[Table], *days: date) -> DataFrame:
    """Rows of a fact table up to the end of each day, as recorded by then, with `as_of`.

    Facts about persons also have `customer_id`, null for an unknown person. Of identifiers, only current ones.
    """
    tables, lake = context.catalogue.tables, context.lake
    # A conf folder may add columns to the table that a job or an entity names.
    table = tables.get(table.name, table)
    if table.layer == "gold":
        job = job_of(table)
        if days == (context.day,) and context.is_current(job.name):
            return lake.table(table).selectExpr("*", f"date'{context.day}' as as_of")
        frames = (_of_job(context, job, day) for day in days)
        dated = (rows.selectExpr("*", f"date'{day}' as as_of") for rows, day in zip(frames, days, strict=True))
        return union_all(list(dated)).where(_before_end(table))
    if table.name == "identifiers":
        rows = current_identifiers(lake, context.catalogue, *days)
    else:
        rows = repeat_for_days(lake.table(table), days).where(AS_KNOWN)
    if table.event_time:
        rows = rows.where(_before_end(table))
    if not table.personal:
        return rows
    return rows.join(people(lake, tables["identities"]), ["source", "person_key"], "left")


def _of_job(context: Context, job: Job, day: date) -> DataFrame:
    """What a job makes of the facts up to the end of a day."""
    rows = [facts(context, read, day).drop("as_of") for read in job.reads]
    records = {"records": records_known(context, day)} if "records" in job.extra_inputs else {}
    wins = {"wins": context.settings.wins} if "wins" in job.extra_inputs else {}
    table = {"table": context.catalogue.tables[job.writes.name]} if "table" in job.extra_inputs else {}
    return job(*rows, **records, **wins, **table)


def facts_of(context: Context, entity: type[Entity], table: type[Table], via: str | None, *days: date) -> DataFrame:
    """The facts of a table that are about some entity, with the entity's key."""
    path = entity.path(table, via)
    rows = facts(context, table, *days).where(f"`{path}` is not null")
    return rows if path == entity.key else rows.selectExpr("*", f"`{path}` as `{entity.key}`")


def all_entities(context: Context, entity: type[Entity], *days: date) -> DataFrame:
    """Every entity that was there at the end of each day: its key, as_of."""
    if entity.resolved:
        return records_known(context, *days).select(*entity.by()).distinct()
    return repeat_for_days(context.lake.table(entity.table), days).where(AS_KNOWN).select(*entity.by()).distinct()


def attributes(context: Context, entity: type[Entity], *days: date) -> DataFrame:
    """Rows of the entity's own table as of each day, one per entity: its key, as_of and the table's columns."""
    rows = facts(context, entity.table, *days)
    if entity.resolved:
        return rows
    order = f"partition by `{entity.key}`, as_of order by recorded_on desc, source"
    newest = rows.selectExpr("*", f"row_number() over ({order}) as _n").where("_n = 1").drop("_n")
    return with_traits(newest, rows, context.catalogue.tables[entity.table.name], entity.by())


# Versions of a master that were recorded by `as_of`. Current versions come first, then those that ended last. An end
# after `as_of` is ignored, since it was not recorded by then.
_ONCE_KNOWN = "recorded_on <= as_of and (replaced_on is null or replaced_on > recorded_on)"
_LAST_KNOWN = "if(replaced_on <= as_of, replaced_on, null) desc nulls first, recorded_on desc, source"


def _before_end(table: type[Table]) -> str:
    """Condition of rows before the end of their `as_of`, in the session's time zone (the retailer's)."""
    return f"`{table.event_time}` < {midnight('date_add(as_of, 1)')}" if table.event_time else "true"


def records_known(context: Context, *days: date) -> DataFrame:
    """Records of customers at the end of each day: source, person_key, customer_id, as_of, known_on.

    A record without current identifiers still belongs to its customer, as its facts do.
    """
    rows = (
        recorded_identifiers(context.lake, context.catalogue, *days)
        .groupBy(*PERSON, "as_of")
        .agg({"recorded_on": "min"})
    )
    rows = rows.withColumnRenamed("min(recorded_on)", "known_on")
    return rows.join(people(context.lake, context.catalogue.tables["identities"]), PERSON)


def with_referred(
    context: Context, rows: DataFrame, table: type[Table], texts: Sequence[str], *days: date
) -> DataFrame:
    """Join each table that the expressions name. Its columns are in a struct with the name of the table.

    A row gets the last version that was recorded by the day, even one that has ended: a product that is no longer
    listed was still bought.
    """
    for name in qualifiers(texts):
        other = context.catalogue.tables[name]
        by = next(reference for reference, column in table.columns.items() if column.references == name)
        fields = ", ".join(f"`{column}`" for column in other.columns)
        key = f"`{other.keys[0]}`"
        newest = f"row_number() over (partition by {key}, as_of order by {_LAST_KNOWN}) as _n"
        versions = repeat_for_days(context.lake.table(other), days).where(_ONCE_KNOWN)
        latest = versions.selectExpr(f"{key} as `{by}`", "as_of", f"struct({fields}) as `{name}`", newest)
        latest = latest.where("_n = 1")
        # Sail builds its hash table from the left side of a join: the master is smaller than the facts.
        rows = latest.drop("_n").join(rows, [by, "as_of"], "right")
    return rows


def computed(context: Context, view: type[FeatureView], *days: date) -> DataFrame:
    """Compute the features of a view as of each day, in one pass: the entity's key, as_of, features.

    An entity without rows in a window has 0 for counts and sums, and for expressions of these alone. All else is null.
    """
    return _with_losses(context, view, *days).drop("_lost")


def _with_losses(context: Context, view: type[FeatureView], *days: date) -> DataFrame:
    """The same, with a column `_lost`: names of features that cannot be computed for the entity."""
    plans, by = view.plans(context.catalogue.tables), view.entity.by()
    parts = computed_parts(_rows_of(context, view, *days), plans.values(), by, *days)
    rows = all_entities(context, view.entity, *days).join(parts, by, "left")
    values = [f"{plan.value()} as `{name}`" for name, plan in plans.items()]
    losses = {name: condition for name, plan in plans.items() if (condition := plan.lost())}
    return rows.selectExpr(*by, *values, f"nullif({_names(losses)}, '') as _lost")


def _names(conditions: Mapping[str, str]) -> str:
    """SQL of the names whose condition is true, separated by commas; null if there are none."""
    cases = ", ".join(f"if({condition}, '{name}', null)" for name, condition in conditions.items())
    return f"nullif(concat_ws(', ', {cases}), '')" if cases else "cast(null as string)"


def computed_parts(
    rows: DataFrame, plans: Collection[AggregateExpression], by: Sequence[str], *days: date
) -> DataFrame:
    """Compute the parts of plans by entity and day, from rows that at least one of them uses."""
    used = rows.where(_with_day(any_of(plan.condition() for plan in plans), days))
    return aggregated(used, by, {name: _with_day(sql, days) for plan in plans for name, sql in plan.parts().items()})


def _with_day(sql: str, days: Sequence[date]) -> str:
    """Replace the column `as_of` by the day itself, so that the engine computes expressions of it once."""
    return sql.replace("`as_of`", f"date'{days[0]}'") if len(days) == 1 else sql


def aggregated(rows: DataFrame, by: Sequence[str], parts: Mapping[str, str]) -> DataFrame:
    """Aggregate rows by the key of an entity and the day: `by`, and a column for each named SQL."""
    from pyspark.sql import functions as F  # noqa: N812

    return rows.groupBy(*by).agg(*(F.expr(sql).alias(name) for name, sql in parts.items()))


def _rows_of(context: Context, view: type[FeatureView], *days: date) -> DataFrame:
    """Input rows of a view as of each day, with its derived columns."""
    tables = context.catalogue.tables
    rows = facts_of(context, view.entity, view.over, view.via, *days)
    rows = with_referred(context, rows, view.over, _texts(view), *days)
    reached = reach(view.over, tables)
    if view.where:
        types = {name: column.type for name, column in reached.items()}
        rows = rows.where(safe_sql(two_valued(parse(view.where).tree), types))
    order = list(dict.fromkeys([str(view.over.event_time), *view.over.identity()]))
    by = view.entity.by()
    derived = (f"{derivation.sql(reached, by, order)} as `{name}`" for name, derivation in view.derived.items())
    return rows.selectExpr("*", *derived) if view.derived else rows


def _write(context: Context, receipt: Receipt, view: type[FeatureView]) -> Outcome:
    table = context.catalogue.tables[view.name]
    staged, losses = context.lake.staging.stage_and_count(_with_losses(context, view, context.day), by="_lost")
    written = context.lake.sync(table, staged.rows.drop("_lost"), receipt, part=f"as_of = date'{context.day}'")
    total = written.inserted + written.updated + written.unchanged
    return Outcome(
        rows_in=total, rows_out=written.changed, unchanged=written.unchanged,
        notes=tuple(
            lost_note(f"{view.name}.{names}", count, view.entity) for names, count in losses.items() if names
        ),
    )  # fmt: skip


def lost_note(names: str, number: int, entity: type[Entity]) -> str:
    """Say for how many entities a value is null although all its inputs are present."""
    whom = f"{number} {entity.plural(number)}"
    return f"{names} cannot be computed for {whom}: too large, a division by 0, or no number"
