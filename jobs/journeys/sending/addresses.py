"""Addresses of customers and the values that a message may contain, read at the time of sending."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.consent import facts
from jobs.consent.facts import Question
from jobs.consent.gate import ConsentGate
from jobs.consent.missing_answers import reasons_to_wait
from jobs.journeys import instances
from jobs.journeys.program import Program
from jobs.journeys.sending.send import Reach, Recipient, Withheld
from jobs.journeys.sending.template import Template, Text
from quanyu.errors import nearest
from quanyu.grammar.declaration import Problems
from quanyu.grammar.journey import Journey
from quanyu.model.people import REACHES
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context
from quanyu.store import Message

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

VALUES = {
    "name": "the customer's name, empty where none is known",
    "city": "the customer's city, empty where none is known",
    "journey": "the name of the journey",
}


@dataclass(frozen=True)
class JourneyTemplate(Template):
    """A message template of a journey, which may also contain the journey's name."""

    journey: str = ""

    def fill(self, values: Mapping[str, Any]) -> Text:
        """Fill in the values of one customer and the name of the journey."""
        return super().fill({**values, "journey": self.journey})


def template_name(journey: str, step: int) -> str:
    """Name of the template of a step."""
    return f"{journey}.{step}"


def templates(journeys: Iterable[Journey], programs: Mapping[str, Program]) -> dict[str, Template]:
    """Templates of all journeys, by name. Raises ConfigError for those that cannot be parsed or use unknown values."""
    problems = Problems()
    texts: dict[str, Template] = {}
    for journey in journeys:
        for step, operation in enumerate(programs[journey.name].operations):
            if operation.message is None:
                continue
            name, message = template_name(journey.name, step), operation.message
            with problems.gather():
                template = JourneyTemplate(name, message.subject, message.body, None, journey.file, journey.name)
                for unknown in sorted(template.names() - set(VALUES)):
                    problems.add(journey.file, "message", f"unknown value {unknown!r}; {nearest(unknown, VALUES)}")
                texts[name] = template
    problems.check()
    return texts


def addresses(context: Context, kind: str, value_names: frozenset[str]) -> Reach:
    """Return a function that asks the consent gate where each message may go by a kind of identifier, or why not.

    It looks up the current customer of a message, and reads names only if a template uses them. While there are doubts
    about consents, every message waits.
    """

    gates: dict[str, ConsentGate] = {}

    def reach(messages: Sequence[Message]) -> Mapping[str, Recipient | Withheld]:
        if words := reasons_to_wait(context, PURPOSE):
            waits = Withheld(f"consents are in doubt: {words[0]}", may_pass=True)
            return {message.key: waits for message in messages}
        customers = current_customers(context, messages)
        answers: dict[str, Recipient | Withheld] = {}
        for journey in sorted({message.journey for message in messages}):
            of_journey = [message for message in messages if message.journey == journey]
            if journey not in gates:
                gates[journey] = gate_of(context, kind, journey)
            rows = gate_answers(
                context, gates[journey], {customers[message.key] for message in of_journey}, "name" in value_names
            )
            answers |= {message.key: _answer(rows[customers[message.key]], kind) for message in of_journey}
        return answers

    return reach


PURPOSE = "messages"


def current_customers(context: Context, messages: Sequence[Message]) -> dict[str, str]:
    """Customer of each message today, by key: who has the record of the instance, or the id that replaced it."""
    into = as_of.redirects(context.lake)
    holders = {instance.instance_id: instance.customer_id for instance in instances.read_instances(context)}
    return {
        message.key: holders.get(message.instance_id) or into.get(message.customer_id, message.customer_id)
        for message in messages
    }


def gate_of(context: Context, kind: str, journey: str) -> ConsentGate:
    """The consent gate for messages of a journey by a kind of identifier. It refuses customers in the holdout."""
    declared = context.catalogue.journeys.get(journey)
    out = facts.held_out(context, declared.enters if declared else "")
    return ConsentGate(context, Question(PURPOSE, REACHES[kind][0], (kind,)), out)


def gate_answers(
    context: Context, gate: ConsentGate, customers: Collection[str], named: bool
) -> dict[str, list[Mapping[str, Any]]]:
    """Answers of the gate by customer, with the values that a message may contain."""
    spark, tables = context.lake.spark, context.catalogue.tables
    frame = spark.createDataFrame([(customer,) for customer in sorted(customers)], "customer_id string")
    reached = gate.check(frame)
    cities = context.lake.table(tables["customers"]).select("customer_id", "city")
    reached = reached.join(cities, "customer_id", "left")
    if named:
        reached = reached.join(_names(context), "customer_id", "left")
    rows: dict[str, list[Mapping[str, Any]]] = {customer: [] for customer in customers}
    for row in reached.collect():
        rows[row["customer_id"]].append(row.asDict())
    return rows


def _names(context: Context) -> DataFrame:
    """The newest name of each customer: customer_id, name."""
    from pyspark.sql import functions as F  # noqa: N812

    people = facts.valid_rows(context, "people", facts.Moment.now()).where("display_name not like '%*%'")
    # Order by one text: ordering by a struct keeps a whole batch in memory for each customer.
    last = "max_by(display_name, concat(cast(recorded_on as string), source, person_key))"
    return people.groupBy("customer_id").agg(F.expr(last).alias("name"))


def _answer(rows: Sequence[Mapping[str, Any]], kind: str) -> Recipient | Withheld:
    """The newest address that may be used, or the reason why there is none."""
    free = [row for row in rows if row["reason"] is None]
    if not free:
        reasons = {row["reason"] for row in rows}
        return Withheld("; ".join(sorted(reasons)) or "the customer is gone")
    row = max(free, key=lambda row: (row["recorded_on"], row["value"]))
    return Recipient(row["value"], kind, {"name": row.get("name") or "", "city": row["city"] or ""})
