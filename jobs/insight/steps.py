"""The step that describes all audiences: what they are like, whom they share, who is reached, and what has changed."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from jobs.audiences.rules import about
from jobs.insight.description import TABLES, Description, Rows, describe
from jobs.insight.earlier_days import young_notes
from jobs.insight.facts import InsightFacts
from quanyu.discover import Catalogue
from quanyu.grammar.declaration import digest
from quanyu.grammar.entity import Entity
from quanyu.grammar.table import Table
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.entities import Customer
from quanyu.model.insight import AudienceTrends
from quanyu.model.outcomes import memberships_of
from quanyu.model.people import ConsentAnswers
from quanyu.run import audience_days
from quanyu.run.runner import Context, Outcome, Step

if TYPE_CHECKING:
    import pyarrow as pa

STEP = "audience_insight"


def steps(catalogue: Catalogue) -> list[Step]:
    """List the one step, if there are audiences."""
    places = [place for entity in described_entities(catalogue).values() for place in places_of(entity)]
    if not places:
        return []
    definition = digest([catalogue.settings.insight.model_dump(), [table.definition() for table in TABLES]])
    return [
        Step(
            STEP, "insight", tuple(places), tuple(place_of(table) for table in TABLES), definition, write,
            "Size, profile, overlap and reach of every audience, with warnings.", as_of=True, forward=True,
            inputs=lacking, rebuilds=tuple(place_of(table) for table in TABLES),
        )
    ]  # fmt: skip


def places_of(entity: type[Entity]) -> list[str]:
    """Places of what the audiences about an entity are described from."""
    answers = [place_of(ConsentAnswers)] if entity is Customer else []
    return [f"gold/profile_{entity.name}", place_of(memberships_of(entity)), *answers]


def described_entities(catalogue: Catalogue) -> dict[str, type[Entity]]:
    """Entities with audiences and a profile."""
    return {
        name: entity
        for name, entity in catalogue.entities.items()
        if about(catalogue, entity) and f"profile_{name}" in catalogue.tables
    }


def lacking(context: Context) -> dict[str, str]:
    """Entities of which something is not of the day, each with what it lacks."""
    entities = described_entities(context.catalogue)
    words = {name: not_current(context, places_of(entity)) for name, entity in entities.items()}
    return {name: lacks for name, lacks in words.items() if lacks}


def not_current(context: Context, places: Collection[str]) -> str:
    """List the steps that write these places and are not of the day; empty if all are."""
    writers = [step.name for step in context.steps.values() if set(places) & set(step.writes)]
    return audience_days.steps_not_current(context, writers)


def write(context: Context, receipt: Receipt) -> Outcome:
    """Describe the audiences of every entity whose profile and memberships are of the day; others stay as they are."""
    lacks, result = lacking(context), Description()
    described = [name for name in described_entities(context.catalogue) if name not in lacks]
    for name in described:
        describe(context, context.catalogue.entities[name], result)
    for table, rows in result.rows.items():
        _write(context, receipt, table, rows, described)
    notes = tuple(f"audiences about {name} stay as they were: {words}" for name, words in lacks.items())
    today = [row for row in result.rows[AudienceTrends] if row["day"] == context.day]
    notes += tuple(young_notes(today, context.day))
    return Outcome(
        sum(row["size"] for row in today), sum(map(len, result.rows.values())), notes=notes,
        facts=InsightFacts(len(today), result.drifted), run_again=bool(lacks),
        alerts={warning.key: warning.words() for warning in result.warnings},
    )  # fmt: skip


def _write(context: Context, receipt: Receipt, table: type[Table], rows: Rows, described: Collection[str]) -> None:
    """Write the rows of the entities that were described, in place of theirs; of days, add them to earlier ones."""
    import pyarrow as pa

    context.lake.prepare(table)
    place = place_of(table)
    written, counts = pa.Table.from_pylist(rows, context.lake.arrow(place).schema), {"out": len(rows)}
    if table is AudienceTrends:
        context.lake.upsert_rows(table, written, receipt, counts)
    else:
        others = _others(context, table, described)
        context.lake.replace_rows(place, pa.concat_tables([others, written]), receipt, counts)


def _others(context: Context, table: type[Table], described: Collection[str]) -> pa.Table:
    """Rows about entities that are described still and were not today. Those about customers may not say so."""
    import pyarrow as pa
    from pyarrow import compute

    stored = context.lake.arrow(place_of(table)).to_table()
    standing = [name for name in described_entities(context.catalogue) if name not in described]
    if "entity" not in stored.schema.names:
        return stored if Customer.name in standing else stored.slice(0, 0)
    return stored.filter(compute.is_in(stored["entity"], value_set=pa.array(standing, pa.string())))
