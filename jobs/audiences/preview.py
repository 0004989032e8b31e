"""The size that a new or changed audience has by today's tables, beside the one that is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from jobs.audiences import rules
from quanyu.errors import QuanyuError
from quanyu.grammar.audience import Audience
from quanyu.grammar.entity import Entity
from quanyu.lake import place_of
from quanyu.model.outcomes import memberships_of
from quanyu.run.planning.plan import Trial
from quanyu.run.runner import Context


def effects(trial: Trial) -> Mapping[str, list[str]]:
    """The size of each audience as of the last day that its entities were computed for."""
    catalogue = trial.context.catalogue
    chosen = [catalogue.audiences[name] for name in trial.of("audience")]
    sizes: dict[str, list[str]] = {}
    for entity in catalogue.entities.values():
        audiences = [audience for audience in chosen if audience.entity == entity.name]
        sizes |= {f"audience {name}": [size] for name, size in _sizes(trial, entity, audiences)}
    return sizes


def _sizes(trial: Trial, entity: type[Entity], audiences: list[Audience]) -> Iterator[tuple[str, str]]:
    # The table of entities that are not computed every day tells of no day.
    receipt = trial.context.lake.receipt(place_of(entity.table) if entity.resolved else f"gold/profile_{entity.name}")
    if receipt is None:
        yield from ((audience.name, "its size is not known before the first run") for audience in audiences)
        return
    # The same tables, read as of the day that they are of.
    context = Context(trial.context.settings, date.fromisoformat(receipt["day"]), trial.context.run_id, sends=False)
    context.__dict__.update({"store": trial.context.store, "catalogue": trial.context.catalogue})
    before = _members(context, entity)
    for audience in audiences:
        yield audience.name, _size(context, entity, audience, before.get(audience.name))


def _size(context: Context, entity: type[Entity], audience: Audience, before: int | None) -> str:
    was = f", {before:,} before" if before is not None else ""
    if missing := sorted(_missing(context, entity, audience)):
        return f"its size is not known before {', '.join(missing)} is computed{was}"
    try:
        members = rules.evaluate_rules(context, entity, audiences=[audience]).where("lost is null")
        counts = {row["holdout"]: row["count"] for row in members.groupBy("holdout").count().collect()}
    except QuanyuError as error:
        return f"its size cannot be computed: {error}"
    total = sum(counts.values())
    if audience.alike:
        most, whom = audience.alike.number(total), f"{total:,} {entity.plural(total)}"
        return f"at most {most:,} of the {whom} who may be found, known when {context.day} is run{was}"
    held_out = f", {counts[True]:,} of them held out" if counts.get(True) else ""
    return f"{total:,} {entity.plural(total)} on {context.day}{held_out}{was}"


def _missing(context: Context, entity: type[Entity], audience: Audience) -> Iterator[str]:
    """Views that the rule depends on and that have no rows yet."""
    for owner in rules.producers_of_inputs(context.catalogue, entity, [audience]):
        if owner in context.catalogue.views and not context.lake.exists(f"gold/{owner}"):
            yield owner


def _members(context: Context, entity: type[Entity]) -> dict[str, int]:
    """How many are in each audience now, as recorded."""
    place = place_of(memberships_of(entity))
    if not context.lake.exists(place):
        return {}
    from pyarrow import compute

    names = context.lake.rows(place, ["audience"], compute.field("left_on").is_null())["audience"]
    return {item["values"]: item["counts"] for item in names.value_counts().to_pylist()}
