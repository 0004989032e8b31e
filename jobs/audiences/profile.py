"""One step per entity: its profile, with all that is known of each today."""

from __future__ import annotations

from functools import partial

from jobs.audiences.tag_shares import tag_counts
from quanyu.discover import Catalogue
from quanyu.grammar.declaration import digest
from quanyu.grammar.entity import Entity
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.point_in_time import as_of
from quanyu.point_in_time.profiles import LOST, computed, lost_note
from quanyu.run import audience_days
from quanyu.run.runner import Context, Outcome, Step


def steps(catalogue: Catalogue) -> list[Step]:
    """List the step of every entity that has features or tags."""
    entities = (entity for name, entity in catalogue.entities.items() if f"profile_{name}" in catalogue.tables)
    return [_step(catalogue, entity) for entity in entities]


def _step(catalogue: Catalogue, entity: type[Entity]) -> Step:
    name = f"profile_{entity.name}"
    owners = [view.name for view in catalogue.views_of(entity)]
    owners += [*(spec.name for spec in catalogue.models_of(entity)), entity.name]
    reads = {place(catalogue, entity, owner) for owner in owners} | {*as_of.entity_sources(entity)}
    declares = {f"tag {tag}": digest(repr(rule)) for tag, rule in catalogue.tags_of(entity).items()}
    return Step(
        f"profile.{entity.name}", "audiences", tuple(sorted(reads)), (f"gold/{name}",),
        digest([catalogue.tables[name].definition(), catalogue.tag_digests(entity)]), partial(write, entity=entity),
        f"Attributes, features, scores and tags of {entity.plural(2)}, one current row each.",
        as_of=True, forward=True, rebuilds=(f"gold/{name}",), declares=declares,
        inputs=partial(lacking, entity=entity),
    )  # fmt: skip


def lacking(context: Context, entity: type[Entity]) -> dict[str, str]:
    """What the profile still needs before it can be written for the day: a value that is missing is not null."""
    catalogue = context.catalogue
    needed = [f"features.{view.name}" for view in catalogue.views_of(entity)]
    needed += ["scores"] if catalogue.models_of(entity) else []
    needed += ["identities", as_of.job_of(entity.table).name] if entity.resolved else []
    words = audience_days.steps_not_current(context, needed)
    return {entity.name: words} if words else {}


def place(catalogue: Catalogue, entity: type[Entity], owner: str) -> str:
    """Place of the table that holds what a view or model about an entity, or the entity itself, gives."""
    if owner == entity.name:
        return place_of(entity.table)
    return f"gold/scores_{entity.name}" if owner in catalogue.models else f"gold/{owner}"


def write(context: Context, receipt: Receipt, entity: type[Entity]) -> Outcome:
    """Write the profile of every entity of the day, and count who has each tag; while a step lacks, it is left."""
    if lacks := lacking(context, entity):
        return Outcome(notes=(f"not updated to the day, it stays as it was: {lacks[entity.name]}",), run_again=True)
    catalogue = context.catalogue
    table = catalogue.tables[f"profile_{entity.name}"]
    names = [name for name, column in catalogue.names(entity).items() if column.type]
    staged = context.lake.staging.stage(computed(context, entity, names, context.day))
    written = context.lake.sync(table, staged.rows.select(*table.columns), receipt)
    losses = staged.rows.selectExpr(f"explode({LOST}) as name").groupBy("name").count().collect()
    return Outcome(
        rows_in=staged.count, rows_out=written.changed, unchanged=written.unchanged,
        facts=tag_counts(staged.rows, {tag: catalogue.names(entity)[tag] for tag in catalogue.tags_of(entity)}),
        notes=tuple(lost_note(row["name"], row["count"], entity) for row in losses),
    )  # fmt: skip
