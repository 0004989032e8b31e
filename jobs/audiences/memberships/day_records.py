"""What each audience was on a day, and from what it was evaluated: its members by a hash, and the pins of a replay."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jobs.audiences import alike, rules, static_lists
from jobs.audiences.memberships.due import is_over, step_of
from jobs.audiences.memberships.intervals import members_on
from quanyu.catalogue.definitions import Definition, declared_text
from quanyu.discover import Catalogue
from quanyu.expressions import qualifiers
from quanyu.grammar.audience import Audience, family
from quanyu.grammar.declaration import digest
from quanyu.grammar.entity import Entity
from quanyu.grammar.names import with_inputs
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.outcomes import AudienceDays, memberships_of
from quanyu.point_in_time import as_of
from quanyu.point_in_time.profiles import is_stored
from quanyu.run import audience_days
from quanyu.run.runner import Context, Outcome, Step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

STEP, PLACE = "audience_days", place_of(AudienceDays)


def step(catalogue: Catalogue) -> Step:
    """The step, which follows the memberships of all entities."""
    entities = [entity for entity in catalogue.entities.values() if rules.about(catalogue, entity)]
    places = [place_of(memberships_of(entity)) for entity in entities]
    tables = {place_of(table) for table in catalogue.tables.values()}
    profiles = sorted({f"gold/profile_{entity.name}" for entity in entities} & tables)
    return Step(
        STEP, "audiences", (*places, *profiles), (PLACE,), "", write,
        "What each audience was on a day: members by a hash, and the versions it was evaluated from.",
        as_of=True, forward=True, inputs=_evaluated_audiences,
    )  # fmt: skip


def _evaluated_audiences(context: Context) -> dict[str, str]:
    """Hash of the definition of each audience that was evaluated as of the day."""
    audiences = context.catalogue.audiences.values()
    return {one.name: definition(context.catalogue, one) for one in audiences if _is_evaluated(context, one)}


def _is_evaluated(context: Context, audience: Audience) -> bool:
    return not is_over(audience, context.day) and audience_days.was_evaluated(context, audience.name)


def write(context: Context, receipt: Receipt) -> Outcome:
    """Write a row for each audience that was evaluated as of the day. One that stays as it was has none."""
    import pyarrow as pa

    catalogue, rows = context.catalogue, []
    warnings: list[str] = []
    for entity in catalogue.entities.values():
        audiences = [one for one in rules.about(catalogue, entity) if _is_evaluated(context, one)]
        if audiences:
            counts = counted(members_on(context.lake.table(memberships_of(entity)), context.day), entity)
            rows += [_row(context, entity, one, counts.get(one.name, NOBODY)) for one in audiences]
    earlier = _last_sizes(context)
    for row in rows:
        band = catalogue.audiences[row["audience"]].size
        texts = band.warnings(row["members"], earlier.get(row["audience"])) if band else ()
        warnings += [f"{row['audience']} is outside of its band: {words}" for words in texts]
    context.lake.prepare(AudienceDays)
    table = pa.Table.from_pylist(rows, context.lake.arrow(PLACE).schema)
    if rows:
        context.lake.upsert_rows(AudienceDays, table, receipt, {"out": len(rows)})
    return Outcome(len(rows), len(rows), notes=tuple(warnings))


Counts = tuple[int, int, str]
NOBODY: Counts = (0, 0, digest("0"))


def counted(members: DataFrame, entity: type[Entity]) -> dict[str, Counts]:
    """Members, members in the holdout, and a hash of the members, by audience.

    The hash adds the hashes of the keys, so that it needs no order.
    """
    from pyspark.sql import functions as F  # noqa: N812

    part = "sum(cast(conv(substring(sha2(`{key}`, 256), {first}, 15), 16, 10) as decimal(38,0)))"
    sums = [F.expr(part.format(key=entity.key, first=first)).alias(f"s{first}") for first in (1, 16)]
    parts = [F.expr("count(*)").alias("members"), F.expr("count_if(holdout)").alias("held_out"), *sums]
    rows = members.groupBy("audience").agg(*parts).collect()
    return {row["audience"]: (row["members"], row["held_out"], _hash(row["s1"], row["s16"])) for row in rows}


def _hash(*sums: Decimal) -> str:
    return digest([str(int(each)) for each in sums])


def _row(context: Context, entity: type[Entity], audience: Audience, counts: Counts) -> dict[str, Any]:
    members, holdout, members_digest = counts
    return {
        "audience": audience.name, "day": context.day, "entity": entity.name,
        "definition_digest": definition(context.catalogue, audience), "members": members, "holdout": holdout,
        "members_digest": members_digest, "tables": list(_tables(context, entity, audience)),
        "models": _models(context, entity, audience), "fit": _fit(context, audience),
    }  # fmt: skip


def _fit(context: Context, audience: Audience) -> str | None:
    fit = alike.fit_of(context, audience)
    return json.dumps(asdict(fit), sort_keys=True) if fit else None


def parts_of(catalogue: Catalogue, audience: Audience) -> list[Audience]:
    """The audience and all that its members depend on, each once: those that its rule names, and its seeds."""
    seeds = audience.alike.seeds if audience.alike else ()
    named = [one for name in seeds for one in family(catalogue.audiences[name], catalogue.audiences)]
    return list({one.name: one for one in [*named, *family(audience, catalogue.audiences)]}.values())


def definition(catalogue: Catalogue, audience: Audience) -> str:
    """Hash of what an audience means: its text, those of the audiences that it depends on, and the lists of all."""
    conf = catalogue.settings.conf
    parts = parts_of(catalogue, audience)
    texts = [Definition(one.kind, one.name, declared_text(one)).digest() for one in parts]
    return digest([texts, [static_lists.content_digest(conf, one) for one in parts]])


def _tables(context: Context, entity: type[Entity], audience: Audience) -> Iterator[str]:
    """Versions of the tables that the evaluation of the day read, none if the profile or the members were not of it."""
    last = context.store.unchanged_runs.load(step_of(entity), "")
    of_day = audience_days.has_members_of_the_day(context, audience.name)
    if last is None or not of_day or not is_stored(context, entity):
        return
    versions: Mapping[str, Any] = last["depends"]["inputs"]
    for place in sorted(places_read(context.catalogue, entity, audience)):
        if versions.get(place) is not None:
            yield f"{place}@{versions[place]}"
    # Members of a lookalike follow customers whose id changes from the day of its fit on.
    if audience.alike and entity.resolved and (version := context.lake.version(as_of.EVENTS)) is not None:
        yield f"{as_of.EVENTS}@{version}"


def places_read(catalogue: Catalogue, entity: type[Entity], audience: Audience) -> set[str]:
    """Places that the rule of an audience is evaluated from, beside the profile of the day."""
    parts = parts_of(catalogue, audience)
    places = {f"gold/profile_{entity.name}", *measured(catalogue, parts)}
    if any(one.measures or one.lists for one in parts):
        places |= {place_of(entity.table), *as_of.entity_sources(entity)}
    return places


def measured(catalogue: Catalogue, audiences: Iterable[Audience]) -> Iterator[str]:
    """Places of the facts that measures aggregate, and of what their expressions refer to."""
    for measure in (measure for audience in audiences for measure in audience.measures.values()):
        yield from as_of.sources_of(catalogue.tables[measure.over])
        texts = [measure.value, measure.where or "true", *(each.where for each in measure.after.values())]
        yield from (place_of(catalogue.tables[name]) for name in qualifiers(texts))


def _models(context: Context, entity: type[Entity], audience: Audience) -> list[str]:
    """Models whose scores of the day the audience depends on, with their versions."""
    tags = context.catalogue.tags_of(entity)
    parts = parts_of(context.catalogue, audience)
    likeness = audience.alike.names() if audience.alike else ()
    names = with_inputs([*rules.names_in_rules(context.catalogue, parts), *likeness], tags)
    models = sorted({name.partition(".")[0] for name in names} & {*context.catalogue.models})
    place = f"gold/scores_{entity.name}"
    if not models or not context.lake.exists(place):
        return []
    from pyarrow import compute as pc

    of_day = pc.field("model").isin(models) & (pc.field("as_of") == context.day)
    rows = context.lake.rows(place, ["model", "version"], of_day).group_by(["model", "version"]).aggregate([])
    return sorted(f"{row['model']}@{row['version']}" for row in rows.to_pylist())


def _last_sizes(context: Context) -> dict[str, int]:
    """Members of each audience on the last day before this one on which it was evaluated."""
    if not context.lake.exists(PLACE):
        return {}
    from pyarrow import compute as pc

    rows = context.lake.rows(PLACE, ["audience", "day", "members"], pc.field("day") < context.day)
    return {row["audience"]: row["members"] for row in rows.sort_by("day").to_pylist()}
