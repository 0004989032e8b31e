"""What the gate goes by: the newest accepted facts of now, or those that were known at the end of a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from quanyu import asof
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
    return rows.join(
        asof.people(context.lake, context.catalogue.tables["identities"]), ["source", "person_key"], "left"
    )


def answers(context: Context, moment: Moment) -> DataFrame:
    """Consents at a moment. A grant dated after it does not count yet; a withdrawal does."""
    return known(context, "consents", moment).where(f"state = 'withdrawn' or changed_at <= {literal(moment.at)}")


def sources_of_consents(context: Context) -> list[str]:
    """Names of the feeds that tell of consents."""
    return [name for name, source in context.catalogue.sources.items() if "consents" in source.tables()]


def unreadable(context: Context) -> DataFrame:
    """Rows of feeds of consents that lie in quarantine: source, person_key, shows (texts of identifiers).

    A row that only repeats another is readable, and is not one of them.
    """
    spark, schema = context.lake.spark, "source string, person_key string, shows array<string>"
    rows = spark.createDataFrame([], schema)
    for name in sources_of_consents(context):
        place = f"quarantine/{name}"
        if not context.lake.exists(place) or "shows" not in context.lake.read(place).columns:
            continue
        # The embedded engine cannot push a function of a list's elements down to a table's files: one text can be.
        bad = context.lake.read(place).where(
            "size(reasons) >= size(split(array_join(reasons, '\n'), ': repeats the '))"
        )
        rows = rows.unionByName(bad.selectExpr(f"'{name}' as source", "person_key", "shows"))
    return rows


def paused_since(context: Context, moment: Moment, hours: float) -> datetime:
    """Instant from which on what pauses a contact still counts: before now, or before the end of the run's day."""
    return min(moment.at, context.as_of_at) - timedelta(hours=hours)
