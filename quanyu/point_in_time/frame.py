"""Point-in-time frames: values of many pairs of an entity and a cutoff, each as known at the end of its cutoff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from quanyu.errors import ConfigError, nearest
from quanyu.grammar.entity import Entity
from quanyu.grammar.names import with_inputs
from quanyu.grammar.tags import profile_column
from quanyu.identifiers.valid import PERSON
from quanyu.literals import dates
from quanyu.plurals import number_of
from quanyu.point_in_time import as_of
from quanyu.point_in_time.identities import customers_of, log_began, valid_sql
from quanyu.point_in_time.profiles import computed_from
from quanyu.point_in_time.spine import InputsOfSpine
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Cutoffs for which everybody is computed, where a band needs all customers of the day.
MOST_DAYS_OF_EVERYBODY = 60


@dataclass(frozen=True)
class Frame:
    """Rows of a frame, and how many of them there are, and of which something is not known.

    `with_todays_identity` have the identities of today, `unknown` are about an entity that was not there, and
    `after_last_run` have a cutoff of which no feed has landed.
    `rows` have the columns of the spine, a column for each name, and `identity_as_of`: whether the row's identity is as
    valid on the cutoff. Values of an entity that was not there at the end of the cutoff are null.
    """

    rows: DataFrame
    count: int
    with_todays_identity: int
    unknown: int
    log_began: date | None
    after_last_run: int = 0
    last_run: date | None = None

    def notes(self) -> list[str]:
        """Sentences about rows with the identities of today, about unknown entities, and after the last run."""
        notes, whole = [], number_of(self.count, "row")
        if self.with_todays_identity:
            since = f"the log of customer ids begins on {self.log_began}" if self.log_began else "there is no log yet"
            notes.append(f"{self.with_todays_identity:,} of {whole} have identities as valid today: {since}")
        if self.unknown:
            notes.append(f"{self.unknown:,} of {whole} are about an entity that was not there: all null")
        if self.after_last_run:
            late_rows = (
                f"{self.after_last_run:,} of {whole} have a cutoff after the last day that was run, {self.last_run}"
            )
            notes.append(f"{late_rows}: what happened since is not known")
        return notes


def frame(
    context: Context, entity: type[Entity], spine: DataFrame, names: Sequence[str], present: bool = False
) -> Frame:  # fmt: skip
    """Values of features, tags, attributes and scores for each row of a spine, as known at the end of its cutoff.

    The spine has `cutoff`, a date, and the entity's key; for customers, the id of today or of the cutoff, or `source`
    and `person_key`. Its other columns stay as they are. Each view is computed in one pass, whatever the number of
    cutoffs; a tag with quantiles needs everybody of each cutoff, so that there may be MOST_DAYS_OF_EVERYBODY of them.
    With `present`, rows of an entity that was not there at the end of the cutoff are left out.

    Raises ConfigError for an unknown name, a spine without these columns, and too many cutoffs.
    """
    _check(context, entity, spine.columns, names)
    spine = context.lake.staging.materialize(spine)
    began = log_began(context) if entity.resolved else date.min
    key = PERSON if "person_key" in spine.columns and entity.resolved else [entity.key]
    named = spine.selectExpr(*key, "cutoff as as_of").distinct()
    named = named.where(" and ".join(f"`{column}` is not null" for column in [*key, "as_of"]))
    if entity.resolved:
        named = context.lake.staging.materialize(customers_of(context, named, began))
    else:
        named = named.selectExpr("*", f"`{entity.key}` as customer")
    pairs = named.selectExpr(f"customer as `{entity.key}`", "as_of").distinct()
    if _ranked(context, entity, names):
        pairs = _everybody(context, entity, pairs, began)
    values = computed_from(context, entity, names, InputsOfSpine.of(context, entity, pairs, began))
    return _framed(context, spine, key, named, values.withColumnRenamed(entity.key, "customer"), names, began, present)


def _framed(
    context: Context, spine: DataFrame, key: list[str], named: DataFrame, values: DataFrame, names: Sequence[str],
    began: date, present: bool,
) -> Frame:  # fmt: skip
    """Join values to the rows of the spine, and count what the notes say."""
    columns = (f"`{profile_column(name)}` as `{name}`" for name in dict.fromkeys(names))
    values = named.join(values, ["customer", "as_of"]).selectExpr(*key, "as_of as cutoff", *columns, "true as _there")
    identity = f"cutoff >= date'{began}' as identity_as_of"
    rows = spine.join(values, [*key, "cutoff"], "inner" if present else "left").selectExpr("*", identity)
    staged = context.lake.staging.materialize(rows)
    last = context.last_run()
    late = f"cutoff > date'{last}'" if last else "false"
    counts = staged.selectExpr(
        "count(*) as rows", "count_if(not identity_as_of) as today", "count_if(_there is null) as unknown",
        f"count_if({late}) as late",
    ).collect()[0]  # fmt: skip
    first = None if began in (date.min, date.max) else began
    return Frame(
        staged.drop("_there"), counts["rows"], counts["today"], counts["unknown"], first, counts["late"], last
    )  # fmt: skip


def _check(context: Context, entity: type[Entity], columns: Sequence[str], names: Sequence[str]) -> None:
    allowed = {name for name, column in context.catalogue.names(entity).items() if column.type}
    for name in names:
        if name not in allowed:
            raise ConfigError(f"a frame of {entity.plural(2)} cannot have {name!r}; {nearest(name, sorted(allowed))}")
    by_person = entity.resolved and set(PERSON) <= set(columns)
    if "cutoff" not in columns or not (entity.key in columns or by_person):
        persons = ", or source and person_key" if entity.resolved else ""
        raise ConfigError(f"a spine of {entity.plural(2)} has the columns cutoff and {entity.key}{persons}")


def _ranked(context: Context, entity: type[Entity], names: Sequence[str]) -> list[str]:
    """Tags with quantiles among the names and what they are made of."""
    tags = context.catalogue.tags_of(entity)
    return [name for name in with_inputs(names, tags) if name in tags and tags[name].quantiles]


def _everybody(context: Context, entity: type[Entity], pairs: DataFrame, began: date) -> DataFrame:
    days = sorted(row["as_of"] for row in pairs.select("as_of").distinct().collect())
    if len(days) > MOST_DAYS_OF_EVERYBODY:
        raise ConfigError(
            f"a band by quantiles needs everybody of each cutoff: a spine with one may have {MOST_DAYS_OF_EVERYBODY}"
            f" cutoffs, and this one has {len(days)}"
        )
    return everybody_on(context, entity, days, began)


def everybody_on(context: Context, entity: type[Entity], days: Sequence[date], began: date) -> DataFrame:
    """Every entity that may have been there on each day: its key, `as_of`."""
    if not entity.resolved:
        return as_of.all_entities(context, entity, *days)
    identities = context.lake.table(context.catalogue.tables["identities"])
    rows = identities.selectExpr("*", f"explode(array({dates(days)})) as as_of")
    return rows.where(valid_sql(began)).select(*entity.by()).distinct()
