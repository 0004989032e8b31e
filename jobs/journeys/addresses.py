"""Where customers are reached and what a message may say of them, fetched at the moment of sending."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.journeys.program import Program
from jobs.journeys.send import Address, Reach, Withheld
from jobs.journeys.template import Template, Text
from quanyu import asof
from quanyu.declare import Problems
from quanyu.errors import nearest
from quanyu.journey import Journey
from quanyu.run import Context
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
    """A text of a journey, which may also name the journey."""

    journey: str = ""

    def fill(self, values: Mapping[str, Any]) -> Text:
        """Fill in one customer's values and the journey's."""
        return super().fill({**values, "journey": self.journey})


def template_name(journey: str, step: int) -> str:
    """Name the text of a step."""
    return f"{journey}.{step}"


def templates(journeys: Iterable[Journey], programs: Mapping[str, Program]) -> dict[str, Template]:
    """Every text of every journey by name. Raises ConfigError with all that cannot be read or names unknown values."""
    problems = Problems()
    found: dict[str, Template] = {}
    for journey in journeys:
        for step, operation in enumerate(programs[journey.name].operations):
            if operation.message is None:
                continue
            name, told = template_name(journey.name, step), operation.message
            with problems.gather():
                made = JourneyTemplate(name, told.subject, told.body, None, journey.file, journey.name)
                for unknown in sorted(made.names() - set(VALUES)):
                    problems.add(journey.file, "message", f"unknown value {unknown!r}; {nearest(unknown, VALUES)}")
                found[name] = made
    problems.check()
    return found


def addresses(context: Context, kind: str, wanted: frozenset[str]) -> Reach:
    """Make the function that finds who is reached by a kind of identifier and consents to messages now.

    Names are only read where a text wants them.
    """

    def reach(messages: Sequence[Message]) -> Mapping[str, Address | Withheld]:
        into = asof.redirects(context.lake)
        customers = {message.key: into.get(message.customer_id, message.customer_id) for message in messages}
        rows = reachable(context, kind, sorted(set(customers.values())), "name" in wanted).collect()
        reached = {
            row["customer_id"]: Address(row["to"], kind, {"name": row["name"], "city": row["city"]}) for row in rows
        }
        nobody = Withheld("no address or no consent at the moment of sending")
        return {key: reached.get(customer, nobody) for key, customer in customers.items()}

    return reach


def reachable(context: Context, kind: str, customers: Sequence[str], named: bool) -> DataFrame:
    """Give customer_id, to, city and name of those who consent and have an address: the one told last."""
    from pyspark.sql import functions as F  # noqa: N812

    tables, lake, day = context.catalogue.tables, context.lake, context.day
    asked = lake.spark.createDataFrame([(customer,) for customer in customers], "customer_id string")
    reached = lake.table(tables["customers"]).where(F.col("consent_messages")).join(asked, "customer_id")
    known = asof.facts(context, tables["identifiers"], day).where(F.col("kind") == kind)
    last = F.max(F.struct("recorded_on", "value"))["value"].alias("to")
    reached = reached.select("customer_id", "city").join(known.groupBy("customer_id").agg(last), "customer_id")
    name = F.lit("")
    if named:
        people = asof.facts(context, tables["people"], day).where("display_name not like '%*%'")
        last = F.max(F.struct("recorded_on", "display_name"))["display_name"].alias("display_name")
        reached = reached.join(people.groupBy("customer_id").agg(last), "customer_id", "left")
        name = F.coalesce("display_name", F.lit(""))
    return reached.select("customer_id", "to", F.coalesce("city", F.lit("")).alias("city"), name.alias("name"))
