"""Facts that consent decisions use: the current ones, or those that were valid at the end of a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

from jobs.audiences.memberships.intervals import ever_held_out
from jobs.consent.global_holdout import global_holdout
from quanyu.grammar.table import Table
from quanyu.identifiers import valid
from quanyu.identifiers.comparable import comparable_sql
from quanyu.literals import quoted
from quanyu.model.entities import Customer
from quanyu.model.outcomes import memberships_of
from quanyu.model.people import ANY
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Question:
    """What is asked: a purpose, a channel (`any` for an outside platform), and the kinds of address it uses."""

    purpose: str
    channel: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Moment:
    """Time of a question: an instant with current data (no `day`), or the end of a day with the data of that day.

    `owners` are the customers of persons then (source, person_key, customer_id), if not those of today.
    """

    at: datetime
    day: date | None = None
    owners: DataFrame | None = None

    @classmethod
    def now(cls) -> Moment:
        """The present, with current data."""
        return cls(datetime.now(UTC))

    @classmethod
    def end_of(cls, day: date, zone: tzinfo, owners: DataFrame | None = None) -> Moment:
        """The end of a day in a zone, with the data of that day."""
        return cls(datetime.combine(day + timedelta(days=1), time(), zone), day, owners)


def literal(at: datetime) -> str:
    """SQL of an instant, independent of the session's time zone."""
    return f"timestamp'{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00:00'"


def valid_rows(context: Context, name: str, moment: Moment) -> DataFrame:
    """Rows of a table about persons that are valid at a moment, with the `customer_id` of its owners.

    Permanent facts count from the day they were recorded, even if a later file contradicts them.
    """
    table: type[Table] = context.catalogue.tables[name]
    current = "replaced_on is null"
    if moment.day:
        current = f"recorded_on <= date'{moment.day}' and (replaced_on is null or replaced_on > date'{moment.day}')"
    if table.permanent_where:
        since = f"recorded_on <= date'{moment.day}'" if moment.day else "true"
        current = f"({current}) or (({table.permanent_where}) and {since})"
    rows = context.lake.table(table).where(current)
    return with_customers(context, rows, moment)


def with_customers(context: Context, rows: DataFrame, moment: Moment) -> DataFrame:
    """Rows about persons with the `customer_id` that each had at a moment, or null."""
    owners = as_of.people_of(context) if moment.owners is None else moment.owners
    return rows.join(owners, ["source", "person_key"], "left")


def answers(context: Context, moment: Moment) -> DataFrame:
    """Consents at a moment. A withdrawal always counts; a grant counts from its date on, while its feed is declared.

    Without its feed, nobody would learn that a grant ended.
    """
    declared = ", ".join(map(quoted, context.catalogue.sources)) or "null"
    granted = f"changed_at <= {literal(moment.at)} and source in ({declared})"
    return valid_rows(context, "consents", moment).where(f"state = 'withdrawn' or ({granted})")


def newest_grants(context: Context, question: Question, moment: Moment) -> DataFrame:
    """When each customer last granted what is asked: customer_id, granted_at."""
    rows = answers(context, moment).where(
        f"purpose = {quoted(question.purpose)} and channel in ('{ANY}', {quoted(question.channel)})"
        " and state = 'granted'"
    )
    newest = rows.groupBy("customer_id").agg({"changed_at": "max"})
    return newest.withColumnRenamed("max(changed_at)", "granted_at")


def feeds(context: Context, purpose: str) -> list[str]:
    """Names of feeds that decide who may be contacted: consents, suppression lists and, for messages, events."""
    tables = _tables(purpose)
    return [name for name, source in context.catalogue.sources.items() if tables & set(source.tables())]


def _tables(purpose: str) -> set[str]:
    return {"consents", "suppressions", *(["messages"] if purpose == "messages" else [])}


def _removed_feeds(context: Context, purpose: str) -> list[str]:
    """Names of such feeds that are no longer declared but have rows in quarantine."""
    lake, declared = context.lake, context.catalogue.sources
    bad = [place.partition("/")[2] for place in lake.places() if place.startswith("quarantine/")]
    names = ", ".join(quoted(name) for name in bad if name not in declared)
    if not names:
        return []
    tables = [context.catalogue.tables[name] for name in sorted(_tables(purpose))]
    rows = [lake.table(table).where(f"source in ({names})").select("source").distinct().collect() for table in tables]
    return sorted({row["source"] for table_rows in rows for row in table_rows})


def unreadable(context: Context, purpose: str, moment: Moment) -> DataFrame:
    """Rows of these feeds in quarantine: source, person_key, shows (texts of identifiers).

    A row that is only a duplicate is readable, and not included. As of a day, rows that were delivered by then; those
    that were corrected since are no longer there.
    """
    spark, schema = context.lake.spark, "source string, person_key string, shows array<string>"
    rows = spark.createDataFrame([], schema)
    delivered = f"_day is null or _day <= date'{moment.day}'" if moment.day else "true"
    for name in [*feeds(context, purpose), *_removed_feeds(context, purpose)]:
        place = f"quarantine/{name}"
        if not context.lake.exists(place) or "shows" not in context.lake.read(place).columns:
            continue
        # The embedded engine cannot push a filter on list elements down to the files, but it can on one text.
        bad = context.lake.read(place).where(delivered)
        bad = bad.where("size(reasons) >= size(split(array_join(reasons, '\n'), ': repeats the '))")
        rows = rows.unionByName(bad.selectExpr(f"'{name}' as source", "person_key", "shows"))
    return rows


def identifiers_of_records(context: Context, moment: Moment) -> DataFrame:
    """Identifiers of records: PERSON, customer_id, shown_kind, scope, value, `text` (comparable_sql), recorded_on,
    `stands`.

    `stands` is false for an identifier that is no longer valid. It reaches nobody, but an objection that came with it
    still applies.
    """
    rows = valid_rows(context, "identifiers", moment)
    ceased = valid.ended_identifiers(context.lake, context.catalogue, moment.day or valid.NOW)
    if ceased is None:
        stands = rows.selectExpr("*", "true as stands")
    else:
        ceased = ceased.selectExpr(*valid.ROW, "true as _ceased")
        stands = rows.join(ceased, valid.ROW, "left").selectExpr("*", "_ceased is null as stands")
    text = f"{comparable_sql('kind', 'scope', 'value')} as text"
    return stands.selectExpr(
        *valid.PERSON, "customer_id", "kind as shown_kind", "scope", "value", text, "recorded_on", "stands"
    )  # fmt: skip


def held_out(context: Context, audience: str) -> DataFrame:
    """Customers in the holdout of an audience or in that of everybody, or of whom a record ever was: customer_id."""
    stays = context.lake.table(memberships_of(Customer)).where(f"audience = {quoted(audience)}")
    identities = context.lake.table(context.catalogue.tables["identities"])
    of_audience = ever_held_out(Customer, stays, identities).select("customer_id")
    return of_audience.unionByName(global_holdout(context)).distinct()


def paused_since(context: Context, moment: Moment, hours: float) -> datetime:
    """Instant after which a pausing event still blocks contact, before the end of the question's day or the run's."""
    return (moment.at if moment.day else min(moment.at, context.as_of_at)) - timedelta(hours=hours)
