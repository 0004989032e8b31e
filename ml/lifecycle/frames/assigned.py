"""Rows of campaigns: who was drawn into which arm, as known the day before, and what came of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from ml.lifecycle.frames.data_notes import on_left_out, on_sample
from ml.lifecycle.frames.dataset import (
    LabelledFrame,
    described,
    first_day,
    sampled,
    with_outcomes,
)
from quanyu.engine.filtered import rows_where
from quanyu.errors import ConfigError
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.offers.assignments import CHANCES, OF_ASSIGNMENT, OF_DRAW, CampaignAssignments
from quanyu.identifiers.valid import AS_KNOWN, PERSON
from quanyu.literals import dates
from quanyu.point_in_time import masters
from quanyu.point_in_time.identities import customers_of, log_began
from quanyu.run.runner import Context
from quanyu.sentences import Sentence

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame


def assigned(
    context: Context, spec: type[ModelSpec], since: date, until: date, share: float | None = None
) -> LabelledFrame:
    """Customers drawn into an arm from `since` up to and including `until`, a row for each of a campaign.

    `rows` also have OF_DRAW: `campaign`, `arm`, `probability`, that of the arm that the customer got, `chances`, those
    of all arms, and `arms`, how many the campaign has, with those that the experiment leaves out. The cutoff is the
    day before the draw: features are as known on it, of the customer that it was then, and the label counts from the
    day of the draw on. Draws whose horizon is not over on the context's day are left out. So are those whose
    probability nobody logged, customers whose records were drawn into several arms of a campaign, and persons that
    nobody knew the day before or who were not in the population then: notes count them. `share` is as in
    `dataset.labelled`.
    """
    staging, key = context.lake.staging, spec.entity.key
    draws = staging.materialize(_draws(context, spec, since, until))
    logged = staging.materialize(_of_customers(context, spec, draws.where("probability is not null")))
    single = staging.materialize(_one_of_each(logged, key))
    population, notes = described(context, spec, single.selectExpr(key, "as_of as cutoff").distinct())
    entities, share = sampled(context, spec, population, share)
    if share < 1:
        return LabelledFrame(
            _with_draws(context, spec, single, entities),
            (*notes, on_sample(spec.entity, share, context.settings.models.memory)),
            share,
        )
    rows = _with_draws(context, spec, single, entities)
    return LabelledFrame(rows, (*notes, *_left_out(draws, logged, single, key, len(rows))))


def _with_draws(context: Context, spec: type[ModelSpec], draws: DataFrame, entities: DataFrame) -> pd.DataFrame:
    """Rows of the draws of materialized entities, with features and label."""
    outcomes = context.lake.staging.materialize(with_outcomes(context, spec, entities))
    joined = draws.join(outcomes, spec.entity.by()).withColumnRenamed("as_of", "cutoff")
    rows: pd.DataFrame = joined.orderBy("cutoff", "campaign", spec.entity.key).toPandas()
    return rows


def cutoffs_of(context: Context, spec: type[ModelSpec]) -> tuple[list[date], date | None]:
    """Training cutoffs, newest first, and the test cutoff; None where no campaign with a known outcome is comparable.

    The test is all draws from the first one of the newest campaigns on that have a probability and can be compared, as
    far as the task compares arms. The training cutoffs are those whose outcome was known by then, with the history that
    the model asks for before them.
    """
    draws = _draws(context, spec, date.min, context.day).where("probability is not null")
    odds = draws.select("cutoff", *OF_DRAW).distinct().toPandas()
    days = odds[spec.task.comparable(odds)[0]]
    if days.empty:
        return [], None
    begins = days.groupby("campaign")["cutoff"].min().sort_values(kind="stable")
    test: date = begins.iloc[-_experiment(spec).test_campaigns :].iloc[0]
    first, horizon = first_day(context, spec), timedelta(days=spec.label.horizon_days)
    earliest = (first or date.min) + timedelta(days=spec.cutoffs.history_days)
    known = {cutoff for cutoff in days["cutoff"] if cutoff >= earliest and cutoff + horizon <= test}
    return sorted(known, reverse=True), test


def known_cutoffs(context: Context, spec: type[ModelSpec], since: date) -> list[date]:
    """Cutoffs from `since` on of draws whose outcome is known on the context's day."""
    draws = _draws(context, spec, since + timedelta(days=1), context.day)
    return sorted(row["cutoff"] for row in draws.select("cutoff").distinct().collect())


def _experiment(spec: type[ModelSpec]) -> CampaignAssignments:
    if spec.experiment is None:
        raise ConfigError(f"{spec.name} names no experiment whose assignments it could learn from.")
    return spec.experiment


def _draws(context: Context, spec: type[ModelSpec], since: date, until: date) -> DataFrame:
    """Draws as known on the context's day, whose outcome is known on it: PERSON, OF_DRAW, cutoff, `as_of`.

    `as_of` is the day by whose end the draw was known.
    """
    experiment, catalogue = _experiment(spec), context.catalogue
    table = catalogue.tables[experiment.over]
    rows = context.lake.table(table).selectExpr("*", f"date'{context.day}' as as_of").where(AS_KNOWN)
    arms = rows.select("campaign", "arm").distinct().groupBy("campaign").agg({"arm": "count"}).toDF("campaign", "arms")
    # Sail builds its hash table from the left side of a join: campaigns are fewer than their draws.
    rows = arms.join(rows, "campaign")
    rows = masters.with_referred(context, rows, table, [experiment.where] if experiment.where else [], context.day)
    rows = rows_where(rows, experiment.condition(catalogue.tables))
    day = f"to_date(`{table.event_time}`)"
    chances = CHANCES if CHANCES in table.columns else f"cast(null as string) as {CHANCES}"
    draws = rows.selectExpr(
        *PERSON,
        *OF_ASSIGNMENT,
        chances,
        "arms",
        f"date_sub({day}, 1) as cutoff",
        f"greatest({day}, recorded_on) as as_of",
    )
    newest = min(until, context.day - timedelta(days=spec.label.horizon_days - 1))
    return draws.where(f"date_add(cutoff, 1) between {dates([since])} and {dates([newest])}")


def _of_customers(context: Context, spec: type[ModelSpec], draws: DataFrame) -> DataFrame:
    """Draws of customers who were there on the cutoff: the entity's key of then, OF_DRAW, the cutoff as `as_of`.

    A record of the campaign's tool may be new with the draw, so that its customer is that of the day of the draw; the
    key is the one that this customer had on the cutoff.
    """
    began, key = log_began(context), spec.entity.key
    persons = draws.select(*PERSON, "as_of").distinct()
    owners = context.lake.staging.materialize(customers_of(context, persons, began))
    owned = context.lake.staging.materialize(draws.join(owners, [*PERSON, "as_of"]).drop("as_of"))
    pairs = owned.selectExpr(f"customer as `{key}`", "cutoff as as_of").distinct()
    then = context.lake.staging.materialize(customers_of(context, pairs, began))
    then = then.selectExpr(f"`{key}` as later", "as_of", f"customer as `{key}`")
    drawn = owned.withColumnsRenamed({"customer": "later", "cutoff": "as_of"})
    return drawn.join(then, ["later", "as_of"]).select(key, "as_of", *OF_DRAW, *PERSON)


def _one_of_each(draws: DataFrame, key: str) -> DataFrame:
    """The first draw of each customer in each campaign, without customers who were drawn into several arms of it."""
    order = f"partition by `{key}`, campaign order by as_of, source, person_key"
    arms = f"over (partition by `{key}`, campaign)"
    several = f"min(arm) {arms} <> max(arm) {arms} as several"
    numbered = draws.selectExpr("*", f"row_number() over ({order}) as nth", several)
    return numbered.where("nth = 1 and not several").select(key, "as_of", *OF_DRAW)


def _left_out(draws: DataFrame, logged: DataFrame, single: DataFrame, key: str, rows: int) -> list[Sentence]:
    """Notes on draws that are no rows."""
    counts = draws.selectExpr("count(*) as all", "count(probability) as logged").collect()[0]
    pairs = logged.select(key, "campaign").distinct().count()
    chosen = single.count()
    without, several, others = counts["all"] - counts["logged"], pairs - chosen, chosen - rows
    unknown = counts["logged"] - logged.count()
    return on_left_out(counts["all"], without, several, unknown, others)
