"""What the consent gate answers of everybody at the end of a day, so that a tag counts those whom a sending would find.

An answer of the day is no permission: whatever leaves asks the gate again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from jobs.consent.facts import Moment, Question, feeds
from jobs.consent.gate import ConsentGate, MomentEvidence
from quanyu.discover import Catalogue
from quanyu.grammar.declaration import digest
from quanyu.grammar.job import job
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.lake.union import union_all
from quanyu.literals import quoted
from quanyu.model.entities import Customer
from quanyu.model.people import (
    ANY,
    CHANNELS,
    PURPOSES,
    REACHABLE,
    REACHES,
    ConsentAnswers,
    Consents,
    Identifiers,
    Suppressions,
)
from quanyu.model.touch import Messages
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context, Outcome, Step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def of_messages() -> list[Question]:
    """The question of messages on each channel, by the kinds of address that it reaches."""
    kinds = {channel: tuple(kind for kind, reached in REACHES.items() if channel in reached) for channel in CHANNELS}
    return [Question("messages", channel, of_channel) for channel, of_channel in kinds.items()]


def of_platforms(*purposes: str) -> list[Question]:
    """The question of each purpose that is bound to no channel, as an outside platform serves it."""
    return [Question(purpose, ANY, ("phone", "email")) for purpose in purposes]


def questions() -> list[Question]:
    """Everything that the gate can be asked."""
    return [*of_messages(), *of_platforms(*(purpose for purpose in PURPOSES if purpose != "messages"))]


@job(reads=[Consents, Identifiers, Messages, Suppressions], writes=ConsentAnswers)
def consent_answers(context: Context, day: date, owners: DataFrame | None) -> DataFrame:
    """What the consent gate answers of each customer: messages on each channel, advertisements, and why not.

    It is not asked about a channel on which no address was recorded by the day: the retailer does not have it.
    """
    everybody = as_of.records_known(context, day, owners=owners).select("customer_id").distinct()
    everybody = context.lake.staging.materialize(everybody)
    identifiers = context.lake.table(context.catalogue.tables["identifiers"]).where(f"recorded_on <= date'{day}'")
    kinds = {row["kind"] for row in identifiers.select("kind").distinct().collect()}
    asked = [question for question in of_messages() if kinds.intersection(question.kinds)]
    evidence = MomentEvidence(context, Moment.end_of(day, context.settings.tzinfo, owners))
    gates = {question: ConsentGate(context, question, evidence=evidence) for question in (*asked, *of_platforms("ads"))}
    return union_all([_answers(gate, question, everybody) for question, gate in gates.items()])


def _answers(gate: ConsentGate, question: Question, customers: DataFrame) -> DataFrame:
    """One row per customer: one usable address is enough; without any, all of them are refused for the same cause."""
    from pyspark.sql import functions as F  # noqa: N812

    answer = F.expr(f"if(bool_or(reason is null), '{REACHABLE}', min(cause))").alias("answer")
    rows = gate.check(customers).groupBy("customer_id").agg(answer)
    asked = f"{quoted(question.purpose)} as purpose", f"{quoted(question.channel)} as channel"
    return rows.selectExpr("customer_id", *asked, "answer")


def step(catalogue: Catalogue) -> Step:
    """The step that asks once a day."""
    table = catalogue.tables[ConsentAnswers.name]
    settings = [catalogue.settings.suppression.model_dump(), sorted(catalogue.sources)]
    reads = dict.fromkeys((*map(place_of, consent_answers.reads), *as_of.entity_sources(Customer)))
    return Step(
        consent_answers.name, "consent", tuple(reads), (place_of(table),),
        digest([consent_answers.definition(), table.definition(), settings]), write, consent_answers.describes,
        as_of=True, forward=True, inputs=_quarantine, rebuilds=(place_of(table),),
    )  # fmt: skip


def _quarantine(context: Context) -> Mapping[str, Any]:
    """Versions of the quarantine of the feeds that decide, since a row there speaks for its person too."""
    places = [f"quarantine/{source}" for source in feeds(context, "messages")]
    return {"the quarantine of consents": {place: context.lake.version(place) for place in places}}


def write(context: Context, receipt: Receipt) -> Outcome:
    """Write the answers of the day; only those that changed."""
    table = context.catalogue.tables[ConsentAnswers.name]
    written = context.lake.sync(table, as_of.of_job(context, consent_answers, context.day), receipt)
    return Outcome(written.inserted + written.updated + written.unchanged, written.changed, 0, written.unchanged)
