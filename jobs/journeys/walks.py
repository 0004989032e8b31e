"""What the lake knows of walks: entries, happenings and consents to decide by, and the tables that keep them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from jobs.journeys.program import Decision, Walk, instance_id
from quanyu import asof
from quanyu.feature import planned, reach
from quanyu.lake import Written
from quanyu.lake.receipt import Receipt
from quanyu.run import Context
from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# How a walk ends whose customer turned out to be one who is under way already.
MERGED = "merged"
# A return or a cancelled order is a row of these tables too, but nobody's goal.
COUNTS: Mapping[str, str] = {
    "orders": "kind = 'purchase' and status = 'paid'",
    "order_lines": "kind = 'sale' and status = 'paid'",
}


@dataclass(frozen=True)
class Happening:
    """Something a customer did on a day, and from which day until which (not included) it was known."""

    on: date
    known_on: date
    until: date | None

    def counts(self, since: date, on: date) -> bool:
        """Whether it came after the day of entry, and was known at the end of a day."""
        return self.on > since and self.known_on <= on and (self.until is None or self.until > on)


Happenings = Mapping[tuple[str, str], Sequence[Happening]]


def entries(context: Context, audiences: Sequence[str]) -> list[tuple[str, str, date]]:
    """Who came into the audiences up to the day, without the holdout: audience, customer, day of entry."""
    from pyspark.sql import functions as F  # noqa: N812

    rows = context.lake.table(context.catalogue.tables["memberships"])
    rows = rows.where(F.col("audience").isin(*audiences) & (F.col("entered_on") <= F.lit(context.day)))
    columns = ("audience", "customer_id", "entered_on")
    return [(row[0], row[1], row[2]) for row in rows.where(~F.col("holdout")).select(*columns).collect()]


def walks(context: Context) -> list[Walk]:
    """Every walk so far; those under way follow customers who became others."""
    return follow([Walk(*row) for row in _kept(context, "journey_instances")], asof.redirects(context.lake))


def follow(known: Sequence[Walk], into: Mapping[str, str]) -> list[Walk]:
    """Give walks under way the ids that go on; of two of one customer in a journey, the first goes on."""
    moved = [
        replace(one, customer_id=into[one.customer_id]) if one.status == "active" and one.customer_id in into else one
        for one in known
    ]
    first: dict[tuple[str, str], Walk] = {}
    for one in moved:
        if one.status == "active":
            held = first.setdefault((one.journey, one.customer_id), one)
            if (one.entered_on, one.instance_id) < (held.entered_on, held.instance_id):
                first[one.journey, one.customer_id] = one
    followed = {one.customer_id for one in moved if one.customer_id in into.values()}
    return [
        replace(one, status="ended", outcome=MERGED)
        if one.status == "active" and one.customer_id in followed and first[one.journey, one.customer_id] is not one
        else one
        for one in moved
    ]


def begun(known: Iterable[Walk], into: Mapping[str, str]) -> set[str]:
    """Names of the walks that were begun: the own, and what they would be called under the ids that go on.

    A stay goes over to another id as it is, and must not be walked from again.
    """
    return {
        name
        for one in known
        for name in (
            one.instance_id,
            instance_id(one.journey, into.get(one.customer_id, one.customer_id), one.entered_on),
        )
    }


def decisions(context: Context) -> list[Decision]:
    """Every decision so far."""
    return [Decision(*row) for row in _kept(context, "decisions")]


def _kept(context: Context, name: str) -> list[Any]:
    table = context.catalogue.tables[name]
    return context.lake.table(table).select(*table.columns).collect() if context.lake.exists(f"gold/{name}") else []


def consenting(context: Context, due: Sequence[Walk]) -> set[str]:
    """Customers of these walks whose consent to messages is on record now."""

    known = context.lake.table(context.catalogue.tables["customers"]).where(
        "array_contains(consents, 'messages:email')"
    )
    return {row[0] for row in known.join(_customers(context, due), "customer_id").select("customer_id").collect()}


def happenings(context: Context, due: Sequence[Walk], tables: Iterable[str]) -> Happenings:
    """What the customers of these walks did since they entered, by table and customer."""
    found = defaultdict(list)
    for name in tables:
        rows = _did(context, context.catalogue.tables[name], due)
        for customer, *told in rows.select("customer_id", "on", "known_on", "until").distinct().collect():
            found[name, customer].append(Happening(*told))
    return found


def _did(context: Context, table: type[Table], due: Sequence[Walk]) -> DataFrame:
    from pyspark.sql import functions as F  # noqa: N812

    # First of all, since expressions cannot be made before there is a session.
    customers = _customers(context, due)
    on = F.to_date(F.col(str(table.happens)))
    if table.layer == "gold":
        rows = asof.facts(context, table, context.day).withColumns(
            {"on": on, "known_on": on, "until": F.lit(None).cast("date")}
        )
    else:
        # Versions replaced since are kept, so that a skipped day is decided by what was known on it.
        rows = context.lake.table(table).where(F.col("recorded_on") <= F.lit(context.day))
        tables = context.catalogue.tables
        goal = planned(table, reach(table, tables), "count(*)", COUNTS.get(table.name), None)
        rows = rows.where(goal.rows.condition())
        told = {"on": on, "known_on": F.greatest(on, F.col("recorded_on")), "until": F.col("replaced_on")}
        people = asof.people(context.lake, context.catalogue.tables["identities"])
        rows = rows.withColumns(told).join(people, ["source", "person_key"])
    since_entry = (F.col("on") > F.col("since")) & (F.col("on") <= F.lit(context.day))
    return rows.join(customers, "customer_id").where(since_entry)


def _customers(context: Context, due: Sequence[Walk]) -> DataFrame:
    """Customers of the walks, each with the day of the earliest entry."""
    since: dict[str, date] = {}
    for walk in due:
        since[walk.customer_id] = min(walk.entered_on, since.get(walk.customer_id, walk.entered_on))
    return context.lake.spark.createDataFrame(list(since.items()), "customer_id string, since date")


def keep(context: Context, name: str, rows: Sequence[Walk | Decision], receipt: Receipt) -> Written:
    """Make a table hold just these rows; the fields of a row are the columns of its table, in order."""
    table = context.catalogue.tables[name]
    schema = ", ".join(f"`{column}` {told.type}" for column, told in table.columns.items())
    made = context.lake.spark.createDataFrame([astuple(row) for row in rows], schema)
    return context.lake.sync(table, made, receipt)
