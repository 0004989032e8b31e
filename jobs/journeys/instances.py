"""Reads and writes instances and decisions, and reads the entries, events and consents that they depend on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from jobs.journeys.program import Decision, JourneyInstance
from quanyu.grammar.row_expressions import planned, reach
from quanyu.grammar.table import Table
from quanyu.lake import WriteCounts
from quanyu.lake.receipt import Receipt
from quanyu.model.entities import Customer
from quanyu.model.outcomes import memberships_of
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Outcomes of instances: the customer was merged into one who is under way; the record has no customer any more.
MERGED, PARTED = "merged", "parted"


@dataclass(frozen=True)
class CustomerEvent:
    """An event of a customer: its day, and the days from (included) and until (excluded) which the data contain it."""

    on: date
    known_on: date
    until: date | None

    def is_in_data(self, since: date, on: date) -> bool:
        """Whether it is after the day of entry and in the data at the end of day `on`."""
        return self.on > since and self.known_on <= on and (self.until is None or self.until > on)


CustomerEvents = Mapping[tuple[str, str], Sequence[CustomerEvent]]


Record = tuple[str, str]
Entry = tuple[str, str, date]


def entries(context: Context, audiences: Mapping[str, date]) -> list[Entry]:
    """Entries into audiences up to the day, each from its start on, without the holdout.

    Tuples of audience, customer and day of entry, earliest first.
    """
    from pyspark.sql import functions as F  # noqa: N812

    rows = context.lake.table(memberships_of(Customer))
    starts = " or ".join(f"audience = '{name}' and entered_on >= date'{day}'" for name, day in audiences.items())
    rows = rows.where(F.expr(starts or "false") & (F.col("entered_on") <= F.lit(context.day)) & ~F.col("holdout"))
    collected = rows.select("audience", "customer_id", "entered_on").collect()
    return sorted(((row[0], row[1], row[2]) for row in collected), key=lambda entry: (entry[2], entry))


def read_instances(context: Context) -> list[JourneyInstance]:
    """All instances, under the current name of their journey, with the customer who has their record today."""
    names = former_names(context)
    rows = [JourneyInstance(*row) for row in _kept(context, "journey_instances")]
    stored = [replace(instance, journey=names.get(instance.journey, instance.journey)) for instance in rows]
    records = first_records(context, {instance.customer_id for instance in stored if instance.record is None})
    return follow_records(
        stored, records, customers_of_records(context, {*records.values(), *(w.record for w in stored if w.record)})
    )


def former_names(context: Context) -> dict[str, str]:
    """Former names that journeys declare, each with the current name."""
    journeys = context.catalogue.journeys.values()
    return {old: journey.name for journey in journeys for old in journey.was or ()}


def follow_records(
    stored: Sequence[JourneyInstance], records: Mapping[str, Record], held_by: Mapping[Record, str]
) -> list[JourneyInstance]:
    """Give each instance the customer who has its record today. An active instance whose record has no customer ends.

    Walks without a record get the one in `records` of their customer. If one person has two active instances in a
    journey, the earlier one goes on and the later one ends.
    """
    assigned = [
        _of_record(instance, instance.record or records.get(instance.customer_id), held_by) for instance in stored
    ]
    first: dict[tuple[str, str], JourneyInstance] = {}
    for instance in sorted(assigned, key=lambda instance: (instance.entered_on, instance.instance_id)):
        if instance.status == "active":
            first.setdefault((instance.journey, instance.customer_id), instance)
    return [
        replace(instance, status="ended", outcome=MERGED)
        if instance.status == "active" and first[instance.journey, instance.customer_id] is not instance
        else instance
        for instance in assigned
    ]


def _of_record(instance: JourneyInstance, record: Record | None, held_by: Mapping[Record, str]) -> JourneyInstance:
    customer = held_by.get(record) if record else None
    if record and customer:
        return replace(instance, customer_id=customer, source=record[0], person_key=record[1])
    return replace(instance, status="ended", outcome=PARTED) if instance.status == "active" else instance


def first_records(context: Context, customers: Collection[str]) -> dict[str, Record]:
    """First record of each customer, including customers whose id has ended."""
    if not customers:
        return {}
    requested = context.lake.spark.createDataFrame(
        [(customer,) for customer in sorted(customers)], "customer_id string"
    )
    nth = "row_number() over (partition by customer_id order by valid_from, source, person_key) as nth"
    rows = context.lake.table(context.catalogue.tables["identities"]).join(requested, "customer_id")
    firsts = rows.selectExpr("customer_id", "source", "person_key", nth).where("nth = 1").collect()
    return {row[0]: (row[1], row[2]) for row in firsts}


def customers_of_records(context: Context, records: Collection[Record]) -> dict[Record, str]:
    """Customer of each record today. Records without a customer are left out."""
    if not records:
        return {}
    requested = context.lake.spark.createDataFrame(sorted(records), "source string, person_key string")
    people = as_of.people(context.lake, context.catalogue.tables["identities"])
    return {(row[0], row[1]): row[2] for row in people.join(requested, ["source", "person_key"]).collect()}


def decisions(context: Context) -> list[Decision]:
    """All decisions, under the current name of their journey."""
    names, rows = former_names(context), [Decision(*row) for row in _kept(context, "decisions")]
    return [replace(decision, journey=names.get(decision.journey, decision.journey)) for decision in rows]


def _kept(context: Context, name: str) -> list[Any]:
    if not context.lake.exists(f"gold/{name}"):
        return []
    table = context.catalogue.tables[name]
    return context.lake.table(table).select(*table.columns).collect()


def consenting(context: Context, due: Sequence[JourneyInstance]) -> set[str]:
    """Customers of these instances who currently consent to messages by e-mail."""

    customers = context.lake.table(context.catalogue.tables["customers"]).where(
        "array_contains(consents, 'messages:email')"
    )
    return {row[0] for row in customers.join(_customers(context, due), "customer_id").select("customer_id").collect()}


def customer_events(context: Context, due: Sequence[JourneyInstance], tables: Iterable[str]) -> CustomerEvents:
    """Events of the customers of these instances since they entered, by table and customer."""
    events = defaultdict(list)
    for name in tables:
        rows = _did(context, context.catalogue.tables[name], due)
        for customer, *dates in rows.select("customer_id", "on", "known_on", "until").distinct().collect():
            events[name, customer].append(CustomerEvent(*dates))
    return events


def _did(context: Context, table: type[Table], due: Sequence[JourneyInstance]) -> DataFrame:
    from pyspark.sql import functions as F  # noqa: N812

    # First, because expressions need a session.
    customers = _customers(context, due)
    on = F.to_date(F.col(str(table.event_time)))
    if table.layer == "gold":
        rows = as_of.facts(context, table, context.day).withColumns(
            {"on": on, "known_on": on, "until": F.lit(None).cast("date")}
        )
    else:
        # Include replaced versions, so that a skipped day is decided by the data of that day.
        rows = context.lake.table(table).where(F.col("recorded_on") <= F.lit(context.day))
        tables = context.catalogue.tables
        # Returns and cancelled orders are rows of these tables too, but reach no goal.
        purchase = table.conditions.get("purchase")
        goal = planned(table, reach(table, tables), "count(*)", purchase.sql if purchase else None, None)
        rows = rows.where(goal.rows.condition())
        dates = {"on": on, "known_on": F.greatest(on, F.col("recorded_on")), "until": F.col("replaced_on")}
        people = as_of.people(context.lake, context.catalogue.tables["identities"])
        rows = rows.withColumns(dates).join(people, ["source", "person_key"])
    since_entry = (F.col("on") > F.col("since")) & (F.col("on") <= F.lit(context.day))
    return rows.join(customers, "customer_id").where(since_entry)


def _customers(context: Context, due: Sequence[JourneyInstance]) -> DataFrame:
    """Customers of the instances, each with their earliest day of entry: customer_id, since."""
    since: dict[str, date] = {}
    for instance in due:
        since[instance.customer_id] = min(instance.entered_on, since.get(instance.customer_id, instance.entered_on))
    return context.lake.spark.createDataFrame(list(since.items()), "customer_id string, since date")


def replace_table(
    context: Context, name: str, rows: Sequence[JourneyInstance | Decision], receipt: Receipt
) -> WriteCounts:
    """Replace the rows of a table by these. The fields of a row are the columns of the table, in order."""
    table = context.catalogue.tables[name]
    schema = ", ".join(f"`{column}` {definition.type}" for column, definition in table.columns.items())
    frame = context.lake.spark.createDataFrame([astuple(row) for row in rows], schema)
    return context.lake.sync(table, frame, receipt)
