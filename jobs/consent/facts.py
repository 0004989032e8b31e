"""What the gate goes by: the newest accepted facts of now, or those that were known at the end of a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from jobs.audiences.stays import ever_held_out
from quanyu import asof, standing
from quanyu.comparable import comparable_sql
from quanyu.literals import quoted
from quanyu.model.people import ANY
from quanyu.run import Context
from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Question:
    """What is asked: a purpose, a channel (`any` for none of the house's own), and the kinds of address it takes."""

    purpose: str
    channel: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Moment:
    """When it is asked: at an instant, by what is known now, or by what was known at the end of a day."""

    at: datetime
    day: date | None = None

    @classmethod
    def now(cls) -> Moment:
        """The present, by the newest accepted facts."""
        return cls(datetime.now(UTC))


def literal(at: datetime) -> str:
    """SQL of an instant, whatever the session's zone."""
    return f"timestamp'{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00:00'"


def known(context: Context, name: str, moment: Moment) -> DataFrame:
    """Rows of a table of facts about persons as known at a moment, with `customer_id` as known today.

    What is permanent counts from the day on which it became known, whatever a later file tells.
    """
    table: type[Table] = context.catalogue.tables[name]
    current = "replaced_on is null"
    if moment.day:
        current = f"recorded_on <= date'{moment.day}' and (replaced_on is null or replaced_on > date'{moment.day}')"
    if table.permanent:
        since = f"recorded_on <= date'{moment.day}'" if moment.day else "true"
        current = f"({current}) or (({table.permanent}) and {since})"
    rows = context.lake.table(table).where(current)
    return _with_customers(context, rows)


def _with_customers(context: Context, rows: DataFrame) -> DataFrame:
    people = asof.people(context.lake, context.catalogue.tables["identities"])
    return rows.join(people, ["source", "person_key"], "left")


def answers(context: Context, moment: Moment) -> DataFrame:
    """Consents at a moment. A grant dated after it does not count yet, or any more without its feed; a withdrawal does.

    Of a feed that is not declared any more nobody would hear that a grant ended.
    """
    declared = ", ".join(map(quoted, context.catalogue.sources)) or "null"
    granted = f"changed_at <= {literal(moment.at)} and source in ({declared})"
    return known(context, "consents", moment).where(f"state = 'withdrawn' or ({granted})")


def newest_grants(context: Context, question: Question, moment: Moment) -> DataFrame:
    """When each customer last agreed to what is asked: customer_id, granted_at."""
    rows = answers(context, moment).where(
        f"purpose = {quoted(question.purpose)} and channel in ('{ANY}', {quoted(question.channel)})"
        " and state = 'granted'"
    )
    newest = rows.groupBy("customer_id").agg({"changed_at": "max"})
    return newest.withColumnRenamed("max(changed_at)", "granted_at")


def feeds(context: Context, purpose: str) -> list[str]:
    """Names of the feeds that decide who may be reached: of consents and lists, for messages also of what became of
    them."""
    tables = _tables(purpose)
    return [name for name, source in context.catalogue.sources.items() if tables & set(source.tables())]


def _tables(purpose: str) -> set[str]:
    return {"consents", "suppressions", *(["messages"] if purpose == "messages" else [])}


def _gone(context: Context, purpose: str) -> list[str]:
    """Names of such feeds that are not declared any more, and have rows in quarantine."""
    lake, declared = context.lake, context.catalogue.sources
    bad = [place.partition("/")[2] for place in lake.places() if place.startswith("quarantine/")]
    names = ", ".join(quoted(name) for name in bad if name not in declared)
    if not names:
        return []
    tables = [context.catalogue.tables[name] for name in sorted(_tables(purpose))]
    rows = [lake.table(table).where(f"source in ({names})").select("source").distinct().collect() for table in tables]
    return sorted({row["source"] for table_rows in rows for row in table_rows})


def unreadable(context: Context, purpose: str) -> DataFrame:
    """Rows of these feeds that lie in quarantine: source, person_key, shows (texts of identifiers).

    A row that only repeats another is readable, and is not one of them.
    """
    spark, schema = context.lake.spark, "source string, person_key string, shows array<string>"
    rows = spark.createDataFrame([], schema)
    for name in [*feeds(context, purpose), *_gone(context, purpose)]:
        place = f"quarantine/{name}"
        if not context.lake.exists(place) or "shows" not in context.lake.read(place).columns:
            continue
        # The embedded engine cannot push a function of a list's elements down to a table's files: one text can be.
        bad = context.lake.read(place).where(
            "size(reasons) >= size(split(array_join(reasons, '\n'), ': repeats the '))"
        )
        rows = rows.unionByName(bad.selectExpr(f"'{name}' as source", "person_key", "shows"))
    return rows


def shown(context: Context, moment: Moment) -> DataFrame:
    """What records show: source, person_key, customer_id, shown_kind, `text` (comparable_sql), and whether it `stands`.

    What ceased reaches nobody, and an objection that was told with it goes on.
    """
    rows = known(context, "identifiers", moment)
    day = moment.day or standing.NOW
    gone = standing.ceased(context.lake, context.catalogue, day)
    if gone is None:
        stands = rows.selectExpr("*", "true as stands")
    else:
        gone = gone.selectExpr(*standing.ROW, "true as _gone")
        stands = rows.join(gone, standing.ROW, "left").selectExpr("*", "_gone is null as stands")
    text = f"{comparable_sql('kind', 'scope', 'value')} as text"
    return stands.selectExpr("source", "person_key", "customer_id", "kind as shown_kind", text, "stands")


def addresses(context: Context, moment: Moment) -> DataFrame:
    """Rows of `identifiers` that stand at a moment, with `customer_id` as known today."""
    rows = standing.standing(context.lake, context.catalogue, moment.day or standing.NOW)
    return _with_customers(context, rows)


def held_out(context: Context, audience: str) -> DataFrame:
    """Customers who are held out of an audience, or of whom a record once was: customer_id."""
    tables = context.catalogue.tables
    stays = context.lake.table(tables["memberships"]).where(f"audience = {quoted(audience)}")
    return ever_held_out(stays, context.lake.table(tables["identities"])).select("customer_id")


def paused_since(context: Context, moment: Moment, hours: float) -> datetime:
    """Instant from which on what pauses a contact still counts: before now, or before the end of the run's day."""
    return min(moment.at, context.as_of_at) - timedelta(hours=hours)
