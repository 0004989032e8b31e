"""Reads and writes walks and decisions, and reads the entries, events and consents that they depend on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from jobs.journeys.program import Decision, Walk
from quanyu import as_of
from quanyu.grammar.feature import planned, reach
from quanyu.grammar.table import Table
from quanyu.lake import Written
from quanyu.lake.receipt import Receipt
from quanyu.model.entities import Customer
from quanyu.model.outcomes import memberships_of
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Outcomes of walks: the customer was merged into one who is under way; the record has no customer any more.
MERGED, PARTED = "merged", "parted"
# Returns and cancelled orders are rows of these tables too, but reach no goal.
COUNTS: Mapping[str, str] = {
    "orders": "kind = 'purchase' and status = 'paid'",
    "order_lines": "kind = 'sale' and status = 'paid'",
}


@dataclass(frozen=True)
class Happening:
    """An event of a customer: its day, and the days from (included) and until (excluded) which the data contain it."""

    on: date
    known_on: date
    until: date | None

    def counts(self, since: date, on: date) -> bool:
        """Whether it is after the day of entry and in the data at the end of day `on`."""
        return self.on > since and self.known_on <= on and (self.until is None or self.until > on)


Happenings = Mapping[tuple[str, str], Sequence[Happening]]


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


def walks(context: Context) -> list[Walk]:
    """All walks, under the current name of their journey, with the customer who has their record today."""
    names = renamed(context)
    rows = [Walk(*row) for row in _kept(context, "journey_instances")]
    stored = [replace(walk, journey=names.get(walk.journey, walk.journey)) for walk in rows]
    records = first_records(context, {walk.customer_id for walk in stored if walk.record is None})
    return followed(stored, records, holders(context, {*records.values(), *(w.record for w in stored if w.record)}))


def renamed(context: Context) -> dict[str, str]:
    """Former names that journeys declare, each with the current name."""
    journeys = context.catalogue.journeys.values()
    return {old: journey.name for journey in journeys for old in journey.was or ()}


def followed(stored: Sequence[Walk], records: Mapping[str, Record], held_by: Mapping[Record, str]) -> list[Walk]:
    """Give each walk the customer who has its record today. An active walk whose record has no customer ends.

    Walks without a record get the one in `records` of their customer. If one person has two active walks in a journey,
    the earlier one goes on and the later one ends.
    """
    assigned = [_of_record(walk, walk.record or records.get(walk.customer_id), held_by) for walk in stored]
    first: dict[tuple[str, str], Walk] = {}
    for walk in sorted(assigned, key=lambda walk: (walk.entered_on, walk.instance_id)):
        if walk.status == "active":
            first.setdefault((walk.journey, walk.customer_id), walk)
    return [
        replace(walk, status="ended", outcome=MERGED)
        if walk.status == "active" and first[walk.journey, walk.customer_id] is not walk
        else walk
        for walk in assigned
    ]


def _of_record(walk: Walk, record: Record | None, held_by: Mapping[Record, str]) -> Walk:
    customer = held_by.get(record) if record else None
    if record and customer:
        return replace(walk, customer_id=customer, source=record[0], person_key=record[1])
    return replace(walk, status="ended", outcome=PARTED) if walk.status == "active" else walk


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


def holders(context: Context, records: Collection[Record]) -> dict[Record, str]:
    """Customer of each record today. Records without a customer are left out."""
    if not records:
        return {}
    requested = context.lake.spark.createDataFrame(sorted(records), "source string, person_key string")
    people = as_of.people(context.lake, context.catalogue.tables["identities"])
    return {(row[0], row[1]): row[2] for row in people.join(requested, ["source", "person_key"]).collect()}


def decisions(context: Context) -> list[Decision]:
    """All decisions, under the current name of their journey."""
    names, rows = renamed(context), [Decision(*row) for row in _kept(context, "decisions")]
    return [replace(decision, journey=names.get(decision.journey, decision.journey)) for decision in rows]


def _kept(context: Context, name: str) -> list[Any]:
    if not context.lake.exists(f"gold/{name}"):
        return []
    table = context.catalogue.tables[name]
    return context.lake.table(table).select(*table.columns).collect()


def consenting(context: Context, due: Sequence[Walk]) -> set[str]:
    """Customers of these walks who currently consent to messages by e-mail."""

    customers = context.lake.table(context.catalogue.tables["customers"]).where(
        "array_contains(consents, 'messages:email')"
    )
    return {row[0] for row in customers.join(_customers(context, due), "customer_id").select("customer_id").collect()}


def happenings(context: Context, due: Sequence[Walk], tables: Iterable[str]) -> Happenings:
    """Events of the customers of these walks since they entered, by table and customer."""
    events = defaultdict(list)
    for name in tables:
        rows = _did(context, context.catalogue.tables[name], due)
        for customer, *dates in rows.select("customer_id", "on", "known_on", "until").distinct().collect():
            events[name, customer].append(Happening(*dates))
    return events


def _did(context: Context, table: type[Table], due: Sequence[Walk]) -> DataFrame:
    from pyspark.sql import functions as F  # noqa: N812

    # First, because expressions need a session.
    customers = _customers(context, due)
    on = F.to_date(F.col(str(table.happens)))
    if table.layer == "gold":
        rows = as_of.facts(context, table, context.day).withColumns(
            {"on": on, "known_on": on, "until": F.lit(None).cast("date")}
        )
    else:
        # Include replaced versions, so that a skipped day is decided by the data of that day.
        rows = context.lake.table(table).where(F.col("recorded_on") <= F.lit(context.day))
        tables = context.catalogue.tables
        goal = planned(table, reach(table, tables), "count(*)", COUNTS.get(table.name), None)
        rows = rows.where(goal.rows.condition())
        dates = {"on": on, "known_on": F.greatest(on, F.col("recorded_on")), "until": F.col("replaced_on")}
        people = as_of.people(context.lake, context.catalogue.tables["identities"])
        rows = rows.withColumns(dates).join(people, ["source", "person_key"])
    since_entry = (F.col("on") > F.col("since")) & (F.col("on") <= F.lit(context.day))
    return rows.join(customers, "customer_id").where(since_entry)


def _customers(context: Context, due: Sequence[Walk]) -> DataFrame:
    """Customers of the walks, each with their earliest day of entry: customer_id, since."""
    since: dict[str, date] = {}
    for walk in due:
        since[walk.customer_id] = min(walk.entered_on, since.get(walk.customer_id, walk.entered_on))
    return context.lake.spark.createDataFrame(list(since.items()), "customer_id string, since date")


def keep(context: Context, name: str, rows: Sequence[Walk | Decision], receipt: Receipt) -> Written:
    """Replace the rows of a table by these. The fields of a row are the columns of the table, in order."""
    table = context.catalogue.tables[name]
    schema = ", ".join(f"`{column}` {definition.type}" for column, definition in table.columns.items())
    frame = context.lake.spark.createDataFrame([astuple(row) for row in rows], schema)
    return context.lake.sync(table, frame, receipt)
